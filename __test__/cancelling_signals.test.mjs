// Runs that are begun with an AbortSignal.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe } from "node:test";
import { createContext, runInContext } from "node:vm";
import { AbortedError, MemoryStore, SqliteStore, Workflow } from "blazen";
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

const REASON = new Error("the client has gone");
const CANCELLED = { code: "ERR_BLAZEN_ABORTED", cause: REASON };
const never = () => new Promise(() => {});
const unwanted = () => assert.fail("a handler was called");
const listeners = (signal) => getEventListeners(signal, "abort").length;

/** What begins a run with a signal, and gives its result. */
const WAYS = {
  "run()": (wf, options) => wf.run({}, options),
  "runWithHandler()": async (wf, options) => (await wf.runWithHandler({}, options)).result(),
  "runStreaming()": (wf, options) => wf.runStreaming({}, () => {}, options),
};

const STORES = {
  "in memory": () => undefined,
  "in a MemoryStore": () => new MemoryStore(),
  "in a SqliteStore": () => SqliteStore.open(newFile()),
};

for (const [way, begin] of Object.entries(WAYS)) {
  for (const [place, open] of Object.entries(STORES)) {
    for (const [name, given] of Object.entries({ "": {}, " with an id": { runId: NOBODY } })) {
      test(`a run by ${way}${name} ${place} is aborted with the reason of its signal`, async () => {
        const store = open();
        const controller = new AbortController();
        const { signal } = controller;
        const called = gate();
        const wf = one(store, (_event, ctx) => {
          called.open(ctx.signal);
          return never();
        });
        const result = rejectionOf(begin(wf, { signal, ...given }));
        const inner = await called.opened;
        await quiet();
        assert.equal(listeners(signal), 1);
        controller.abort(REASON);
        const failure = await result;
        assert.ok(failure instanceof AbortedError);
        assert.deepEqual([failure.code, failure.cause], ["ERR_BLAZEN_ABORTED", REASON]);
        assert.equal(inner.reason, failure);
        if (store !== undefined) {
          const { status, error } = await store.run(failure.runId);
          assert.deepEqual([status, error.cause.message], ["cancelled", REASON.message]);
        }
      });

      test(`nothing is begun by ${way}${name} ${place} if the signal is aborted`, async () => {
        const store = open();
        const signal = AbortSignal.abort(REASON);
        await assert.rejects(begin(one(store, unwanted), { signal, ...given }), CANCELLED);
        await quiet();
        assert.equal(listeners(signal), 0);
        if (store !== undefined) assert.deepEqual((await store.runs()).runs, []);
      });

      test(`nothing is left with the signal when a run by ${way}${name} ${place} has ended`, async () => {
        const { signal } = new AbortController();
        for (const handler of [() => stop(1), () => Promise.reject(new Error("broken"))]) {
          await begin(one(open(), handler), { signal, ...given }).catch(() => undefined);
          assert.equal(listeners(signal), 0);
        }
      });
    }
  }
}

