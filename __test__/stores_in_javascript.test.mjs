// What becomes of a run whose store, written in JavaScript, does not answer as it must: nothing counts as stored that the
// store has not plainly said.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Workflow } from "blazen";
import { deferred } from "./bad_input/harness.mjs";
import { MapStore } from "./conformance/map_store.mjs";
import { quiet } from "./turns.mjs";

const ID = "11111111-1111-4111-8111-111111111111";
const OTHER = "22222222-2222-4222-8222-222222222222";
const IO = "ERR_BLAZEN_STORE_IO";
const CORRUPT = "ERR_BLAZEN_STORE_CORRUPT";

const store = (methods) => ({
  commit: async () => {},
  load: async () => null,
  runs: async () => ({ runs: [] }),
  ...methods,
});

const orders = (methods) =>
  new Workflow("orders", { store: store(methods) }).addStep("only", ["blazen::StartEvent"], () => ({
    type: "blazen::StopEvent",
    result: 1,
  }));

const stored = (fields) => ({
  runId: ID,
  workflow: "orders",
  version: 2,
  status: "completed",
  result: "7",
  createdAt: 1,
  updatedAt: 2,
  lastDelivery: 1,
  pending: [],
  waits: [],
  state: [],
  ...fields,
});

const pending = (fields) => ({
  delivery: 1,
  step: "only",
  eventType: "blazen::StartEvent",
  event: '{"type":"blazen::StartEvent"}',
  attempt: 1,
  sent: 0,
  ...fields,
});

describe("an answer to commit() that does not say what was taken fails the run", () => {
  const answers = {
    "another shape of refusal": () => [{ reason: "conflict" }],
    "false instead of a refusal": () => [false],
    "a refusal without a version": () => [{ storedVersion: null }],
    "a version that is none": () => [{ storedVersion: 1.5 }],
    "a list that is too short": () => [],
    "a list that is too long": (commits) => [...commits, {}].map(() => null),
    "a word": () => "ok",
    null: () => null,
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(name, async () => {
      await assert.rejects(orders({ commit: async (commits) => answer(commits) }).run(), {
        code: IO,
        message: /commit\(\)/,
      });
    });
  }

  test("what it throws is told", async () => {
    const commit = async () => {
      throw new Error("no room");
    };
    await assert.rejects(orders({ commit }).run(), { code: IO, message: "the store's commit() failed: no room" });
  });

  test("a refusal is a conflict", async () => {
    const refused = orders({ commit: async (commits) => commits.map(() => ({ storedVersion: 7 })) });
    await assert.rejects(refused.run(), { code: "ERR_BLAZEN_RUN_EXISTS" });
  });
});

/** Its runs have four handlers that settle at once. */
const fan = (options) =>
  new Workflow("fan", options)
    .addStep("split", ["blazen::StartEvent"], () => [1, 2, 3, 4].map((n) => ({ type: "Item", n })))
    .addStep("work", ["Item"], async ({ n }, ctx) => {
      await ctx.set(`item ${n}`, n);
      return null;
    });

for (const durability of ["sync", "async"]) {
  test(`of a run one commit is handed over at a time, and none behind one that was refused, with ${durability}`, async () => {
    const versions = [];
    // Somebody else has stored version 3 in the meantime, so that what comes behind would fit.
    const commit = async (commits) => {
      assert.equal(new Set(commits.map(({ runId }) => runId)).size, commits.length);
      await quiet();
      versions.push(...commits.map(({ version }) => version));
      return commits.map(({ version }) => (version === 3 ? { storedVersion: 3 } : null));
    };
    await assert.rejects(fan({ store: store({ commit }), durability }).run(), { code: "ERR_BLAZEN_RUN_CONFLICT" });
    await quiet();
    assert.deepEqual(versions, [1, 2, 3]);
  });

  test(`a commit whose fate is not known is followed by none of its run, with ${durability}`, async () => {
    let calls = 0;
    const commit = async () => {
      calls += 1;
      await quiet();
      if (calls === 3) throw new Error("connection reset");
    };
    await assert.rejects(fan({ store: store({ commit }), durability }).run(), { code: IO });
    await quiet();
    assert.equal(calls, 3);
  });
}

