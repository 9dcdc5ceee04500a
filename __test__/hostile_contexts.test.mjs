// Contexts that are used when their handlers have settled.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertCoded, deferred, outcomeOf, stop, workflowOf } from "./bad_input/harness.mjs";
import { assertPrints, IMPORTS, SHORT } from "./hostile/harness.mjs";

describe("a context that is kept", () => {
  const writes = {
    "set()": (ctx) => ctx.set("key", "late"),
    "setBytes()": (ctx) => ctx.setBytes("key", Buffer.of(9)),
    "state.set()": (ctx) => ctx.state.set("key", "late"),
    "state.update()": (ctx) => ctx.state.update("key", () => "late"),
    "state.remove()": (ctx) => ctx.state.remove("key"),
    "session.set()": (ctx) => ctx.session.set("key", "late"),
    "session.remove()": (ctx) => ctx.session.remove("key"),
    "sendEvent()": (ctx) => ctx.sendEvent({ type: "Next" }),
    "writeEventToStream()": (ctx) => ctx.writeEventToStream({ type: "Late" }),
  };
  const reads = {
    "get()": (ctx) => ctx.get("key"),
    "get() of a key that is not there": (ctx) => ctx.get("none", "kept"),
    "state.get()": (ctx) => ctx.state.get("key"),
    "session.get()": (ctx) => ctx.session.get("key"),
    "state.has()": async (ctx) => ((await ctx.state.has("key")) ? "kept" : "gone"),
    "state.keys()": async (ctx) => ((await ctx.state.keys()).length === 1 ? "kept" : "gone"),
    "session.keys()": async (ctx) => ((await ctx.session.keys()).length === 1 ? "kept" : "gone"),
    "runId()": async (ctx) => (/^[0-9a-f-]{36}$/.test(await ctx.runId()) ? "kept" : "gone"),
    attempt: (ctx) => (ctx.attempt === 1 ? "kept" : "gone"),
  };

  async function keptContext(ending) {
    const gate = deferred();
    const settled = deferred();
    let kept;
    const handler = await workflowOf(
      async (_event, ctx) => {
        kept = ctx;
        await ctx.set("key", "kept");
        await ctx.session.set("key", "kept");
        return { type: "Next" };
      },
      () => {
        settled.resolve();
        return gate.promise;
      },
    ).runWithHandler();
    await settled.promise;
    if (ending === "completed") gate.resolve(stop());
    if (ending === "failed") gate.reject(new Error("boo"));
    if (ending === "aborted") await handler.abort();
    if (ending !== undefined) await outcomeOf(() => handler.result());
    return { kept, handler, gate };
  }

  for (const ending of [undefined, "completed", "failed", "aborted"]) {
    const when = ending === undefined ? "has settled and its run goes on" : `has settled and its run is ${ending}`;
    for (const [what, write] of Object.entries(writes)) {
      test(`by a handler that ${when} refuses ${what} and changes nothing`, SHORT, async () => {
        const { kept, handler, gate } = await keptContext(ending);
        const { error } = await outcomeOf(() => write(kept));
        assertCoded(error, ending === undefined ? "ERR_BLAZEN_DELIVERY_SETTLED" : "ERR_BLAZEN_RUN_ENDED");
        if (ending === undefined) {
          assert.equal(await kept.get("key"), "kept");
          assert.equal(await kept.session.get("key"), "kept");
        }
        gate.resolve(stop());
        await outcomeOf(() => handler.result());
      });
    }
    for (const [what, read] of Object.entries(reads)) {
      const isOfTheRun = !["runId()", "attempt"].includes(what);
      const gives = isOfTheRun && ending !== undefined ? "no longer gives" : "still gives";
      test(`by a handler that ${when} ${gives} ${what}`, SHORT, async () => {
        const { kept, handler, gate } = await keptContext(ending);
        if (gives === "still gives") assert.equal(await read(kept), "kept");
        else await assert.rejects(() => read(kept), { code: "ERR_BLAZEN_RUN_ENDED" });
        gate.resolve(stop());
        await outcomeOf(() => handler.result());
      });
    }
  }

  test("holds its run when nothing else does and memory is collected", SHORT, async () => {
    await assertPrints(
      "ended 200",
      `${IMPORTS}
      const kept = [];
      for (let n = 0; n < 200; n += 1) await one(async (e, ctx) => { await ctx.set("key", n); kept.push(ctx); return stop(); }).run();
      for (let n = 0; n < 5; n += 1) { gc(); await turn(); }
      let ended = 0;
      for (const ctx of kept) if ((await ctx.get("key").catch((error) => error.code)) === "ERR_BLAZEN_RUN_ENDED") ended += 1;
      console.log("ended " + ended);`,
      ["--expose-gc"],
    );
  });
});
