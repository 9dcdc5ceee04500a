// Handlers that call whatever they like whenever they like.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Workflow } from "blazen";
import { assertCoded, deferred, outcomeOf, REQUEST, RESPONSE, START, stop, workflowOf } from "./bad_input/harness.mjs";
import { quiet, SHORT, turn } from "./hostile/harness.mjs";

describe("a handler that calls everything from its synchronous part", () => {
  const whatMayBeCalled = {
    "run()": ({ workflow }) => workflow.run({ nested: true }),
    "runWithHandler()": ({ workflow }) => workflow.runWithHandler({ nested: true }),
    "runStreaming()": ({ workflow }) => workflow.runStreaming({ nested: true }, () => {}),
    "addStep()": ({ workflow }) => workflow.addStep(`added ${Math.random()}`, ["Added"], () => {}),
    "setTimeout()": ({ workflow }) => workflow.setTimeout(0),
    "resume() of garbage": ({ workflow }) => workflow.resume("garbage"),
    "ctx.set()": ({ ctx }) => ctx.set("key", 1),
    "ctx.get()": ({ ctx }) => ctx.get("key"),
    "ctx.state.update()": ({ ctx }) => ctx.state.update("key", () => 1),
    "ctx.session.set()": ({ ctx }) => ctx.session.set("key", 1),
    "ctx.signal": ({ ctx }) => ctx.signal.aborted,
    "ctx.sendEvent()": ({ ctx }) => ctx.sendEvent({ type: "Side" }),
    "ctx.writeEventToStream()": ({ ctx }) => ctx.writeEventToStream({ type: "Side" }),
    "handler.streamEvents()": ({ handler }) => handler.streamEvents(() => {}),
    "handler.respondToInput() of an unknown id": ({ handler }) => handler.respondToInput("unknown", 1),
    "handler.snapshot()": ({ handler }) => handler.snapshot(),
    "handler.resumeInPlace()": ({ handler }) => handler.resumeInPlace(),
    "handler.pause() and resumeInPlace()": ({ handler }) => {
      handler.pause().catch(() => {});
      return handler.resumeInPlace();
    },
    "handler.pause({ graceMs: 0 }) and resumeInPlace()": ({ handler, ctx }) => {
      if (ctx.attempt > 1) return undefined;
      handler.pause({ graceMs: 0 }).catch(() => {});
      return handler.resumeInPlace();
    },
  };

  for (const [what, call] of Object.entries(whatMayBeCalled)) {
    test(`${what}: the run goes on to its end, and each fork is taken once`, SHORT, async () => {
      const outcomes = [];
      const done = [];
      let handler;
      const workflow = new Workflow("reentrant")
        .addStep("begin", [START], async (event) => {
          if (event.nested) return stop("nested");
          await turn();
          return [1, 2, 3].map((n) => ({ type: "Fork", n }));
        })
        .addStep("fork", ["Fork"], ({ n }, ctx) => {
          outcomes.push(outcomeOf(() => call({ workflow, handler, ctx })));
          return { type: "Forked", n };
        })
        .addStep("side", ["Side"], () => null)
        .addStep("join", ["Forked"], ({ n }) => {
          done.push(n);
          return done.length === 3 ? stop(done) : null;
        });
      handler = await workflow.runWithHandler();
      const { data } = await handler.result();
      assert.deepEqual([...data].sort(), [1, 2, 3]);
      for (const { error } of await Promise.all(outcomes)) if (error !== undefined) assertCoded(error);
    });
  }

  test("handler.abort(): the run ends as aborted, and no further handler is called", SHORT, async () => {
    const called = [];
    let handler;
    const workflow = new Workflow("aborting")
      .addStep("begin", [START], async () => {
        await turn();
        return [1, 2, 3].map((n) => ({ type: "Fork", n }));
      })
      .addStep("fork", ["Fork"], ({ n }, ctx) => {
        called.push(n);
        handler.abort(new Error("enough"));
        assert.equal(ctx.signal.aborted, true);
        return { type: "Fork", n };
      });
    handler = await workflow.runWithHandler();
    await assert.rejects(handler.result(), { code: "ERR_BLAZEN_ABORTED" });
    await quiet();
    assert.deepEqual(called, [1]);
  });

  test("handler.pause({ graceMs: 0 }): nothing more is invoked until the run is resumed", SHORT, async () => {
    const called = [];
    const paused = deferred();
    let handler;
    const workflow = new Workflow("pausing")
      .addStep("begin", [START], async () => {
        await turn();
        return [1, 2, 3].map((n) => ({ type: "Fork", n }));
      })
      .addStep("fork", ["Fork"], ({ n }, ctx) => {
        called.push(`${n}:${ctx.attempt}`);
        if (called.length === 1) handler.pause({ graceMs: 0 }).then(paused.resolve, paused.reject);
        return called.filter((call) => call !== "1:1").length === 3 ? stop() : null;
      });
    handler = await workflow.runWithHandler();
    const pending = JSON.parse(await paused.promise).pending_events;
    await quiet();
    assert.deepEqual(called, ["1:1"]);
    assert.equal(pending.length, 3);
    await handler.abort();
  });

  test("its own answer: respondToInput() from within the step that hears", SHORT, async () => {
    let handler;
    const heard = [];
    const workflow = new Workflow("answering")
      .addStep("ask", [START], () => ["a", "b", "c"].map((id) => ({ type: REQUEST, request_id: id })))
      .addStep("hear", [RESPONSE], ({ request_id: id }) => {
        heard.push(id);
        const next = { a: "b", b: "c" }[id];
        if (next === undefined) return stop(heard);
        handler.respondToInput(next, 1);
        return null;
      });
    handler = await workflow.runWithHandler();
    await quiet();
    await handler.respondToInput("a", 1);
    assert.deepEqual((await handler.result()).data, ["a", "b", "c"]);
  });

  test("getters, toJSON and abort listeners that call the engine again do it no harm", SHORT, async () => {
    let handler;
    const begun = deferred();
    const calls = (ctx) => {
      ctx.get("key").catch(() => {});
      ctx.set("other", 1).catch(() => {});
      handler?.snapshot().catch(() => {});
      handler?.resumeInPlace().catch(() => {});
      handler?.respondToInput("a", 1).catch(() => {});
    };
    const workflow = workflowOf(async (_event, ctx) => {
      ctx.signal.addEventListener("abort", () => calls(ctx));
      await ctx.set("key", {
        get a() {
          calls(ctx);
          return 1;
        },
        b: {
          toJSON() {
            calls(ctx);
            return 2;
          },
        },
      });
      assert.deepEqual(await ctx.get("key"), { a: 1, b: 2 });
      begun.resolve();
      return new Promise(() => {});
    });
    handler = await workflow.runWithHandler();
    await begun.promise;
    await handler.abort();
    await assert.rejects(handler.result(), { code: "ERR_BLAZEN_ABORTED" });
  });

  test(
    "a pending event whose toJSON aborts the run while it is being saved ends the run, and pause() says so",
    SHORT,
    async () => {
      let handler;
      const gate = deferred();
      handler = await workflowOf(
        () => gate.promise,
        () => stop(),
      ).runWithHandler();
      await quiet();
      const pausing = outcomeOf(() => handler.pause());
      gate.resolve({
        type: "Next",
        toJSON() {
          handler.abort();
          return { type: "Next" };
        },
      });
      assertCoded((await pausing).error, "ERR_BLAZEN_RUN_ENDED");
      await assert.rejects(handler.result(), { code: "ERR_BLAZEN_ABORTED" });
    },
  );

  test(
    "a pending event whose toJSON resumes the run while it is being saved does not break the run",
    SHORT,
    async () => {
      let handler;
      const gate = deferred();
      handler = await workflowOf(
        () => gate.promise,
        () => stop("ran"),
      ).runWithHandler();
      await quiet();
      const pausing = outcomeOf(() => handler.pause());
      gate.resolve({
        type: "Next",
        toJSON() {
          handler.resumeInPlace().catch(() => {});
          return { type: "Next" };
        },
      });
      const { error } = await pausing;
      if (error !== undefined) assertCoded(error, "ERR_BLAZEN_NOT_PAUSED");
      assert.equal((await handler.result()).data, "ran");
    },
  );
});
