// Steps that fail and are attempted again, or tell of it.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe } from "node:test";
import { NonRetryableError, SqliteStore, StepError, StepTimeoutError, Workflow } from "blazen";
import { newFile, quiet, rejectionOf, START, stop, test } from "./stores/harness.mjs";
import { atRest, inEveryWay } from "./ways/harness.mjs";

const SOON = { initialDelayMs: 20, factor: 1 };

/** A workflow of one step, which fails with what `fail` gives until that gives nothing. */
const failing = (fail, options) =>
  new Workflow("failing").addStep(
    "only",
    [START],
    async (_event, ctx) => {
      const error = fail(ctx.attempt);
      if (error !== undefined) throw error;
      return stop(ctx.attempt);
    },
    options,
  );

describe("a step with a retry", () => {
  inEveryWay("is attempted until it succeeds, and its failed attempts leave nothing in the state", {
    build: ({ store, pass }) =>
      new Workflow("retries", { store }).addStep(
        "only",
        [START],
        async (event, ctx) => {
          await ctx.state.update("tries", (tries) => (tries ?? 0) + 1);
          if (ctx.attempt === 2) pass();
          if (ctx.attempt < 4) throw new Error("not yet");
          return stop([event.order, ctx.attempt, await ctx.state.get("tries")]);
        },
        { retry: { ...SOON, maxAttempts: 4 } },
      ),
    input: { order: 7 },
    expect: [7, 4, 1],
  });

  inEveryWay("does not send again what a failed attempt has sent", {
    build: ({ store, pass }) =>
      new Workflow("sends", { store })
        .addStep(
          "send",
          [START],
          async (_event, ctx) => {
            await ctx.sendEvent({ type: "Count" });
            if (ctx.attempt < 3) {
              pass();
              throw new Error("not yet");
            }
            return { type: "End" };
          },
          { retry: SOON },
        )
        .addStep("count", ["Count"], async (_event, ctx) => {
          await ctx.state.update("count", (count) => (count ?? 0) + 1);
        })
        .addStep("end", ["End"], async (_event, ctx) => stop(await ctx.state.get("count"))),
    expect: 1,
  });

  test("fails when its attempts are spent, with the error of the last", async () => {
    const failure = await rejectionOf(failing((attempt) => new Error(`no ${attempt}`), { retry: SOON }).run());
    assert.ok(failure instanceof StepError);
    assert.equal(failure.cause.message, "no 3");
  });

  test("waits longer each time, and no longer than the longest", async () => {
    const began = [];
    const workflow = failing(
      (attempt) => {
        began.push(performance.now());
        return attempt < 5 ? new Error("not yet") : undefined;
      },
      { retry: { maxAttempts: 5, initialDelayMs: 20, factor: 3, maxDelayMs: 100 } },
    );
    await workflow.run();
    const waits = began.slice(1).map((at, index) => at - began[index]);
    [20, 60, 100, 100].forEach((least, index) => {
      assert.ok(waits[index] >= least, `wait ${index} was ${waits[index]} ms`);
    });
  });

  for (const [what, error] of [
    ["a NonRetryableError", new NonRetryableError("stolen")],
    ["an error that says so", Object.assign(new Error("stolen"), { retryable: false })],
  ]) {
    test(`is not attempted again after ${what}`, async () => {
      let attempts = 0;
      const fail = () => {
        attempts += 1;
        return error;
      };
      const failure = await rejectionOf(failing(fail, { retry: SOON }).run());
      assert.equal(failure.cause, error);
      assert.equal(attempts, 1);
    });
  }

  test("waits as long as the error asks for, or as it would if that is nonsense", async () => {
    for (const [retryAfterMs, atLeast] of [
      [60, 60],
      [-1, 5],
      [Number.NaN, 5],
      ["60", 5],
    ]) {
      const began = [];
      const error = Object.assign(new Error("busy"), { retryAfterMs });
      const fail = (attempt) => {
        began.push(performance.now());
        return attempt === 1 ? error : undefined;
      };
      await failing(fail, { retry: { initialDelayMs: 5 } }).run();
      assert.ok(began[1] - began[0] >= atLeast, `${retryAfterMs}: ${began[1] - began[0]} ms`);
    }
  });

  test("asks whether an error is worth it", async () => {
    const asked = [];
    const when = ({ message }) => {
      asked.push(message);
      return message === "busy";
    };
    const retry = { ...SOON, when };
    const failure = await rejectionOf(failing((attempt) => new Error(attempt < 3 ? "busy" : "gone"), { retry }).run());
    assert.equal(failure.cause.message, "gone");
    assert.deepEqual(asked, ["busy", "busy", "gone"]);
  });

  test("fails with both errors if that question fails", async () => {
    const retry = {
      when: () => {
        throw new TypeError("in when");
      },
    };
    const failure = await rejectionOf(failing(() => new Error("first"), { retry }).run());
    assert.deepEqual(
      failure.cause.errors.map(({ message }) => message),
      ["first", "in when"],
    );
  });

  test("is not attempted again for returning what is no event: it would do so again", async () => {
    let attempts = 0;
    const wrong = () => {
      attempts += 1;
      return 5;
    };
    const workflow = new Workflow("wrong").addStep("only", [START], wrong, { retry: SOON });
    assert.equal((await rejectionOf(workflow.run())).code, "ERR_BLAZEN_INVALID_EVENT");
    assert.equal(attempts, 1);
  });

  test("takes up nothing of the thread while it waits, and its run can be aborted", async () => {
    const workflow = failing(() => new Error("no"), { retry: { initialDelayMs: 3_600_000, maxDelayMs: 3_600_000 } });
    const handler = await workflow.runWithHandler();
    await quiet();
    await handler.abort("enough");
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_ABORTED");
  });

  test("that waits does not stop its run from running out of time", async () => {
    const workflow = failing(() => new Error("no"), { retry: { initialDelayMs: 60_000 } });
    workflow.setTimeout(0.02);
    assert.equal((await rejectionOf(workflow.run())).code, "ERR_BLAZEN_TIMEOUT");
  });
});