test("what a refused holder of a run would write next does not fit by chance", async () => {
  const kept = new MapStore();
  const counting = (options) =>
    new Workflow("counting", options)
      .addStep("begin", ["blazen::StartEvent"], () => ({ type: "Count", n: 0 }))
      .addStep("count", ["Count"], async ({ n }, ctx) => {
        await ctx.set("n", n);
        if (n === 5) paused.resolve(running.pause());
        return n === 20 ? { type: "blazen::StopEvent", result: n } : { type: "Count", n: n + 1 };
      });
  const paused = deferred();
  const running = await counting({ store: kept }).runWithHandler();
  const snapshot = await paused.promise;
  const before = await kept.load(running.runId);
  // Another process, which has looked before the run was there. It is ahead of its store, so that it has made all its
  // changes when it hears that it is refused.
  const elsewhere = store({ commit: (commits) => kept.commit(commits) });
  const other = await counting({ store: elsewhere, durability: "async" }).resume(snapshot);
  await assert.rejects(other.result(), { code: "ERR_BLAZEN_RUN_EXISTS" });
  assert.deepEqual(await kept.load(running.runId), before);
  await running.resumeInPlace();
  assert.equal((await running.result()).data, 20);
});

describe("an answer to load() that is not the run that was asked for", () => {
  const answers = {
    undefined: undefined,
    "a word": "run",
    "an empty object": {},
    "another run": stored({ runId: OTHER }),
    "a run without a version": stored({ version: undefined }),
    "a version that is none": stored({ version: -1 }),
    "an unknown status": stored({ status: "done" }),
    "a failure without an error": stored({ status: "failed" }),
    "no list of what is pending": stored({ pending: undefined }),
    "a result that is no JSON": stored({ result: "{no" }),
    "an error that is no JSON": stored({ status: "failed", error: "no" }),
    "an event that is no JSON": stored({ status: "running", pending: [pending({ event: "{no" })] }),
    "an event that is null": stored({ status: "running", pending: [pending({ event: "null" })] }),
    "an event without a type": stored({ status: "running", pending: [pending({ event: "{}" })] }),
    "a delivery twice": stored({ status: "running", pending: [pending({}), pending({})] }),
    "a delivery greater than the last": stored({ status: "running", pending: [pending({ delivery: 2 })] }),
    "an attempt that is 0": stored({ status: "running", pending: [pending({ attempt: 0 })] }),
    "a state key twice": stored({ state: [0, 1].map((place) => ({ key: "n", place, value: "1" })) }),
    "a request that is no JSON": stored({ status: "running", waits: [{ id: "q", kind: "input", event: "{no" }] }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(name, async () => {
      await assert.rejects(orders({ load: async () => answer }).attach(ID), { code: CORRUPT });
    });
  }

  test("a field that is null counts as left out, as it comes from SQL", async () => {
    const run = stored({ error: null, finishedAt: null, timeRemaining: null });
    const handler = await orders({ load: async () => run }).attach(ID);
    assert.equal((await handler.result()).data, 7);
  });
});

describe("an answer to runs() that is no page", () => {
  const answers = {
    undefined: undefined,
    "an empty object": {},
    "a list": [],
    "runs without ids": { runs: [{}] },
    "a parent that is a text": { runs: [{ runId: ID, parent: JSON.stringify({ runId: ID, depth: 1 }) }] },
    "a time to wake that is a text": { runs: [{ runId: ID, wakesAt: "2026-01-01T00:00:00Z" }] },
    "a next page that is none": { runs: [], next: "more" },
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(name, async () => {
      await assert.rejects(orders({ runs: async () => answer }).recover(), { code: IO, message: /runs\(\)/ });
    });
  }
});
