// Steps of which so many handlers may be at work at a time in all runs of a workflow.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe } from "node:test";
import { InvalidArgumentError, StepError, Workflow } from "blazen";
import { atWork, Desk, waitingFor, working } from "./limits/harness.mjs";
import { quiet, rejectionOf, START, stop, test } from "./stores/harness.mjs";
import { inEveryWay } from "./ways/harness.mjs";

const ONE = { limit: { concurrency: 1 } };
const ONE_BY_TENANT = { limit: { concurrency: 1, key: ({ tenant }) => tenant } };

/** `letters(3, "a")` is a1, a2, a3. */
const numbered = (count, letter) => Array.from({ length: count }, (_, n) => `${letter}${n + 1}`);

/** Notes what happens to attempts at a step, until the run has ended. */
async function tellOf(name, handler, told) {
  for await (const { type, step } of handler.stream({ lifecycle: true })) if (step === name) told.push(type);
}

describe("a step with a limit", () => {
  inEveryWay("has at most so many handlers at work in all runs, and takes everything in the end", {
    build: ({ store, pass }) => {
      let handlersAtWork = 0;
      const workflow = new Workflow("limited", { store })
        .addStep("split", [START], ({ isBeside }) => {
          // Other runs, of which some are unfinished when this one is interrupted.
          const others = isBeside ? [] : Array.from({ length: 3 }, () => workflow.run({ isBeside: true }));
          for (const other of others) other.catch(() => {});
          return Array.from({ length: 30 }, (_, n) => ({ type: "Work", n }));
        })
        .addStep(
          "work",
          ["Work"],
          async ({ n }) => {
            handlersAtWork += 1;
            assert.ok(handlersAtWork <= 3, `${handlersAtWork} at a time`);
            await new Promise((resolve) => setTimeout(resolve, 2));
            handlersAtWork -= 1;
            return { type: "Done", n };
          },
          { limit: { concurrency: 3 } },
        )
        .addStep("join", ["Done"], async (event, ctx) => {
          const all = await ctx.collectEvents(event, { Done: 30 });
          if (all === null && event.n === 1) pass();
          return all && stop(all.map(({ n }) => n).sort((a, b) => a - b));
        });
      return workflow;
    },
    restless: true,
    expect: Array.from({ length: 30 }, (_, n) => n),
  });

  test("gives slots to its runs in turn, and within a run in the order of its events", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    const first = await atWork(workflow, desk, "first");
    const others = await waitingFor(workflow, numbered(3, "a"), numbered(1, "b"), numbered(2, "c"));
    assert.deepEqual(desk.calls, ["first"]);
    const order = ["first", "a1", "b1", "c1", "a2", "c2", "a3"];
    for (const name of order) {
      await desk.begun(name);
      desk.letGo(name);
    }
    for (const handler of [first, ...others]) await handler.result();
    assert.deepEqual(desk.calls, order);
  });

  test("lets a run with one event in between the thousand events of another", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    const many = numbered(1_000, "a");
    const [large] = await waitingFor(workflow, many);
    const [small] = await waitingFor(workflow, "b");
    desk.letGo("b", ...many);
    assert.deepEqual((await small.result()).data, ["b"]);
    assert.deepEqual((await large.result()).data, many);
    assert.deepEqual(desk.calls, ["a1", "a2", "b", ...many.slice(2)]);
  });

  test("lets nothing starve among runs that come back at once and for ever", async () => {
    const desk = new Desk();
    const workflow = working(({ name }, ctx) => {
      if (name.startsWith("busy")) return { type: "Work", name };
      return desk.handler({ name }, ctx);
    }, ONE);
    const busy = await Promise.all(numbered(3, "busy").map((name) => workflow.runWithHandler({ names: [name] })));
    desk.letGo(...numbered(5, "a"));
    assert.deepEqual((await workflow.run({ names: numbered(5, "a") })).data, numbered(5, "a"));
    for (const handler of busy) await handler.abort();
  });

  test("takes twenty thousand events of two runs one at a time", async () => {
    const count = 10_000;
    let handlersAtWork = 0;
    const workflow = new Workflow("one by one")
      .addStep("split", [START], () => Array.from({ length: count }, (_, n) => ({ type: "Work", n })))
      .addStep(
        "work",
        ["Work"],
        async ({ n }) => {
          handlersAtWork += 1;
          assert.equal(handlersAtWork, 1);
          await null;
          handlersAtWork -= 1;
          return n === count - 1 ? stop(n) : null;
        },
        ONE,
      );
    const results = await Promise.all([workflow.run(), workflow.run()]);
    for (const { data } of results) assert.equal(data, count - 1);
  });

  test("does not let one key disturb another", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE_BY_TENANT);
    const held = await atWork(workflow, desk, "ada's", { tenant: "ada" });
    const waiting = await workflow.runWithHandler({ names: ["ada's second"], tenant: "ada" });
    desk.letGo("bob's", "bob's second", "nobody's", "ada's second");
    for (const [name, tenant] of Object.entries({ "bob's": "bob", "bob's second": "bob", "nobody's": "" })) {
      await workflow.run({ names: [name], tenant });
    }
    assert.deepEqual(desk.calls, ["ada's", "bob's", "bob's second", "nobody's"]);
    desk.letGo("ada's");
    await Promise.all([held.result(), waiting.result()]);
    assert.equal(desk.calls.at(-1), "ada's second");
  });

  test("takes any string for a key", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE_BY_TENANT);
    const keys = ["", "__proto__", "a\0b", "\ud800", "x".repeat(1e6)];
    for (const [n, tenant] of keys.entries()) await atWork(workflow, desk, `held ${n}`, { tenant });
    for (const [n, tenant] of keys.entries()) await workflow.runWithHandler({ names: [`waiting ${n}`], tenant });
    await quiet();
    assert.deepEqual(
      desk.calls,
      keys.map((_, n) => `held ${n}`),
    );
  });

  test("does not meet another step, nor the same step of another workflow", async () => {
    const desk = new Desk();
    const [one, other] = [working(desk.handler, ONE), working(desk.handler, ONE)];
    one.addStep("beside", ["Work"], ({ name }) => desk.handler({ name: `beside ${name}` }, { attempt: 1 }), ONE);
    await one.runWithHandler({ names: ["a"] });
    await desk.begun("a");
    await desk.begun("beside a");
    await atWork(other, desk, "b");
  });

  test("keeps its limit when steps are added while runs are at work", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    const before = await atWork(workflow, desk, "before");
    workflow.addStep("later", ["Later"], () => null);
    const [after] = await waitingFor(workflow, "after");
    assert.deepEqual(desk.calls, ["before"]);
    desk.letGo("before", "after");
    await Promise.all([before.result(), after.result()]);
  });

  test("goes with a concurrency of each run", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, { concurrency: 2, limit: { concurrency: 3 } });
    const handlers = await waitingFor(workflow, numbered(4, "a"), numbered(4, "b"));
    assert.deepEqual(desk.calls, ["a1", "a2", "b1"]);
    desk.letGo("a1");
    await desk.begun("b2");
    desk.letGo("a2");
    await desk.begun("a3");
    await quiet();
    assert.deepEqual(desk.calls, ["a1", "a2", "b1", "b2", "a3"]);
    desk.letGo(...numbered(4, "a"), ...numbered(4, "b"));
    for (const handler of handlers) await handler.result();
  });

  test("counts a timeout from when the handler is called", async () => {
    const calls = [];
    const workflow = working(
      async ({ name }) => {
        calls.push(name);
        await new Promise((resolve) => name === "next" && setTimeout(resolve, 2));
        return { type: "Done", name };
      },
      { ...ONE, timeout: 100 },
    );
    const late = rejectionOf(workflow.run({ names: ["late"] }));
    const next = workflow.run({ names: ["next"] });
    assert.equal((await late).cause.name, "StepTimeoutError");
    assert.deepEqual((await next).data, ["next"], "it has waited for as long as it may be at work");
    assert.deepEqual(calls, ["late", "next"]);
  });

  test("says that an attempt has started when its handler is called", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    await atWork(workflow, desk, "first");
    const handler = await workflow.runWithHandler({ names: ["second"] }, { lifecycle: true });
    const told = [];
    const reading = tellOf("work", handler, told);
    await quiet();
    assert.deepEqual(told, []);
    desk.letGo("first", "second");
    await handler.result();
    await reading;
    assert.deepEqual(told, ["blazen::step.started", "blazen::step.completed"]);
  });

  test("calls each handler in the asynchronous context of its own run", async () => {
    const storage = new AsyncLocalStorage();
    const seen = {};
    const workflow = working(async ({ name }) => {
      await null;
      seen[name] = storage.getStore();
      storage.enterWith("another's");
      return { type: "Done", name };
    }, ONE);
    await Promise.all(["a", "b", "c"].map((run) => storage.run(run, () => workflow.run({ names: [run] }))));
    assert.deepEqual(seen, { a: "a", b: "b", c: "c" });
  });
});

