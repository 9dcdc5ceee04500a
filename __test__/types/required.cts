// The same types through `require`.

import blazen = require("blazen");

const wf = new blazen.Workflow("cjs");
wf.addStep("only", ["blazen::StartEvent"], async () => ({ type: "blazen::StopEvent" }));
export const result: Promise<blazen.RunResult> = wf.run();
