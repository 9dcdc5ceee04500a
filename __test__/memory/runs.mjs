// Runs of ten steps, which set a value and are listened to, a hundred at a time.

import { Workflow } from "blazen";
import { printGrowth } from "./growth.mjs";

const STEPS = 10;
const AT_ONCE = 100;

const workflow = new Workflow("ten steps").addStep("step", ["blazen::StartEvent", "Next"], ({ n = 1 }, ctx) => {
  if (n === 1) ctx.state.set("n", n);
  return n === STEPS ? { type: "blazen::StopEvent", result: n } : { type: "Next", n: n + 1 };
});

await printGrowth({ warm: 100_000 / AT_ONCE, end: 1_000_000 / AT_ONCE, batch: 100 }, () =>
  Promise.all(Array.from({ length: AT_ONCE }, () => workflow.run())),
);
