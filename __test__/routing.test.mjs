// How events travel, and what happens to a run that cannot go on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Context, RunFailedError, SessionNamespace, StateNamespace, StepError, Workflow } from "blazen";

const stop = (result) => ({ type: "blazen::StopEvent", result });

function oneStep(handler, name = "only") {
  return new Workflow("one").addStep(name, ["blazen::StartEvent"], handler);
}

test("the start event carries the input: an object spread over it, anything else as data", async () => {
  const echo = oneStep(async (event) => stop(event));
  assert.deepEqual((await echo.run({ order: 42 })).data, { type: "blazen::StartEvent", order: 42 });
  assert.deepEqual((await echo.run()).data, { type: "blazen::StartEvent" });
  const map = new Map([[1, 2]]);
  for (const data of [null, 5, "text", [1, 2], map]) {
    assert.deepEqual((await echo.run(data)).data, { type: "blazen::StartEvent", data });
  }
  assert.equal((await echo.run(map)).data.data, map);
});

test("events travel by reference: an instance, a function or a stream reaches the next step as it is", async () => {
  class Order {
    total = () => 42;
  }
  const order = new Order();
  const wf = new Workflow("references");
  wf.addStep("a", ["blazen::StartEvent"], async () => ({ type: "Next", order }));
  wf.addStep("b", ["Next"], async (event) => stop(event.order));
  assert.equal((await wf.run()).data, order);
});

test("an array fans out, in order, to every step that accepts each event", async () => {
  const seen = [];
  const wf = new Workflow("fan-out");
  wf.addStep("split", ["blazen::StartEvent"], async () => [
    { type: "Piece", n: 1 },
    { type: "Other", n: 2 },
    { type: "Piece", n: 3 },
  ]);
  wf.addStep("left", ["Piece"], async ({ n }) => void seen.push(`left ${n}`));
  wf.addStep("right", ["Piece", "Other"], async ({ n }, ctx) => {
    seen.push(`right ${n}`);
    if ((await ctx.state.update("count", (count) => (count ?? 0) + 1)) === 3) return stop("all");
  });
  assert.equal((await wf.run()).data, "all");
  assert.deepEqual(seen, ["left 1", "right 1", "right 2", "left 3", "right 3"]);
});

test("fifty parallel increments count to fifty", async () => {
  const wf = new Workflow("counter");
  wf.addStep("split", ["blazen::StartEvent"], async () => Array.from({ length: 50 }, () => ({ type: "Add" })));
  wf.addStep("add", ["Add"], async (_event, ctx) => {
    await null;
    const count = await ctx.state.update("count", (value) => (value ?? 0) + 1);
    return count === 50 ? stop(await ctx.get("count")) : null;
  });
  assert.equal((await wf.run()).data, 50);
});

test("the first stop event wins, and the others are told through their signal", async () => {
  const wf = new Workflow("race");
  let told;
  wf.addStep("split", ["blazen::StartEvent"], async () => [{ type: "Slow" }, { type: "Quick" }]);
  const slow = new Promise((resolve) => {
    wf.addStep("slow", ["Slow"], async (_event, ctx) => {
      const { signal } = ctx;
      await new Promise((aborted) => signal.addEventListener("abort", aborted));
      told = signal.reason;
      resolve();
      return stop("slow");
    });
  });
  wf.addStep("quick", ["Quick"], async () => stop("quick"));
  assert.equal((await wf.run()).data, "quick");
  await slow;
  assert.equal(told.code, "ERR_BLAZEN_RUN_ENDED");
});

test("a signal that is asked for when all is over is aborted already", async () => {
  const wf = new Workflow("late");
  let kept;
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    kept = ctx;
    return stop();
  });
  await wf.run();
  assert.equal(kept.signal.aborted, true);
});

test("an event that no step accepts fails the run at once, and names the nearest", async () => {
  const wf = new Workflow("orders");
  wf.addStep("charge", ["blazen::StartEvent"], async () => ({ type: "Chraged" }));
  wf.addStep("ship", ["Charged"], async () => stop());
  await assert.rejects(wf.run(), (error) => {
    assert.ok(error instanceof RunFailedError);
    assert.equal(error.code, "ERR_BLAZEN_UNROUTED_EVENT");
    assert.match(error.message, /"Chraged"; did you mean "Charged"\?/);
    assert.match(error.runId, /^[0-9a-f-]{36}$/);
    return true;
  });
});

