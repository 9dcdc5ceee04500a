// Without type parameters everything compiles, the examples of the guide to the letter included.

import {
  BlazenState,
  BlazenStateMeta,
  CallbackFieldStore,
  type Context,
  type FieldStore,
  SessionPausePolicy,
  type StateValue,
  Workflow,
} from "blazen";

const wf = new Workflow("guide");

wf.addStep("store_data", ["blazen::StartEvent"], async (event, ctx) => {
  await ctx.set("user_id", "user_123");
  await ctx.set("doc_count", 5);
  await ctx.set("tags", ["rust", "workflow"]);
  await ctx.set("config", { retries: 3, verbose: true });
  await ctx.set("input", event["anything"]);
  const runId: string = await ctx.runId();
  return { type: "NextEvent", runId };
});

wf.addStep("use_data", ["NextEvent"], async (event, ctx) => {
  const userId = await ctx.get("user_id");
  const docCount = await ctx.get("doc_count");
  const value: StateValue | null = docCount;
  const counted = await ctx.get<number>("doc_count");
  const sum: number = (counted ?? 0) + event["n"];
  return { type: "blazen::StopEvent", result: { user: userId, docs: docCount, value, sum } };
});

wf.addStep("bytes", ["Bytes"], async (_event, ctx) => {
  const pixels = Buffer.from([0xff, 0x00, 0x00, 0xff]);
  await ctx.setBytes("image-pixels", pixels);
  const data: Buffer | null = await ctx.getBytes("image-pixels");
  await ctx.sendEvent({ type: "Continue", size: data?.length });
  return null;
});

wf.addStep("namespaces", ["Continue", "Other"], async (event, ctx) => {
  const type: string = event.type;
  await ctx.state.set("rowCount", 0);
  await ctx.state.update<number>("rowCount", (count) => (count ?? 0) + 1);
  const list: number[] = await ctx.state.update("list", (items) => [...(items ?? []), 1]);
  const rows: number = await ctx.state.increment("rowCount", 2);
  const logged: number = await ctx.state.append("log", { rows }, "text", 5);
  await ctx.session.set("reqId", list.length + logged);
  const hasReq: boolean = await ctx.session.has("reqId");
  const reqId = await ctx.session.get<string>("reqId");
  const removed: boolean = await ctx.session.remove("reqId");
  await ctx.writeEventToStream({ type: "Progress", type2: type, hasReq, reqId, removed });
  if (ctx.signal.aborted || ctx.attempt > 1) return [{ type: "Again" }, { type: "blazen::StopEvent" }];
});

wf.addStep("synchronous", ["Sync"], (event) => ({ type: "Other", event }), { emits: ["Other"] });
wf.addStep("answer", ["blazen::InputResponseEvent"], async ({ request_id, response }) => {
  const id: string = request_id;
  return { type: "blazen::StopEvent", result: [id, response.anything] };
});

class AgentState extends BlazenState {
  static override meta: BlazenStateMeta = {
    transient: ["scratchpad"],
    storeBy: {
      embeddings: new CallbackFieldStore({
        saveFn: async (key, value, ctx) => {
          await ctx.setBytes(key, Buffer.from(JSON.stringify(value)));
        },
        loadFn: async (key, ctx) => {
          const buf = await ctx.getBytes(key);
          return buf ? JSON.parse(buf.toString()) : null;
        },
      }),
    },
  };

  conversationHistory: string[] = [];
  embeddings: number[][] = [];
  scratchpad: Map<string, string> = new Map();
  retryCount: number = 0;

  override restore(): void {
    this.scratchpad = new Map();
  }
}

wf.addStep("process", ["ProcessEvent"], async (_event, ctx) => {
  const state = await AgentState.loadFrom<AgentState>(ctx, "state");
  const inferred: AgentState = await AgentState.loadFrom(ctx, "state");
  state.conversationHistory.push("World", ...inferred.conversationHistory);
  await state.saveTo(ctx, "state");
  return { type: "blazen::StopEvent", result: { history: state.conversationHistory } };
});

class OwnStore implements FieldStore {
  async save(key: string, value: unknown, ctx: Context): Promise<void> {
    await ctx.set(key, value);
  }
  async load(key: string, ctx: Context): Promise<unknown> {
    return ctx.get(key);
  }
}

class WithOwnStore extends BlazenState {
  static override meta = { storeBy: { big: new OwnStore() } };
  big = 1;
}

const { data, runId } = await wf.run({ any: "input" });
const anything: number = data.whatever;
await wf.run();
await wf.runStreaming(null, (event) => console.log(event.type, runId, anything, new WithOwnStore().big));
wf.setTimeout(5);
wf.setSessionPausePolicy(SessionPausePolicy.WarnDrop);
wf.setSessionPausePolicy("pickle_or_error");
const handler = await wf.runWithHandler([1, 2]);
const { done } = await handler.streamEvents(async () => {});
for await (const event of handler) console.log(event.type, event["any"]);
for await (const event of handler.stream({ from: 3, lifecycle: true })) console.log(event.type);
for await (const { offset, event } of handler.stream({ withOffsets: true })) {
  const at: number = offset;
  console.log(at, event.type);
}
for await (const { offset, event } of handler.stream({ withOffsets: true, lifecycle: true })) {
  // @ts-expect-error a lifecycle event has no offset
  const at: number = offset;
  console.log(at, event.type);
}
for await (const event of handler.toReadableStream({ from: 0 })) console.log(event.type);
const response: Response = await handler.toResponse({ from: 1, lastEventId: "2", headers: { a: "b" } });
await handler.toResponse({ request: new Request("http://localhost"), init: { status: 200 }, keepAliveMs: 5 });
await handler.toResponse({
  lifecycle: true,
});
console.log(response.status);
// @ts-expect-error there is no such option
handler.stream({ form: 3 });
// @ts-expect-error an offset is a number
handler.stream({ from: "3" });
new Workflow("buffered", { streamBuffer: 5 });
new Workflow("kept", { persistStream: true });
// @ts-expect-error it is kept or not
new Workflow("kept", { persistStream: "yes" });
await handler.respondToInput("r", { any: "value" });
await handler.abort(new Error("reason"));
await Promise.all([done, handler.resumeInPlace(), handler.snapshot()]);

// @ts-expect-error a handler is a function
wf.addStep("x", ["A"], 5);
// @ts-expect-error event types are an array
wf.addStep("x", "A", async () => null);
// @ts-expect-error an event has a type
wf.addStep("x", ["A"], async () => ({ kind: "A" }));
// @ts-expect-error a context comes from a handler
new (await import("blazen")).Context();
