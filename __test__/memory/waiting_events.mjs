// Events that wait, of runs with a store: until they are due, or for a slot. Each has a title that was cut from a page of 4 MB.

import { MemoryStore, Workflow } from "blazen";
import { quiet, turn } from "../turns.mjs";
import { printGrowth } from "./growth.mjs";

const store = new MemoryStore();
let pages = 0;
const titleOfPage = () => {
  pages += 1;
  return `<title>${pages}</title>`.padEnd(4 * 2 ** 20, `page ${pages}`).slice(7, 40);
};

const delayed = new Workflow("delayed", { store })
  .addStep("fetch", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.sendEvent({ type: "Fetched", title: titleOfPage() }, { delayMs: 3_600_000 });
  })
  .addStep("read", ["Fetched"], () => ({ type: "blazen::StopEvent" }));

const limited = new Workflow("limited", { store })
  .addStep("fetch", ["blazen::StartEvent"], () => ({ type: "Fetched", title: titleOfPage() }))
  .addStep("read", ["Fetched"], () => new Promise(() => {}), { limit: { concurrency: 1 } });

await printGrowth({ warm: 10, end: 50, batch: 5 }, async () => {
  for (const workflow of [delayed, limited]) {
    const { runId } = await workflow.runWithHandler();
    while ((await store.run(runId)).pending[0]?.step !== "read") await turn();
    await quiet();
  }
});
process.exit();