test("what is most often forgotten is guessed: the engine's prefix, and the steps", async () => {
  const failure = (wf) => wf.run().catch((error) => error.message);
  const prefix = oneStep(async () => ({ type: "StopEvent" }));
  assert.match(await failure(prefix), /did you mean "blazen::StopEvent"\?/);
  const start = new Workflow("start").addStep("only", ["StartEvent"], async () => stop());
  assert.match(await failure(start), /"blazen::StartEvent"; did you mean "StartEvent"\?/);
  assert.match(await failure(new Workflow("empty")), /has no steps/);
});

test("whoever sends an event that no step accepts hears of it, and the run has failed", async () => {
  let heard;
  const wf = oneStep(async (_event, ctx) => {
    await ctx.sendEvent({ type: "Nobody" }).catch((error) => {
      heard = error;
    });
    return stop();
  });
  const failed = await wf.run().catch((error) => error);
  assert.equal(failed.code, "ERR_BLAZEN_UNROUTED_EVENT");
  assert.equal(heard, failed);
});

test("a run with nothing left to do fails as stalled, and names the last step", async () => {
  const failed = await oneStep(async () => null, "silent")
    .run()
    .catch((error) => error);
  assert.equal(failed.code, "ERR_BLAZEN_STALLED");
  assert.match(failed.message, /"silent"/);
});

test("what a handler throws comes back as the cause, with its class and its stack", async () => {
  class PaymentDeclined extends Error {}
  async function charge() {
    throw new PaymentDeclined("card declined");
  }
  const failed = await oneStep(charge, "charge")
    .run()
    .catch((error) => error);
  assert.ok(failed instanceof StepError);
  assert.equal(failed.code, "ERR_BLAZEN_STEP_FAILED");
  assert.equal(failed.step, "charge");
  assert.equal(failed.message, 'step "charge" failed: card declined');
  assert.ok(failed.cause instanceof PaymentDeclined);
  assert.match(failed.cause.stack, /at charge|at async charge|charge \(/);
});

test("runs keep the steps that they began with", async () => {
  const wf = new Workflow("growing");
  let open;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  wf.addStep("first", ["blazen::StartEvent"], async () => {
    await gate;
    return { type: "Next" };
  });
  const early = wf.run();
  wf.addStep("second", ["Next"], async () => stop("second"));
  const late = wf.run();
  open();
  assert.equal((await early.catch((error) => error)).code, "ERR_BLAZEN_UNROUTED_EVENT");
  assert.equal((await late).data, "second");
});

test("what a handler receives is a Context, and its namespaces are what they say", async () => {
  const wf = oneStep(async (_event, ctx) => {
    assert.ok(ctx instanceof Context);
    assert.ok(ctx.state instanceof StateNamespace);
    assert.ok(ctx.session instanceof SessionNamespace);
    assert.equal(ctx.attempt, 1);
    return stop();
  });
  await wf.run();
});

test("a context whose handler has settled reads while the run goes on, and neither writes nor sends", async () => {
  const wf = new Workflow("settled");
  let kept;
  wf.addStep("keep", ["blazen::StartEvent"], async (_event, ctx) => {
    kept = ctx;
    await ctx.set("key", "value");
    return { type: "Next" };
  });
  wf.addStep("use", ["Next"], async () => {
    assert.equal(await kept.get("key"), "value");
    const refused = { code: "ERR_BLAZEN_DELIVERY_SETTLED" };
    await assert.rejects(kept.set("key", "late"), refused);
    await assert.rejects(kept.setBytes("key", Buffer.of(1)), refused);
    await assert.rejects(kept.state.remove("key"), refused);
    await assert.rejects(
      kept.state.update("key", () => "late"),
      refused,
    );
    await assert.rejects(kept.session.set("key", "late"), refused);
    await assert.rejects(kept.sendEvent({ type: "Next" }), refused);
    await assert.rejects(kept.writeEventToStream({ type: "Late" }), refused);
    return stop(await kept.get("key"));
  });
  assert.equal((await wf.run()).data, "value");
  await assert.rejects(kept.set("key", "later"), { code: "ERR_BLAZEN_RUN_ENDED" });
  await assert.rejects(kept.get("key"), { code: "ERR_BLAZEN_RUN_ENDED" });
});

test("a step of a long run costs memory once", async () => {
  const wf = new Workflow("long");
  wf.addStep("again", ["blazen::StartEvent", "Again"], async ({ n = 0 }) => {
    return n < 300_000 ? { type: "Again", n: n + 1, ballast: new Array(100).fill(n) } : stop(n);
  });
  const before = process.memoryUsage().rss;
  assert.equal((await wf.run()).data, 300_000);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 150 * 2 ** 20, `240 MB of events have passed, and the process has grown by ${grown} bytes`);
});
