import blazen = require("blazen");

const workflow: blazen.Workflow = new blazen.Workflow("untyped");
workflow.addStep("stop", ["blazen::StartEvent"], async (event, ctx) => {
  await ctx.set("counter", 5);
  return { type: "blazen::StopEvent", result: { event, at: await ctx.runId() } };
});

export const result: Promise<blazen.RunResult> = workflow.run({ any: "thing" });
