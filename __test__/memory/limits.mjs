// Runs by twos: each two have a key of their own, of which there is one slot. Some of those that wait for it are aborted.

import { Workflow } from "blazen";
import { printGrowth } from "./growth.mjs";

const AT_ONCE = 100;

let keys = 0;
const workflow = new Workflow("limited")
  .addStep("begin", ["blazen::StartEvent"], ({ key }) => ({ type: "Work", key }))
  .addStep(
    "work",
    ["Work"],
    async () => {
      await new Promise(setImmediate);
      return { type: "blazen::StopEvent" };
    },
    { limit: { concurrency: 1, key: ({ key }) => key }, timeout: 60_000 },
  );

async function two(isAborted) {
  const key = `a key of its own: ${keys++}`;
  const first = workflow.run({ key });
  const second = await workflow.runWithHandler({ key });
  if (isAborted) await second.abort();
  await Promise.allSettled([first, second.result()]);
}

await printGrowth({ warm: 50_000 / AT_ONCE, end: 100_000 / AT_ONCE, batch: 20 }, () =>
  Promise.all(Array.from({ length: AT_ONCE / 2 }, (_, n) => two(n % 5 === 0))),
);