describe("a step with an onFailure", () => {
  inEveryWay("tells of its failure by an event instead of failing its run", {
    build: ({ store, pass }) =>
      new Workflow("mending", { store })
        .addStep(
          "charge",
          [START],
          async (_event, ctx) => {
            await ctx.state.set("charged", true);
            if (ctx.attempt === 1) pass();
            throw Object.assign(new RangeError("declined"), { code: "E_DECLINED" });
          },
          { retry: { ...SOON, maxAttempts: 2 }, onFailure: "ChargeFailed" },
        )
        .addStep("mend", ["ChargeFailed"], async ({ type: _, ...told }, ctx) =>
          stop({ ...told, charged: await ctx.state.get("charged") }),
        ),
    input: { order: 42 },
    expect: {
      error: { name: "RangeError", message: "declined", code: "E_DECLINED", step: "charge" },
      event: { type: START, order: 42 },
      charged: null,
    },
  });

  for (const [what, thrown, told] of [
    ["a string", "no", { name: "Error", message: "no", code: null }],
    ["nothing", undefined, { name: "Error", message: "undefined", code: null }],
    ["what cannot be read", new Proxy({}, { get: () => thrown.never }), undefined],
  ]) {
    test(`tells of ${what} being thrown`, async () => {
      const workflow = new Workflow("odd")
        .addStep(
          "throw",
          [START],
          () => {
            throw thrown;
          },
          { onFailure: "Failed" },
        )
        .addStep("hear", ["Failed"], ({ error }) => stop(error));
      const { data } = await workflow.run();
      assert.equal(data.step, "throw");
      if (told !== undefined) assert.deepEqual(data, { ...told, step: "throw" });
    });
  }

  test("fails its run if nobody accepts the event", async () => {
    const workflow = failing(() => new Error("no"), { onFailure: "Nowhere" });
    assert.equal((await rejectionOf(workflow.run())).code, "ERR_BLAZEN_UNROUTED_EVENT");
  });
});

