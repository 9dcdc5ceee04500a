// A store from its opening to its closing.

import { Workflow } from "blazen";

/** Lets a run of two steps end in the store, and closes it. */
export async function useOnce(store) {
  const workflow = new Workflow("stored", { store })
    .addStep("first", ["blazen::StartEvent"], async (_event, ctx) => {
      await ctx.setBytes("bytes", Buffer.alloc(16_384, 1));
      return { type: "Next" };
    })
    .addStep("second", ["Next"], () => ({ type: "blazen::StopEvent", result: "done" }));
  await workflow.run();
  await store.close();
}