describe("one signal", () => {
  test("is listened to once, however many runs it concerns, and aborts all of them", async () => {
    const warnings = [];
    const warned = (warning) => warnings.push(warning);
    process.on("warning", warned);
    const controller = new AbortController();
    const { signal } = controller;
    const [some, others] = [one(undefined, never), one(new MemoryStore(), never)];
    const results = Array.from({ length: 1_000 }, (_, n) => rejectionOf((n % 2 ? some : others).run({}, { signal })));
    assert.equal(listeners(signal), 1);
    await quiet();
    controller.abort(REASON);
    for (const failure of await Promise.all(results)) assert.equal(failure.cause, REASON);
    assert.equal(listeners(signal), 0);
    await quiet();
    process.off("warning", warned);
    assert.deepEqual(warnings, []);
  });

  test("concerns runs one after another, and has a listener while there is one", async () => {
    const { signal } = new AbortController();
    let added = 0;
    const counted = new Proxy(signal, {
      get(target, name) {
        if (name === "addEventListener") added += 1;
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const wf = one(undefined, () => stop(1));
    for (let n = 0; n < 10_000; n += 1) await wf.run({}, { signal: counted });
    assert.ok(added >= 10_000);
    assert.equal(listeners(signal), 0);
  });

  test("stays with a run that is paused or waits, and ends it", async () => {
    for (const store of [undefined, new MemoryStore()]) {
      const controller = new AbortController();
      const { signal } = controller;
      const wf = asking(store);
      const handlers = [await waiting(wf, {}, { signal }), await waiting(wf, {}, { signal })];
      await handlers[0].pause();
      assert.equal(listeners(signal), 1);
      controller.abort(REASON);
      for (const handler of handlers) await assert.rejects(handler.result(), CANCELLED);
    }
  });

  test("may be aborted by a handler, and by what listens to that", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let begun;
    const wf = one(undefined, (event, ctx) => {
      ctx.signal.addEventListener("abort", () => {
        begun = rejectionOf(wf.run({}, { signal }));
      });
      if (event.last) controller.abort(REASON);
      return never();
    });
    const results = [wf.run({}, { signal }), wf.run({ last: true }, { signal })].map(rejectionOf);
    for (const failure of await Promise.all(results)) assert.equal(failure.cause, REASON);
    assert.equal((await begun).cause, REASON);
  });

  test("comes too late for a run that has ended", async () => {
    const controller = new AbortController();
    const wf = one(undefined, () => stop("done"));
    const handler = await wf.runWithHandler({}, { signal: controller.signal });
    assert.equal((await handler.result()).data, "done");
    controller.abort(REASON);
    assert.equal((await handler.result()).data, "done");
  });

  test("has the reason that it was aborted with, whatever that is", async () => {
    for (const reason of [undefined, null, "enough", 5n, Symbol("enough"), { by: "me" }, Object.create(null)]) {
      const controller = new AbortController();
      const result = rejectionOf(one(undefined, never).run({}, { signal: controller.signal }));
      controller.abort(reason);
      const { cause } = await result;
      if (reason === undefined) assert.equal(cause.name, "AbortError");
      else assert.equal(cause, reason);
    }
    const timed = await rejectionOf(one(undefined, never).run({}, { signal: AbortSignal.timeout(1) }));
    assert.equal(timed.cause.name, "TimeoutError");
  });
});

describe("a run of an id that is there already", () => {
  for (const [place, open] of Object.entries(STORES)) {
    test(`${place} is aborted by the signal of whoever asks for it`, async () => {
      const wf = one(open(), never);
      const controllers = [new AbortController(), new AbortController()];
      const handlers = await Promise.all(
        controllers.map(({ signal }) => wf.runWithHandler({}, { runId: NOBODY, signal })),
      );
      controllers[1].abort(REASON);
      for (const handler of handlers) await assert.rejects(handler.result(), CANCELLED);
      assert.deepEqual(
        controllers.map(({ signal }) => listeners(signal)),
        [0, 0],
      );
    });

    test(`${place} is not looked for with a signal that is aborted`, async () => {
      const wf = asking(open());
      const handler = await waiting(wf, {}, { runId: NOBODY });
      await assert.rejects(wf.run({}, { runId: NOBODY, signal: AbortSignal.abort(REASON) }), CANCELLED);
      await handler.respondToInput("question", "yes");
      assert.equal((await handler.result()).data, "yes");
    });

    test(`${place} is aborted if the signal is while it is being begun`, async () => {
      const controller = new AbortController();
      const wf = one(open(), never);
      const begun = wf.runWithHandler({}, { runId: NOBODY, signal: controller.signal });
      controller.abort(REASON);
      await assert.rejects((await begun).result(), CANCELLED);
      assert.equal(listeners(controller.signal), 0);
    });
  }

  test("and rests in the store is aborted without a handler being called", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    await waiting(asking(before), {}, { runId: NOBODY });
    await before.close();
    const store = SqliteStore.open(path);
    const wf = new Workflow("asking", { store }).addStep("ask", [START], unwanted);
    await wf.recover();
    const controller = new AbortController();
    const result = rejectionOf(wf.run({}, { runId: NOBODY, signal: controller.signal }));
    await quiet();
    controller.abort(REASON);
    assert.equal((await result).code, "ERR_BLAZEN_ABORTED");
    assert.equal((await store.run(NOBODY)).status, "cancelled");
    assert.equal(listeners(controller.signal), 0);
  });

  test("and has ended stays as it ended, and has nothing to do with the signal", async () => {
    const store = new MemoryStore();
    const controller = new AbortController();
    const wf = one(store, () => stop("done"));
    await wf.run({}, { runId: NOBODY });
    const handler = await wf.runWithHandler({}, { runId: NOBODY, signal: controller.signal });
    controller.abort(REASON);
    assert.equal((await handler.result()).data, "done");
    assert.equal(listeners(controller.signal), 0);
  });
});

describe("what behaves like an AbortSignal", () => {
  /** As a library that was written before there were any. */
  class OldSignal {
    aborted = false;
    listeners = new Set();
    addEventListener(type, listener) {
      assert.equal(type, "abort");
      this.listeners.add(listener);
    }
    removeEventListener(_type, listener) {
      this.listeners.delete(listener);
    }
    abort() {
      this.aborted = true;
      for (const listener of this.listeners) listener({ type: "abort" });
    }
  }

  test("is one: of a library, without a reason", async () => {
    const signal = new OldSignal();
    const result = rejectionOf(one(undefined, never).run({}, { signal }));
    assert.equal(signal.listeners.size, 1);
    signal.abort();
    const failure = await result;
    assert.deepEqual(
      [failure.code, failure.message, failure.cause],
      ["ERR_BLAZEN_ABORTED", "the run was aborted", undefined],
    );
    assert.equal(signal.listeners.size, 0);
    await assert.rejects(one(undefined, unwanted).run({}, { signal }), { code: "ERR_BLAZEN_ABORTED" });
  });

  test("is one: of another realm", async () => {
    const realm = createContext({ OldSignal });
    const signal = runInContext("Object.assign(Object.create(null), { aborted: false })", realm);
    const target = new EventTarget();
    signal.addEventListener = target.addEventListener.bind(target);
    signal.removeEventListener = target.removeEventListener.bind(target);
    const result = rejectionOf(one(undefined, never).run({}, { signal }));
    signal.reason = REASON;
    target.dispatchEvent(new Event("abort"));
    assert.equal((await result).cause, REASON);
  });

  test("and cannot be listened to, or has no readable reason, aborts its run and says why", async () => {
    const deaf = new OldSignal();
    deaf.addEventListener = () => {
      throw REASON;
    };
    await assert.rejects(one(undefined, unwanted).run({}, { signal: deaf }), CANCELLED);
    const secretive = Object.defineProperty(new OldSignal(), "reason", {
      get() {
        throw REASON;
      },
    });
    const result = rejectionOf(one(undefined, never).run({}, { signal: secretive }));
    secretive.abort();
    assert.equal((await result).cause, REASON);
  });
});
