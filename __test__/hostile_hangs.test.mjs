// Handlers that never settle.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertCoded, deferred, outcomeOf, stop, workflowOf } from "./bad_input/harness.mjs";
import { assertPrints, IMPORTS, quiet, SHORT } from "./hostile/harness.mjs";

describe("a handler that never settles", () => {
  test("is timed out: its signal is aborted and the run fails", SHORT, async () => {
    let signal;
    const workflow = workflowOf((_event, ctx) => {
      signal = ctx.signal;
      return new Promise(() => {});
    });
    workflow.setTimeout(0.5);
    const { error } = await outcomeOf(() => workflow.run());
    assertCoded(error, "ERR_BLAZEN_TIMEOUT");
    assert.equal(signal.aborted, true);
    assert.equal(signal.reason, error);
  });

  for (const graceMs of [0, 1, 20]) {
    test(
      `is not waited for by pause({ graceMs: ${graceMs} }), and is invoked again after resume()`,
      SHORT,
      async () => {
        const attempts = [];
        const workflow = workflowOf(
          () => ({ type: "Next" }),
          (_event, ctx) => {
            attempts.push(ctx.attempt);
            return ctx.attempt === 1 ? new Promise(() => {}) : stop("again");
          },
        );
        const handler = await workflow.runWithHandler();
        await quiet();
        const snapshot = await handler.pause({ graceMs });
        assert.deepEqual(
          JSON.parse(snapshot).pending_events.map(({ deliveries }) => deliveries),
          [[{ delivery: 2, step: "next 0", attempt: 2, sent: 0 }]],
        );
        assert.equal((await (await workflow.resume(snapshot)).result()).data, "again");
        await handler.resumeInPlace();
        assert.equal((await handler.result()).data, "again");
        assert.deepEqual(attempts, [1, 2, 2]);
      },
    );
  }

  test(
    "is told through its signal when a pause does not wait for it, and its next attempt has a signal of its own",
    SHORT,
    async () => {
      const signals = [];
      const second = deferred();
      const workflow = workflowOf((_event, ctx) => {
        signals.push(ctx.signal);
        if (ctx.attempt === 2) second.resolve();
        return new Promise(() => {});
      });
      const handler = await workflow.runWithHandler();
      await quiet();
      await handler.pause({ graceMs: 0 });
      assert.equal(signals[0].aborted, true);
      assert.equal(signals[0].reason.code, "ERR_BLAZEN_PAUSED");
      await handler.resumeInPlace();
      await second.promise;
      assert.equal(signals[1].aborted, false, "the second attempt begins with a signal that is not aborted");
      await handler.abort();
      assert.equal(signals[1].aborted, true);
    },
  );

  /** A run whose first attempt was cut short and whose second is at work; `late` settles the first. */
  async function twoAttempts() {
    const late = deferred();
    const now = deferred();
    const contexts = [];
    const both = deferred();
    const workflow = workflowOf(
      (_event, ctx) => {
        contexts.push(ctx);
        if (ctx.attempt === 2) both.resolve();
        return ctx.attempt === 1 ? late.promise : now.promise;
      },
      (event) => stop(event.from),
    );
    const handler = await workflow.runWithHandler();
    await quiet();
    await handler.pause({ graceMs: 0 });
    await handler.resumeInPlace();
    await both.promise;
    return { handler, late, now, contexts };
  }

  const lateEndings = {
    "returns an event": ({ late }) => late.resolve({ type: "Next", from: "the first attempt" }),
    "returns nothing": ({ late }) => late.resolve(null),
    "returns a stop event": ({ late }) => late.resolve(stop("the first attempt")),
    throws: ({ late }) => late.reject(new Error("late")),
    "returns no event": ({ late }) => late.resolve(5),
    "sends an event": ({ contexts }) =>
      contexts[0].sendEvent({ type: "Next", from: "the first attempt" }).catch(() => {}),
  };
  for (const [how, end] of Object.entries(lateEndings)) {
    test(`and was cut short is no longer heard when it ${how} while its next attempt is at work`, SHORT, async () => {
      const attempts = await twoAttempts();
      end(attempts);
      await quiet();
      attempts.now.resolve({ type: "Next", from: "the second attempt" });
      assert.equal((await attempts.handler.result()).data, "the second attempt");
    });
  }

  for (const [what, write] of Object.entries({
    "set()": (ctx) => ctx.set("key", "late"),
    "sendEvent()": (ctx) => ctx.sendEvent({ type: "Next", from: "late" }),
    "writeEventToStream()": (ctx) => ctx.writeEventToStream({ type: "Late" }),
  })) {
    test(`and was cut short has its ${what} refused while its next attempt is at work`, SHORT, async () => {
      const { handler, contexts, now } = await twoAttempts();
      const { error } = await outcomeOf(() => write(contexts[0]));
      now.resolve(stop());
      await outcomeOf(() => handler.result());
      assertCoded(error, "ERR_BLAZEN_DELIVERY_SETTLED");
    });
  }

  test("keeps a signal that works in its second attempt when the first settles late", SHORT, async () => {
    const { handler, late, contexts } = await twoAttempts();
    const { signal } = contexts[1];
    assert.equal(signal.aborted, false);
    late.resolve(null);
    await quiet();
    await handler.abort();
    assert.equal(signal.aborted, true);
  });

  test("has every abort listener called, although one throws, and the run still ends", SHORT, async () => {
    await assertPrints(
      "second listener, ERR_BLAZEN_ABORTED, 2 thrown",
      `${IMPORTS}
      let thrown = 0;
      process.on("uncaughtException", () => { thrown += 1; });
      let second = "no";
      const handler = await one((event, ctx) => {
        ctx.signal.addEventListener("abort", () => { throw new Error("listener"); });
        ctx.signal.addEventListener("abort", () => { second = "second listener"; });
        ctx.signal.onabort = () => { throw undefined; };
        return new Promise(() => {});
      }).runWithHandler();
      await quiet();
      await handler.abort();
      const { code } = await handler.result().catch((error) => error);
      await turn();
      console.log(second + ", " + code + ", " + thrown + " thrown");`,
    );
  });

  test("in ten thousand runs at once is aborted in all of them", SHORT, async () => {
    const workflow = workflowOf(
      (_event, ctx) =>
        new Promise((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
    );
    const handlers = await Promise.all(Array.from({ length: 10_000 }, () => workflow.runWithHandler()));
    await quiet();
    await Promise.all(handlers.map((handler) => handler.abort()));
    const outcomes = await Promise.all(handlers.map((handler) => outcomeOf(() => handler.result())));
    assert.ok(outcomes.every(({ error }) => error.code === "ERR_BLAZEN_ABORTED"));
  });
});
