// Workflows that run workflows: what compiles, and what must not.

import { type RunResult, type SubworkflowOptions, Workflow } from "blazen";
import { z } from "zod";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the two types are one. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ["these types differ"]): void {}

interface ChildEvents {
  "blazen::StartEvent": { text: string };
  "blazen::StopEvent": { result: number };
}

interface Events {
  "blazen::StartEvent": { text: string };
  "blazen::StopEvent": { result: number };
  Counted: { result: number; runId: string };
  Named: { result: string; runId: string };
  Noted: { note: string };
}

const child = new Workflow<ChildEvents, { seen: number }>("child");
const parent = new Workflow<Events>("parent");
const free = new Workflow("free");
const optional = new Workflow<{ "blazen::StartEvent": { text?: string } }>("optional");

parent.addStep("run", ["blazen::StartEvent"], async (_event, ctx) => {
  const counted = await ctx.runWorkflow(child, { text: "a" });
  same<typeof counted, RunResult<number>>();
  // @ts-expect-error the child needs a text
  await ctx.runWorkflow(child);
  // @ts-expect-error a text is a string
  await ctx.runWorkflow(child, { text: 5 });
  // @ts-expect-error no workflow
  await ctx.runWorkflow("child", { text: "a" });
  await ctx.runWorkflow(optional);
  const itself = await ctx.runWorkflow(parent, { text: "b" });
  return { type: "blazen::StopEvent", result: counted.data + itself.data };
});

parent
  .addSubworkflowStep("count", ["blazen::StartEvent"], child, { emits: "Counted" })
  .addSubworkflowStep("end", ["blazen::StartEvent"], child, { emits: "blazen::StopEvent", timeout: 5 })
  .addSubworkflowStep("shout", ["Noted"], child, {
    emits: "Counted",
    input: (event) => {
      same<typeof event.note, string>();
      return { text: event.note };
    },
  });
// @ts-expect-error the result is a number
parent.addSubworkflowStep("name", ["blazen::StartEvent"], child, { emits: "Named" });
// @ts-expect-error the event cannot hold a result
parent.addSubworkflowStep("note", ["blazen::StartEvent"], child, { emits: "Noted" });
// @ts-expect-error what comes of it must be said
parent.addSubworkflowStep("silent", ["blazen::StartEvent"], child, {});
// @ts-expect-error no such event
parent.addSubworkflowStep("unknown", ["Counts"], child, { emits: "Counted" });
// @ts-expect-error the child takes a text
parent.addSubworkflowStep("wrong", ["Noted"], child, { emits: "Counted", input: () => ({ text: 5 }) });

free.addSubworkflowStep("any", ["Any"], child, { emits: "Anything", input: ({ text }) => ({ text }) });
free.addStep("own", ["Anything"], async (_event, ctx) => {
  const { data } = await ctx.runWorkflow(free, 5);
  return { type: "blazen::StopEvent", result: data.anything };
});

const checked = new Workflow("checked", {
  schemas: { "blazen::StartEvent": z.object({ day: z.coerce.date() }) },
});
free.addStep("checked", ["Day"], async (_event, ctx) => {
  await ctx.runWorkflow(checked, { day: "2026-01-01" });
  // @ts-expect-error there is no day
  await ctx.runWorkflow(checked, {});
});

const written: SubworkflowOptions = { emits: "Any", input: () => 5 };
free.addSubworkflowStep("written", ["Any"], free, written);
Workflow.builder<Events>("built").addSubworkflowStep("count", ["blazen::StartEvent"], child, { emits: "Counted" });
