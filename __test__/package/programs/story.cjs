// A run that uses what crosses into native code: fan-out, state, bytes, a pause, and a snapshot that goes on.

const assert = require("node:assert/strict");

exports.tell = async function tell({ SessionPausePolicy, StepError, Workflow }) {
  const numbers = [1, 2, 3, 4];
  const workflow = new Workflow("squares");
  workflow.setSessionPausePolicy(SessionPausePolicy.PickleOrError);
  let squared = () => {};
  const allSquared = new Promise((resolve) => {
    squared = resolve;
  });

  workflow.addStep("fan out", ["blazen::StartEvent"], async (event, ctx) => {
    await ctx.state.setBytes("raw", Buffer.from([0xff, 0]));
    return event.numbers.map((number) => ({ type: "Number", number }));
  });
  workflow.addStep("square", ["Number"], async ({ number }, ctx) => {
    const sum = await ctx.state.update("sum", (sum) => (sum ?? 0) + number * number);
    const count = await ctx.state.update("count", (count) => (count ?? 0) + 1);
    if (count < numbers.length) return null;
    squared();
    return { type: "blazen::InputRequestEvent", request_id: "ok", prompt: `Is ${sum} right?` };
  });
  workflow.addStep("collect", ["blazen::InputResponseEvent"], async ({ response }, ctx) => {
    const raw = await ctx.state.getBytes("raw");
    return { type: "blazen::StopEvent", result: { sum: await ctx.get("sum"), raw: [...raw], response } };
  });

  const first = await workflow.runWithHandler({ numbers });
  await allSquared;
  const snapshot = await first.pause();
  await first.abort();
  await assert.rejects(first.result(), { code: "ERR_BLAZEN_ABORTED" });

  const second = await workflow.resume(snapshot);
  await second.respondToInput("ok", "yes");
  const { data } = await second.result();
  assert.deepEqual(data, { sum: 30, raw: [255, 0], response: "yes" });

  const failing = new Workflow("failing");
  failing.addStep("fail", ["blazen::StartEvent"], () => {
    throw new RangeError("too far");
  });
  await assert.rejects(failing.run({}), (error) => error instanceof StepError && error.cause instanceof RangeError);
};
