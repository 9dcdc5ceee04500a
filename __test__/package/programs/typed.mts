import assert from "node:assert/strict";
import {
  BlazenError,
  BlazenState,
  type BlazenStateMeta,
  type CheckpointStore,
  type StateValue,
  Workflow,
} from "blazen";
import { storePromises } from "blazen/conformance";

interface Events {
  "blazen::StartEvent": { name: string };
  Greeting: { text: string };
  "blazen::StopEvent": { result: number };
}

class Greeted extends BlazenState {
  static override meta: BlazenStateMeta = { transient: ["cache"] };
  count = 0;
  cache = new Map<string, number>();
}

const workflow = new Workflow<Events, { seen: string[] }>("greet");
workflow.addStep("greet", ["blazen::StartEvent"], async (event, ctx) => {
  await ctx.state.set("seen", [event.name]);
  return { type: "Greeting", text: `Hello, ${event.name}` };
});
workflow.addStep("measure", ["Greeting"], async (event, ctx) => {
  await new Greeted().saveTo(ctx, "greeted");
  const greeted: Greeted = await Greeted.loadFrom(ctx, "greeted");
  const seen: string[] | null = await ctx.state.get("seen");
  return { type: "blazen::StopEvent", result: event.text.length + greeted.count + (seen?.length ?? 0) };
});

export async function measured(): Promise<number> {
  try {
    const { data, runId } = await workflow.run({ name: "Ada" });
    const id: string = runId;
    assert.ok(id);
    return data;
  } catch (error) {
    if (error instanceof BlazenError) assert.fail(error.code);
    throw error;
  }
}

const store: CheckpointStore = {
  commit: async (commits) => commits.map(() => null),
  load: async () => null,
  runs: async () => ({ runs: [] }),
};
export const names: string[] = storePromises(() => store).map(({ name }) => name);

export const value: StateValue = { nested: [1, "two", null, Buffer.from("three")] };
