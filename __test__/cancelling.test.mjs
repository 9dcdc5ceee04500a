// Runs that are cancelled by their id: at work, at rest, and in a store that nobody works on.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { AbortedError, MemoryStore, SqliteStore, Workflow } from "blazen";
import { MapStore } from "./conformance/map_store.mjs";
import {
  asking,
  gate,
  NOBODY,
  newFile,
  one,
  quiet,
  rejectionOf,
  START,
  stop,
  test,
  waiting,
} from "./stores/harness.mjs";

const ABORTED = { code: "ERR_BLAZEN_ABORTED" };
const REASON = { by: "the customer" };
const HOUR = 3_600_000;

const STORES = {
  MemoryStore: () => new MemoryStore(),
  SqliteStore: () => SqliteStore.open(newFile()),
  MapStore: () => new MapStore(),
};

const never = () => new Promise(() => {});
const unwanted = () => assert.fail("a handler was called");

/** What a store has of a run. One in JavaScript has no `run()`, and is asked as a workflow would ask. */
async function stored(store, runId) {
  if (!(store instanceof MapStore)) return store.run(runId);
  const { status, pending, waits, error } = await store.load(runId);
  const { code, cause } = error === undefined ? {} : JSON.parse(error);
  return { status, pending, inputRequests: waits, error: { code, cause: cause?.value } };
}

async function assertCancelled(store, runId, reason = REASON) {
  const { status, pending, inputRequests, error } = await stored(store, runId);
  assert.deepEqual([status, pending, inputRequests], ["cancelled", [], []]);
  assert.deepEqual([error.code, error.cause], ["ERR_BLAZEN_ABORTED", reason]);
}

/** A run whose handler stands still, and the context of that. */
async function atWork(store, options) {
  const called = gate();
  let context;
  const wf = one(
    store,
    (_event, ctx) => {
      context = ctx;
      void ctx.signal;
      called.open();
      return never();
    },
    options,
  );
  const handler = await wf.runWithHandler();
  await called.opened;
  return { wf, handler, context };
}

/** A run that has an event under way that is delivered in an hour, and a handler that is called again in an hour. */
async function asleep(store) {
  const failed = gate();
  const wf = new Workflow("asleep", { store })
    .addStep("send", [START], async (_event, ctx) => {
      await ctx.sendEvent({ type: "Later" }, { delayMs: HOUR });
      return { type: "Fails" };
    })
    .addStep("later", ["Later"], unwanted)
    .addStep(
      "fails",
      ["Fails"],
      (_event, ctx) => {
        if (ctx.attempt > 1) unwanted();
        failed.open();
        throw new Error("once");
      },
      { retry: { maxAttempts: 2, initialDelayMs: HOUR, maxDelayMs: HOUR } },
    );
  const handler = await wf.runWithHandler();
  await failed.opened;
  await quiet();
  return { wf, handler };
}

/** Runs in every state in which they may be here. */
const STATES = {
  "at work": (store) => atWork(store),
  "at work, written asynchronously": (store) => atWork(store, { durability: "async" }),
  "at work, written when it ends": (store) => atWork(store, { durability: "exit" }),
  "that waits for an answer": async (store) => {
    const wf = asking(store);
    return { wf, handler: await waiting(wf) };
  },
  "that sleeps": asleep,
  "that is paused": async (store) => {
    const { wf, handler } = await STATES["that waits for an answer"](store);
    await handler.pause();
    return { wf, handler };
  },
  "that is paused, and was only then written": async (store) => {
    const wf = asking(store, { durability: "exit" });
    const handler = await waiting(wf);
    await handler.pause();
    return { wf, handler };
  },
  "that is about to pause": async (store) => {
    const { wf, handler } = await atWork(store);
    const paused = rejectionOf(handler.pause());
    return { wf, handler, check: async () => assert.equal((await paused).code, "ERR_BLAZEN_RUN_ENDED") };
  },
};

for (const [kind, open] of Object.entries(STORES)) {
  describe(`cancel(), with a ${kind},`, () => {
    for (const [state, begin] of Object.entries(STATES)) {
      test(`ends a run ${state}, once, and its end is stored when that is said`, async () => {
        const store = open();
        const { wf, handler, context, check } = await begin(store);
        const { runId } = handler;
        assert.deepEqual(await Promise.all([wf.cancel(runId.toUpperCase(), REASON), wf.cancel(runId)]), [true, false]);
        await assertCancelled(store, runId);
        const failure = await rejectionOf(handler.result());
        assert.ok(failure instanceof AbortedError);
        assert.deepEqual([failure.runId, failure.cause], [runId, REASON]);
        if (context !== undefined) assert.equal(context.signal.reason, failure);
        await check?.();
        assert.equal(await wf.cancel(runId, "again"), false);
        await assertCancelled(store, runId);
        const attached = await wf.attach(runId);
        await assert.rejects(attached.result(), { ...ABORTED, cause: REASON });
        assert.deepEqual(await wf.recover(), []);
      });
    }

    test("leaves a run as it ended", async () => {
      const store = open();
      const outcomes = { completed: () => stop("done"), failed: () => Promise.reject(new Error("broken")) };
      for (const [status, handler] of Object.entries(outcomes)) {
        const wf = one(store, handler);
        const ended = await wf.runWithHandler();
        await ended.result().catch(() => undefined);
        const { runId } = ended;
        const before = await stored(store, runId);
        assert.equal(before.status, status);
        assert.equal(await wf.cancel(runId), false);
        assert.deepEqual(await stored(store, runId), before);
      }
    });

    test("ends a run that is being begun, and a handler of it hears so", async () => {
      const store = open();
      const wf = one(store, never);
      const begun = wf.runWithHandler({}, { runId: NOBODY });
      assert.equal(await wf.cancel(NOBODY, REASON), true);
      await assert.rejects((await begun).result(), ABORTED);
      await assertCancelled(store, NOBODY);
    });

    test("may be called by a handler of the run itself", async () => {
      const store = open();
      const cancelled = gate();
      const wf = one(store, async (_event, ctx) => {
        cancelled.open(await wf.cancel(await ctx.runId(), REASON));
        return stop("too late");
      });
      const handler = await wf.runWithHandler();
      await assert.rejects(handler.result(), ABORTED);
      assert.equal(await cancelled.opened, true);
      await assertCancelled(store, handler.runId);
    });

    test("says what it cannot end", async () => {
      const store = open();
      const { handler } = await atWork(store);
      const other = new Workflow("other", { store }).addStep("only", [START], never);
      await assert.rejects(other.cancel(NOBODY), { code: "ERR_BLAZEN_UNKNOWN_RUN" });
      await assert.rejects(other.cancel(handler.runId), { code: "ERR_BLAZEN_RUN_MISMATCH" });
      await handler.abort();
      await handler.result().catch(() => undefined);
      await assert.rejects(other.cancel(handler.runId), { code: "ERR_BLAZEN_RUN_MISMATCH" });
    });
  });
}

