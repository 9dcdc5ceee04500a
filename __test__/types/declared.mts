// A workflow whose events and state are declared: what compiles, and what must not.

import {
  BlazenState,
  type Context,
  type MigratingRun,
  type RunResult,
  type UnfitRun,
  Workflow,
  type WorkflowGraph,
} from "blazen";

interface Order {
  id: string;
  cents: number;
}

interface Events {
  "blazen::StartEvent": { order: Order };
  "blazen::StopEvent": { result: { receipt: string } };
  "blazen::InputResponseEvent": { request_id: string; response: boolean };
  Charged: { receipt: string };
  Declined: { reason: string };
}

interface State {
  order: Order;
  attempts: number;
  log: string[];
  visited: readonly { at: number }[];
  pair: [number, number];
  level: 1 | 2;
  maybe: number | null;
  either: string[] | number[];
  optional?: number[];
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the two types are one. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ["these types differ"]): void {}

const orders = new Workflow<Events, State>("orders");

orders.addStep("charge", ["blazen::StartEvent"], async (event, ctx) => {
  same<typeof event.order, Order>();
  same<typeof event.type, "blazen::StartEvent">();
  await ctx.state.set("order", event.order);
  await ctx.set("attempts", 1);
  const attempts = await ctx.state.get("attempts");
  same<typeof attempts, number | null>();
  const withFallback = await ctx.get("attempts", 0);
  same<typeof withFallback, number>();
  const order = await ctx.get("order");
  same<typeof order, Order | null>();
  const next = await ctx.state.update("attempts", (value) => (value ?? 0) + 1);
  same<typeof next, number>();

  const counted = await ctx.state.increment("attempts");
  same<typeof counted, number>();
  await ctx.state.increment("attempts", -5);
  const length = await ctx.state.append("log", "charged", "shipped");
  same<typeof length, number>();
  await ctx.state.append("visited", { at: 1 });
  await ctx.state.append("optional", 1);
  await ctx.state.append("log");

  // @ts-expect-error no number
  await ctx.state.increment("order");
  // @ts-expect-error not any number
  await ctx.state.increment("level");
  // @ts-expect-error not always a number
  await ctx.state.increment("maybe");
  // @ts-expect-error a number is added
  await ctx.state.increment("attempts", "1");
  // @ts-expect-error no such key
  await ctx.state.increment("attempt");
  // @ts-expect-error no array
  await ctx.state.append("attempts", 1);
  // @ts-expect-error the wrong type of item
  await ctx.state.append("log", "charged", 5);
  // @ts-expect-error the wrong type of item
  await ctx.state.append("visited", { on: 1 });
  // @ts-expect-error a pair has two items
  await ctx.state.append("pair", 1);
  // @ts-expect-error the array may be of the other type
  await ctx.state.append("either", 1);
  // @ts-expect-error no such key
  await ctx.state.append("logs", "charged");
  // @ts-expect-error no such key
  await ctx.state.get("ordre");
  // @ts-expect-error the wrong type of value
  await ctx.state.set("attempts", "one");
  // @ts-expect-error the wrong type of value
  await ctx.state.update("attempts", () => "one");
  // @ts-expect-error no such field
  event.odrer;

  if (event.order.cents > 0) return { type: "Charged", receipt: "r" };
  await ctx.sendEvent({ type: "Declined", reason: "nothing to pay" });
  // @ts-expect-error no such event
  await ctx.sendEvent({ type: "Chraged", receipt: "r" });
  // @ts-expect-error a field is missing
  await ctx.sendEvent({ type: "Charged" });
  // @ts-expect-error only the engine emits this one
  await ctx.sendEvent({ type: "blazen::StartEvent", order: event.order });
  return null;
});

orders.addStep("either", ["Charged", "Declined"], async (event) => {
  same<typeof event.type, "Charged" | "Declined">();
  if (event.type === "Declined") {
    same<typeof event.reason, string>();
    return { type: "blazen::InputRequestEvent", request_id: "r", prompt: event.reason };
  }
  return [{ type: "blazen::StopEvent", result: { receipt: event.receipt } }];
});

orders.addStep("read", ["blazen::InputResponseEvent"], async (event) => {
  same<typeof event.response, boolean>();
});

orders.addStep("declares", ["Charged"], async () => null, {
  emits: ["Declined", "blazen::StopEvent", "blazen::InputRequestEvent"],
});
// @ts-expect-error no such event to emit
orders.addStep("none", ["Charged"], async () => null, { emits: ["Chraged"] });
// @ts-expect-error only the engine emits this one
orders.addStep("none", ["Charged"], async () => null, { emits: ["blazen::StartEvent"] });
// @ts-expect-error no such option
orders.addStep("none", ["Charged"], async () => null, { emit: ["Declined"] });

const { nodes, edges, problems, undeclared }: WorkflowGraph = orders.graph();
same<(typeof edges)[number]["source"], "declared" | "observed">();
for (const node of nodes) if (node.kind === "step") same<typeof node.emits, string[] | null>();
export const drawn: string = [orders.toMermaid(), ...problems.map(({ message }) => message), ...undeclared].join();