describe("a key that is none", () => {
  const wrong = [5, null, undefined, true, Symbol("key"), {}, ["a"], new String("a"), () => "a"];
  for (const key of wrong) {
    test(`fails the attempt: ${typeof key} ${Array.isArray(key) ? "array" : ""}${String(key)}`, async () => {
      const workflow = working(() => assert.fail("called"), { limit: { concurrency: 1, key: () => key } });
      const error = await rejectionOf(workflow.run({ names: ["a"] }));
      assert.ok(error instanceof StepError);
      assert.equal(error.step, "work");
      assert.ok(error.cause instanceof InvalidArgumentError);
      assert.match(
        error.cause.message,
        /^what key in "limit" of step "work" gives must be a string, given at once, and/,
      );
    });
  }

  test("fails the attempt where it is a promise, also one that rejects", async () => {
    for (const key of [async () => "a", () => Promise.reject(new Error("not seen"))]) {
      const workflow = working(() => assert.fail("called"), { limit: { concurrency: 1, key } });
      const { cause } = await rejectionOf(workflow.run({ names: ["a"] }));
      assert.ok(cause instanceof InvalidArgumentError);
      assert.match(cause.message, /is an object \(Promise\)$/);
    }
  });

  test("fails the attempt with what the function throws", async () => {
    const thrown = new RangeError("no tenant");
    const key = () => {
      throw thrown;
    };
    const workflow = working(() => assert.fail("called"), { limit: { concurrency: 1, key } });
    assert.equal((await rejectionOf(workflow.run({ names: ["a"] }))).cause, thrown);
  });

  test("is tried again, told by an event, and started and failed, as of a handler that throws", async () => {
    const asked = [];
    const key = ({ name }) => {
      asked.push(name);
      if (name === "never" || asked.length === 1) throw new Error("not yet");
      return name;
    };
    const retry = { maxAttempts: 2, initialDelayMs: 1 };
    const workflow = working(({ name }, { attempt }) => ({ type: "Done", name, attempt }), {
      limit: { concurrency: 1, key },
      retry,
      onFailure: "Failed",
    }).addStep("failed", ["Failed"], ({ error, event }) => stop(`${event.name}: ${error.message}`));
    assert.deepEqual((await workflow.run({ names: ["in time"] })).data, ["in time"]);

    const handler = await workflow.runWithHandler({ names: ["never"] }, { lifecycle: true });
    assert.equal((await handler.result()).data, "never: not yet");
    const told = [];
    await tellOf("work", handler, told);
    const started = "blazen::step.started";
    assert.deepEqual(told, [started, "blazen::step.retrying", started, "blazen::step.failed"]);
  });
});
