// What the state promises beyond keeping values, which values.test.mjs shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Workflow } from "blazen";

/** Runs `body` as the only step of a workflow. */
async function inHandler(body) {
  const wf = new Workflow("state");
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => ({
    type: "blazen::StopEvent",
    result: await body(ctx),
  }));
  return (await wf.run()).data;
}

test("a missing key gives null, or the fallback", async () => {
  await inHandler(async (ctx) => {
    assert.equal(await ctx.get("none"), null);
    assert.equal(await ctx.get("none", 7), 7);
    assert.equal(await ctx.state.get("none", "x"), "x");
    assert.equal(await ctx.session.get("none"), null);
    assert.equal(await ctx.session.get("none", 7), 7);
    await ctx.set("null", null);
    assert.equal(await ctx.get("null", 7), null, "null is a value");
  });
});

test("state has, removes and lists keys", async () => {
  await inHandler(async (ctx) => {
    await ctx.set("b", 1);
    await ctx.setBytes("a", Buffer.of(1));
    assert.deepEqual(await ctx.state.keys(), ["b", "a"]);
    assert.equal(await ctx.state.has("a"), true);
    assert.equal(await ctx.state.remove("a"), true);
    assert.equal(await ctx.state.remove("a"), false);
    assert.equal(await ctx.state.has("a"), false);
    assert.deepEqual(await ctx.state.keys(), ["b"]);
  });
});

test("update reads and writes in one go, and gives the new value", async () => {
  await inHandler(async (ctx) => {
    assert.equal(await ctx.state.update("n", (n) => (n ?? 10) + 1), 11);
    assert.equal(await ctx.get("n"), 11);
    await assert.rejects(
      ctx.state.update("n", async (n) => n + 1),
      { code: "ERR_BLAZEN_INVALID_ARGUMENT" },
    );
    await assert.rejects(
      ctx.state.update("n", () => undefined),
      { code: "ERR_BLAZEN_NOT_SERIALIZABLE" },
    );
    await assert.rejects(
      ctx.state.update("n", () => {
        throw new RangeError("mine");
      }),
      RangeError,
    );
    assert.equal(await ctx.get("n"), 11, "a refused or failed change changes nothing");
  });
});

test("a key holds bytes or JSON, whatever was set last", async () => {
  await inHandler(async (ctx) => {
    await ctx.set("k", { a: 1 });
    await assert.rejects(ctx.getBytes("k"), { code: "ERR_BLAZEN_INVALID_ARGUMENT" });
    await ctx.setBytes("k", Buffer.from("bytes"));
    assert.equal((await ctx.get("k")).toString(), "bytes");
    await ctx.set("k", "text");
    assert.equal(await ctx.get("k"), "text");
  });
});

test("runs of one workflow share nothing", async () => {
  const wf = new Workflow("apart");
  wf.addStep("only", ["blazen::StartEvent"], async ({ id }, ctx) => {
    await ctx.set("id", id);
    await ctx.session.set("id", id);
    await null;
    return { type: "blazen::StopEvent", result: [await ctx.get("id"), await ctx.session.get("id")] };
  });
  const results = await Promise.all(Array.from({ length: 100 }, (_, id) => wf.run({ id })));
  assert.deepEqual(
    results.map(({ data }) => data),
    results.map((_, id) => [id, id]),
  );
});
