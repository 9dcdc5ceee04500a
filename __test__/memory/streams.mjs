// A million events written to the stream of one run, which nobody reads, or somebody who does not come along.

import { Workflow } from "blazen";
import { printGrowth } from "./growth.mjs";

const AT_ONCE = 1_000;

let begins;
const begun = new Promise((resolve) => {
  begins = resolve;
});
const workflow = new Workflow("writes").addStep("write", ["blazen::StartEvent"], (_event, ctx) => {
  begins((event) => ctx.writeEventToStream(event));
  return new Promise(() => {});
});
const handler = await workflow.runWithHandler();
const write = await begun;
const slow = handler[Symbol.asyncIterator]();

let n = 0;
await printGrowth({ warm: 400_000 / AT_ONCE, end: 1_000_000 / AT_ONCE, batch: 50 }, async () => {
  for (let time = 0; time < AT_ONCE; time += 1) await write({ type: "Progress", n: n++, text: `the event ${n}` });
});
const outcome = await slow.next().catch(({ code }) => code);
if (outcome !== "ERR_BLAZEN_STREAM_GONE") throw new Error(`a reader from offset 0 got ${JSON.stringify(outcome)}`);
