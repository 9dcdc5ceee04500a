// Every example of the Context guide, as the guide has it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BlazenState, CallbackFieldStore, Workflow } from "blazen";

test("values set by one step are read by the next", async () => {
  const wf = new Workflow("guide");
  let read;
  wf.addStep("store_data", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.set("user_id", "user_123");
    await ctx.set("doc_count", 5);
    await ctx.set("tags", ["rust", "workflow"]);
    await ctx.set("config", { retries: 3, verbose: true });
    return { type: "NextEvent" };
  });
  wf.addStep("use_data", ["NextEvent"], async (_event, ctx) => {
    const userId = await ctx.get("user_id");
    const docCount = await ctx.get("doc_count");
    const tags = await ctx.get("tags");
    const config = await ctx.get("config");
    read = { userId, docCount, tags, config };
    return { type: "blazen::StopEvent", result: { user: userId, docs: docCount } };
  });
  const result = await wf.run({});
  assert.deepEqual(read, {
    userId: "user_123",
    docCount: 5,
    tags: ["rust", "workflow"],
    config: { retries: 3, verbose: true },
  });
  assert.equal(result.type, "blazen::StopEvent");
  assert.deepEqual(result.data, { user: "user_123", docs: 5 });
});

test("each execution has a run id", async () => {
  const wf = new Workflow("guide");
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    const runId = await ctx.runId();
    return { type: "blazen::StopEvent", result: runId };
  });
  const [one, other] = [await wf.run(), await wf.run()];
  assert.match(one.data, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(one.data, one.runId);
  assert.notEqual(one.data, other.data);
  assert.ok(one.runId < other.runId, "ids sort by time");
});

test("bytes come back as a Buffer, through getBytes and through get", async () => {
  const wf = new Workflow("guide");
  wf.addStep("store", ["blazen::StartEvent"], async (_event, ctx) => {
    const pixels = Buffer.from([0xff, 0x00, 0x00, 0xff]);
    await ctx.setBytes("image-pixels", pixels);
    return { type: "Next" };
  });
  wf.addStep("load", ["Next"], async (_event, ctx) => {
    const data = await ctx.getBytes("image-pixels");
    return { type: "blazen::StopEvent", result: [data, await ctx.get("image-pixels"), await ctx.getBytes("none")] };
  });
  const { data } = await wf.run();
  assert.deepEqual(data, [Buffer.from([255, 0, 0, 255]), Buffer.from([255, 0, 0, 255]), null]);
  assert.ok(Buffer.isBuffer(data[0]));
});

test("an event is routed by hand", async () => {
  const wf = new Workflow("guide");
  wf.addStep("send", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.sendEvent({ type: "Continue" });
    return null;
  });
  wf.addStep("continue", ["Continue"], async () => ({ type: "blazen::StopEvent", result: "continued" }));
  assert.equal((await wf.run()).data, "continued");
});

test("state and session are two namespaces", async () => {
  const wf = new Workflow("guide");
  let seen;
  wf.addStep("setup", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.state.set("inputPath", "data.csv");
    await ctx.state.set("rowCount", 0);
    await ctx.state.setBytes("thumbnail", Buffer.from([0x89, 0x50, 0x4e, 0x47]));

    await ctx.session.set("reqId", "abc123");
    await ctx.session.set("rateLimitCount", 0);

    const hasReq = await ctx.session.has("reqId");
    const reqId = await ctx.session.get("reqId");
    await ctx.session.remove("rateLimitCount");

    seen = {
      hasReq,
      reqId,
      rest: await ctx.session.keys(),
      state: await ctx.state.keys(),
      other: await ctx.get("reqId"),
    };
    return { type: "blazen::StopEvent", result: { ok: true } };
  });
  const { data } = await wf.run();
  assert.deepEqual(data, { ok: true });
  assert.deepEqual(seen, {
    hasReq: true,
    reqId: "abc123",
    rest: ["reqId"],
    state: ["inputPath", "rowCount", "thumbnail"],
    other: null,
  });
});

test("a session value is equal to what was set, and not the same object", async () => {
  const wf = new Workflow("guide");
  const alice = { name: "alice" };
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.session.set("k", alice);
    return { type: "blazen::StopEvent", result: await ctx.session.get("k") };
  });
  const { data } = await wf.run();
  assert.deepEqual(data, alice);
  assert.notEqual(data, alice);
});

test("a BlazenState is saved field by field and loaded again", async () => {
  class AgentState extends BlazenState {
    static meta = {
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

    conversationHistory = [];
    embeddings = [];
    scratchpad = new Map();
    retryCount = 0;

    restore() {
      this.scratchpad = new Map();
    }
  }

  const wf = new Workflow("guide");
  wf.addStep("init", ["blazen::StartEvent"], async (_event, ctx) => {
    const state = new AgentState();
    state.conversationHistory.push("Hello");
    state.embeddings.push([0.1, 0.2]);
    state.retryCount = 1;
    await state.saveTo(ctx, "state");
    return { type: "ProcessEvent" };
  });
  let loaded;
  wf.addStep("process", ["ProcessEvent"], async (_event, ctx) => {
    const state = await AgentState.loadFrom(ctx, "state");
    loaded = structuredClone({ ...state });
    assert.ok(state instanceof AgentState);
    state.conversationHistory.push("World");
    await state.saveTo(ctx, "state");
    return { type: "blazen::StopEvent", result: { history: state.conversationHistory } };
  });
  const { data } = await wf.run();
  assert.deepEqual(loaded, {
    conversationHistory: ["Hello"],
    embeddings: [[0.1, 0.2]],
    scratchpad: new Map(),
    retryCount: 1,
  });
  assert.deepEqual(data, { history: ["Hello", "World"] });
});
