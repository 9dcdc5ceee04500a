// blazen itself, as built in this repository: the root package is what `require` finds two folders up.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { durableStep, firstEvent, STEP } from "../workload/durable-step.mjs";
import { PING, PONG, pingPong, START, STOP } from "../workload/ping-pong.mjs";

const { Workflow } = createRequire(import.meta.url)("../..");

function loopOver({ ping, pong }) {
  const workflow = new Workflow("ping-pong");
  workflow.addStep("ping", [START, PING], ping);
  workflow.addStep("pong", [PONG], pong);
  return async () => (await workflow.run({ n: 0 })).data;
}

export default {
  entry: fileURLToPath(new URL("../..", import.meta.url)),
  loopOver,
  loop: (hops) => loopOver(pingPong(hops)),
  twoStep: () => loopOver(pingPong(2)),

  /** The durable step with no store to write it to: what is left is not the disk's. */
  async openRuns(_folder, options) {
    const workflow = new Workflow("steps");
    workflow.addStep("step", [START, STEP], durableStep(options));
    return { run: async (last) => (await workflow.run(firstEvent(last))).data, close: async () => {} };
  },

  parking() {
    const workflow = new Workflow("parking");
    workflow.addStep("ask", [START], async () => ({
      type: "blazen::InputRequestEvent",
      request_id: "approval",
      prompt: "Ship the order?",
      metadata: { order: 42 },
    }));
    workflow.addStep("decide", ["blazen::InputResponseEvent"], async (event) => ({
      type: STOP,
      result: event.response,
    }));
    return {
      park: () => workflow.runWithHandler({ order: 42 }),
      async answer(handler, value) {
        await handler.respondToInput("approval", value);
        return (await handler.result()).data;
      },
    };
  },

  /** One event becomes `width`, and one handler gets what has come of all. */
  fanOut(width) {
    const workflow = new Workflow("fan-out");
    workflow.addStep("split", [START], async () => Array.from({ length: width }, (_, n) => ({ type: "Piece", n })));
    workflow.addStep("work", ["Piece"], async ({ n }) => ({ type: "Done", n: n + 1 }));
    workflow.addStep("gather", ["Done"], async (event, ctx) => {
      const all = await ctx.collectEvents(event, { Done: width });
      return all === null ? null : { type: STOP, result: all.length };
    });
    return async () => (await workflow.run({})).data;
  },

  /** A run with `count` events that are due in a day. Resolves, once they all sleep, to a function that ends it. */
  async sleepers(count) {
    const workflow = new Workflow("sleepers");
    const asleep = new Promise((resolve) => {
      workflow.addStep("send", [START], async (_event, ctx) => {
        for (let n = 0; n < count; n += 1) await ctx.sendEvent({ type: "Due", n }, { delayMs: 86_400_000 });
        resolve();
        return null;
      });
    });
    workflow.addStep("never", ["Due"], async () => ({ type: STOP, result: null }));
    const handler = await workflow.runWithHandler({});
    await asleep;
    return () => handler.abort();
  },

  /** What `work(ctx)` resolves to, run inside the handler of a step. */
  async insideStep(work) {
    let outcome;
    const workflow = new Workflow("inside-step");
    workflow.addStep("work", [START], async (_event, ctx) => {
      outcome = await work(ctx);
      return { type: STOP, result: null };
    });
    await workflow.run({});
    return outcome;
  },
};