// @ts-expect-error no such event to accept
orders.addStep("none", ["Chraged"], async () => null);
// @ts-expect-error nobody receives a stop event
orders.addStep("none", ["blazen::StopEvent"], async () => null);
// @ts-expect-error a handler cannot return a number
orders.addStep("none", ["Charged"], async () => 5);
// @ts-expect-error no such event to return
orders.addStep("none", ["Charged"], async () => ({ type: "Shipped" }));
// @ts-expect-error the payload of the returned event is wrong
orders.addStep("none", ["Charged"], async () => ({ type: "Declined", reason: 5 }));
// @ts-expect-error the result is wrong
orders.addStep("none", ["Charged"], async () => ({ type: "blazen::StopEvent", result: { receipt: 5 } }));
// @ts-expect-error a step needs a handler
orders.addStep("none", ["Charged"]);

const result = await orders.run({ order: { id: "1", cents: 5 } });
same<typeof result, RunResult<{ receipt: string }>>();
same<typeof result.data.receipt, string>();
// @ts-expect-error the input is missing
await orders.run();
// @ts-expect-error the input is missing
await orders.runWithHandler();
// @ts-expect-error the input is wrong
await orders.run({ ordre: 1 });
const handler = await orders.runWithHandler({ order: { id: "1", cents: 5 } });
same<Awaited<ReturnType<typeof handler.result>>["data"], { receipt: string }>();
const snapshot: string = await handler.pause({ graceMs: 5 });
same<Awaited<ReturnType<typeof orders.resume>>, typeof handler>();
await orders.resume(snapshot);
const { signal } = new AbortController();
await orders.run({ order: { id: "1", cents: 5 } }, { signal, runId: handler.runId });
await orders.runStreaming({ order: { id: "1", cents: 5 } }, () => {}, { signal });
// @ts-expect-error a controller is no signal
await orders.run({ order: { id: "1", cents: 5 } }, { signal: new AbortController() });
const cancelled = await orders.cancel(handler.runId);
same<typeof cancelled, boolean>();
await orders.cancel(handler.runId, { by: "the customer" });
// @ts-expect-error which one?
await orders.cancel();

orders.setSessionPausePolicy("hard_error");
// @ts-expect-error no such policy
orders.setSessionPausePolicy("strict");

Workflow.builder<Events, State>("orders")
  .addStep("charge", ["blazen::StartEvent"], async ({ order }) => ({ type: "Charged", receipt: order.id }), {
    emits: ["Charged"],
  })
  .timeout(5)
  .build();

class Progress extends BlazenState {
  done: string[] = [];
}

/** Works with the context of any workflow. */
export async function load(ctx: Context<Events, State>): Promise<void> {
  const progress = await Progress.loadFrom(ctx, "progress");
  same<typeof progress, Progress>();
  await progress.saveTo(ctx, "progress");
  // @ts-expect-error a key is a string
  await progress.saveTo(ctx, 5);
}

const partial = new Workflow<{ "blazen::StartEvent": { order?: number } }, { name?: string }>("partial");
partial.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
  const name = await ctx.get("name");
  same<typeof name, string | null>();
  const orNumber = await ctx.get("name", 5);
  same<typeof orNumber, string | number>();
  // @ts-expect-error nothing is set to undefined
  await ctx.set("name", undefined);
  return null;
});
await partial.run();

// @ts-expect-error events are a map from type to payload
new Workflow<{ Charged: string }>("orders");
// @ts-expect-error a name is a string
new Workflow(5);
// @ts-expect-error no such option
new Workflow("orders", { retries: 5 });
new Workflow("orders", { stateConflicts: "error" });
// @ts-expect-error no such way
new Workflow("orders", { stateConflicts: "throw" });

export const migrated = new Workflow<Events, State>("orders", {
  version: "2",
  migrate(run) {
    same<typeof run, MigratingRun<State>>();
    same<typeof run.version, string | undefined>();
    run.state.set("attempts", Number(run.state.get("tries") ?? 0)).set("log", []);
    run.state.delete("tries");
    for (const [key, value] of run.state) if (value === null) run.state.delete(key);
    run.pending = run.pending.filter(({ event }) => event.type !== "Obsolete");
    run.pending.push({ step: "charge", event: { type: "Charged", receipt: "1" }, due: new Date() });
    // @ts-expect-error the wrong type of value
    run.state.set("attempts", "1");
    // @ts-expect-error no such key
    run.state.set("tries", 1);
    // @ts-expect-error an event has a type
    run.pending.push({ step: "charge", event: {} });
    // @ts-expect-error what it is called is not its to change
    run.runId = "";
  },
});
new Workflow("orders", { version: "2", migrate: async ({ state }) => void state.set("anything", { at: 1 }) });
// @ts-expect-error a version is a string
new Workflow("orders", { version: 2 });
// @ts-expect-error a run is changed in place
new Workflow("orders", { version: "2", migrate: (run) => run.pending });
const unfit: UnfitRun[] = await migrated.check();
for (const { runId, verdict, problems } of unfit) console.log(runId, verdict === "cannot", problems[0]?.message);