test("a reason of any kind comes back from a store as far as JSON goes", async () => {
  const store = new MemoryStore();
  const controller = new AbortController();
  controller.abort();
  for (const [reason, check] of [
    [undefined, (cause) => assert.equal(cause, undefined)],
    [null, (cause) => assert.equal(cause, null)],
    ["enough", (cause) => assert.equal(cause, "enough")],
    [new RangeError("enough"), (cause) => assert.deepEqual([cause.name, cause.message], ["RangeError", "enough"])],
    [controller.signal.reason, (cause) => assert.deepEqual([cause.name, cause.code], ["AbortError", 20])],
  ]) {
    const { wf, handler } = await atWork(store);
    assert.equal(await wf.cancel(handler.runId, reason), true);
    assert.equal((await rejectionOf(handler.result())).cause, reason);
    check((await store.run(handler.runId)).error.cause);
    check((await rejectionOf((await wf.attach(handler.runId)).result())).cause);
  }
});

describe("without a store, cancel() and attach()", () => {
  const unknown = { code: "ERR_BLAZEN_UNKNOWN_RUN", message: /without a store/ };

  test("know the runs that have a handler or an id that was given, until they end", async () => {
    const wf = asking(undefined);
    const handler = await waiting(wf);
    void wf.run({}, { runId: NOBODY }).catch(() => undefined);
    const attached = await wf.attach(handler.runId.toUpperCase());
    await attached.respondToInput("question", "yes");
    assert.equal((await handler.result()).data, "yes");
    assert.equal(await wf.cancel(NOBODY), true);
    for (const runId of [handler.runId, NOBODY]) {
      await assert.rejects(wf.cancel(runId), unknown);
      await assert.rejects(wf.attach(runId), unknown);
      await assert.rejects(wf.resume(runId), unknown);
    }
  });

  for (const state of [
    "at work",
    "that waits for an answer",
    "that sleeps",
    "that is paused",
    "that is about to pause",
  ]) {
    test(`a run ${state} is ended`, async () => {
      const { wf, handler, check } = await STATES[state](undefined);
      assert.equal(await wf.cancel(handler.runId, REASON), true);
      await assert.rejects(handler.result(), { ...ABORTED, cause: REASON });
      await check?.();
    });
  }

  test("mean the run that goes on from a snapshot, and not the paused one that it was taken of", async () => {
    const wf = asking(undefined);
    const paused = await waiting(wf);
    const resumed = await wf.resume(await paused.pause());
    assert.equal(resumed.runId, paused.runId);
    assert.equal(await wf.cancel(paused.runId), true);
    await assert.rejects(resumed.result(), ABORTED);
    assert.equal(typeof (await paused.snapshot()), "string");
  });

  test("and resume() by its id, which goes on with a paused run", async () => {
    const wf = asking(undefined);
    const { runId } = await waiting(wf);
    await (await wf.attach(runId)).pause();
    const handler = await wf.resume(runId);
    await handler.respondToInput("question", "yes");
    assert.equal((await handler.result()).data, "yes");
  });
});

test("a run that another process goes on with is told so when it has been cancelled here", async () => {
  const store = new MapStore();
  // Another object is another connection, as another process would have.
  const elsewhere = {
    commit: (...given) => store.commit(...given),
    load: (id) => store.load(id),
    runs: (q) => store.runs(q),
  };
  const handler = await waiting(asking(elsewhere));
  assert.equal(await asking(store).cancel(handler.runId, REASON), true);
  await assertCancelled(store, handler.runId);
  await handler.respondToInput("question", "too late").catch(() => undefined);
  await assert.rejects(handler.result(), { code: "ERR_BLAZEN_RUN_CONFLICT" });
  await assertCancelled(store, handler.runId);
});

test("a cancel that the store does not take rejects, and the run is unfinished in it", async () => {
  const store = new MapStore();
  const { wf, handler } = await atWork(store);
  store.commit = () => Promise.reject(new Error("no disk"));
  const failure = await rejectionOf(wf.cancel(handler.runId));
  assert.equal(failure.code, "ERR_BLAZEN_STORE_IO");
  await assert.rejects(handler.result(), { code: "ERR_BLAZEN_STORE_IO" });
  assert.equal((await store.load(handler.runId)).status, "running");
  delete store.commit;
  assert.equal(await wf.cancel(handler.runId, REASON), true);
  await assertCancelled(store, handler.runId);
});
