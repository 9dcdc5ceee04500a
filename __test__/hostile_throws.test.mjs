// Handlers that throw whatever they like.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RunFailedError, StepError } from "blazen";
import {
  assertCoded,
  errorWithSymbolMessage,
  errorWithThrowingMessage,
  hostileProxy,
  outcomeOf,
  revoked,
  stop,
  workflowOf,
} from "./bad_input/harness.mjs";
import { assertPrints, IMPORTS, SHORT, turn } from "./hostile/harness.mjs";

describe("a handler that throws", () => {
  const frozen = Object.freeze(new Error("frozen"));
  const THROWN = {
    undefined: () => undefined,
    null: () => null,
    "a string": () => "boo",
    "an empty string": () => "",
    "a symbol": () => Symbol.iterator,
    "a number": () => 0,
    "a function": () => assert.fail,
    "a frozen error": () => frozen,
    "an error without a message": () => new Error(),
    "an error whose message throws": errorWithThrowingMessage,
    "an error whose message is a symbol": errorWithSymbolMessage,
    "an error whose name throws": () =>
      Object.defineProperty(new Error(""), "name", { get: () => assert.fail("name") }),
    "an error without a prototype": () => Object.setPrototypeOf(new Error("bare"), null),
    "an error that is its own cause": () => {
      const error = new Error("circle");
      error.cause = error;
      return error;
    },
    "a rejected promise": () => {
      const promise = Promise.reject(new Error("within"));
      promise.catch(() => {});
      return promise;
    },
    "a thenable": () => ({ then: (resolve) => resolve(stop("never")) }),
    "a Proxy that throws": () => hostileProxy(),
    "a Proxy of an error that throws": () => hostileProxy(new Error("x")),
    "a revoked Proxy": () => revoked(),
  };
  const WAYS = {
    throws: (make) => () => {
      throw make();
    },
    "rejects with": (make) => () => Promise.reject(make()),
    "awaits and throws": (make) => async () => {
      await null;
      throw make();
    },
  };

  for (const [what, make] of Object.entries(THROWN)) {
    for (const [way, handlerOf] of Object.entries(WAYS)) {
      test(`that ${way} ${what} fails the run with a StepError whose cause it is`, SHORT, async () => {
        const thrown = make();
        const handler = await workflowOf(
          () => ({ type: "Next" }),
          handlerOf(() => thrown),
        ).runWithHandler();
        const { error } = await outcomeOf(() => handler.result());
        assertCoded(error, "ERR_BLAZEN_STEP_FAILED");
        assert.ok(error instanceof StepError && error instanceof RunFailedError);
        assert.equal(error.step, "next 0");
        assert.equal(error.runId, handler.runId);
        assert.ok(Object.is(error.cause, thrown));
      });
    }
  }

  test("leaves every other run alone", SHORT, async () => {
    const workflow = workflowOf(async (event) => {
      await turn();
      if (event.n % 2 === 0) throw Object.values(THROWN)[(event.n / 2) % 8]();
      return stop(event.n);
    });
    const outcomes = await Promise.all(Array.from({ length: 64 }, (_, n) => outcomeOf(() => workflow.run({ n }))));
    outcomes.forEach(({ value, error }, n) => {
      assert.equal(n % 2 === 0 ? error.code : value.data, n % 2 === 0 ? "ERR_BLAZEN_STEP_FAILED" : n);
    });
  });

  test("after it has sent a stop event does not change the result", SHORT, async () => {
    for (const late of [
      () => Promise.reject(new Error("late")),
      () => assert.fail("late"),
      () => 5,
      () => stop("late"),
    ]) {
      const { data } = await workflowOf(async (_event, ctx) => {
        await ctx.sendEvent(stop("sent"));
        return late();
      }).run();
      assert.equal(data, "sent");
    }
  });

  test("its own error keeps its class and stack as the cause", SHORT, async () => {
    class Mine extends Error {}
    const { error } = await outcomeOf(() =>
      workflowOf(function namedByItsStack() {
        throw new Mine("mine");
      }).run(),
    );
    assert.ok(error.cause instanceof Mine);
    assert.match(error.cause.stack, /namedByItsStack/);
  });

  test("ends no process, whatever it throws and however", SHORT, async () => {
    await assertPrints(
      "36 failed",
      `${IMPORTS}
      const thrown = [undefined, null, "s", Symbol("s"), Object.freeze(new Error("f")), Object.create(null),
        Object.defineProperty(new Error(), "message", { get() { throw new Error("no"); } }),
        Object.defineProperty(new Error(), "message", { value: Symbol("m") }),
        new Proxy({}, { get() { throw new Error("trap"); }, getPrototypeOf() { throw new Error("trap"); } })];
      let failed = 0;
      const hold = setInterval(() => {}, 1000);
      setTimeout(() => { console.log(failed + " failed, and then it hung"); process.exit(1); }, 3000).unref();
      for (const value of thrown) {
        const ways = [() => { throw value; }, () => Promise.reject(value), async () => { await turn(); throw value; },
          () => ({ get type() { throw value; } })];
        for (const way of ways) await one(way).run().catch((error) => { if (error instanceof BlazenError) failed += 1; });
      }
      console.log(failed + " failed");
      clearInterval(hold);`,
    );
  });
});