describe("a step with a timeout", () => {
  inEveryWay("fails an attempt that takes too long, and aborts its signal", {
    build: ({ store, pass }) =>
      new Workflow("slow", { store }).addStep(
        "only",
        [START],
        async (_event, ctx) => {
          if (ctx.attempt === 3) return stop(ctx.attempt);
          const aborted = new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
          await aborted;
          pass();
          assert.equal(ctx.signal.reason.code, "ERR_BLAZEN_STEP_TIMEOUT");
          return stop("late");
        },
        { retry: SOON, timeout: 20 },
      ),
    expect: 3,
  });

  test("fails its run if there is no retry", async () => {
    const workflow = new Workflow("hanging").addStep("only", [START], () => new Promise(() => {}), { timeout: 10 });
    const failure = await rejectionOf(workflow.run());
    assert.equal(failure.code, "ERR_BLAZEN_STEP_FAILED");
    assert.ok(failure.cause instanceof StepTimeoutError);
  });

  test("takes nothing more from an attempt that had its time", async () => {
    let late;
    const workflow = new Workflow("late")
      .addStep(
        "only",
        [START],
        async (_event, ctx) => {
          if (ctx.attempt === 2) return late.then((code) => stop(code));
          await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
          late = rejectionOf(ctx.sendEvent({ type: "Late" })).then(({ code }) => code);
        },
        { retry: SOON, timeout: 10 },
      )
      .addStep("never", ["Late"], () => stop("it was taken"));
    assert.equal((await workflow.run()).data, "ERR_BLAZEN_DELIVERY_SETTLED");
  });

  test("is not told of a handler that returns in time", async () => {
    const workflow = new Workflow("quick")
      .addStep("first", [START], () => ({ type: "Next" }), { timeout: 5 })
      .addStep("second", ["Next"], async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return stop("done");
      });
    assert.equal((await workflow.run()).data, "done");
  });
});

describe("the asynchronous context of whoever started or resumed a run", () => {
  const storage = new AsyncLocalStorage();
  const whereabouts = ({ store, pass = () => {} }) =>
    new Workflow("context", { store })
      .addStep(
        "first",
        [START],
        async (_event, ctx) => {
          if (ctx.attempt === 1) {
            pass();
            throw new Error("not yet");
          }
          await ctx.sendEvent({ type: "Late", first: storage.getStore() }, { delayMs: 10 });
        },
        { retry: SOON },
      )
      .addStep("late", ["Late"], ({ first }) => stop([first, storage.getStore()]));

  test("reaches attempts after a failed one, and handlers of delayed events", async () => {
    const { data } = await storage.run("started", () => whereabouts({}).run());
    assert.deepEqual(data, ["started", "started"]);
  });

  test("reaches them after a pause and after a crash", async () => {
    let pass;
    const passed = new Promise((resolve) => {
      pass = resolve;
    });
    const handler = await storage.run("started", () => whereabouts({ pass }).runWithHandler());
    await passed;
    const snapshot = await handler.pause();
    const resumed = await storage.run("resumed", () => whereabouts({}).resume(snapshot));
    assert.deepEqual((await resumed.result()).data, ["resumed", "resumed"]);

    const path = newFile();
    const before = SqliteStore.open(path);
    const lost = new Promise((resolve) => {
      pass = resolve;
    });
    const { runId } = await whereabouts({ store: before, pass }).runWithHandler();
    await lost;
    await atRest(before, runId);
    await before.close();
    const store = SqliteStore.open(path);
    const [recovered] = await storage.run("recovered", () => whereabouts({ store }).recover());
    assert.deepEqual((await recovered.result()).data, ["recovered", "recovered"]);
    await store.close();
  });
});
