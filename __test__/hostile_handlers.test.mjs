// Handlers that throw whatever they like, call whatever they like whenever they like, and never end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { RunFailedError, StepError, Workflow } from "blazen";
import {
  assertCoded,
  deferred,
  errorWithSymbolMessage,
  errorWithThrowingMessage,
  hostileProxy,
  outcomeOf,
  REQUEST,
  RESPONSE,
  revoked,
  START,
  STOP,
  stop,
  workflowOf,
} from "./bad_input/harness.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const INDEX = fileURLToPath(new URL("../index.js", import.meta.url));
/** Only there so that what hangs fails instead of holding everything. */
const HANG = 20_000;
const SHORT = { timeout: 10_000 };
// What hangs may hold nothing that keeps the event loop alive.
const keepAlive = setInterval(() => {}, HANG);
after(() => clearInterval(keepAlive));

const turn = () => new Promise(setImmediate);

/** Runs an ES module in a process of its own; a promise that nobody handles ends it. */
async function inProcess(source, flags = [], timeout = HANG) {
  const child = spawn(
    process.execPath,
    ["--unhandled-rejections=strict", ...flags, "--input-type=module", "--eval", source],
    {
      cwd: ROOT,
      timeout,
      killSignal: "SIGKILL",
    },
  );
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (piece) => {
    stdout += piece;
  });
  child.stderr.on("data", (piece) => {
    stderr += piece;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, stdout: stdout.trim(), stderr };
}

async function assertPrints(expected, source, flags, timeout) {
  const { code, signal, stdout, stderr } = await inProcess(source, flags, timeout);
  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: expected }, stderr);
}

const IMPORTS = `import { BlazenError, Context, Workflow } from "blazen";
const START = "blazen::StartEvent";
const stop = (result) => ({ type: "blazen::StopEvent", result });
const one = (handler) => new Workflow("w").addStep("s", [START], handler);
const turn = () => new Promise(setImmediate);
`;

describe("a handler that throws", () => {
  const frozen = Object.freeze(new Error("frozen"));
  const THROWN = {
    undefined: () => undefined,
    null: () => null,
    "a string": () => "boo",
    "an empty string": () => "",
    "a symbol": () => Symbol.iterator,
    "a number": () => 0,
    "a function": () => assert.fail,
    "a frozen error": () => frozen,
    "an error without a message": () => new Error(),
    "an error whose message throws": errorWithThrowingMessage,
    "an error whose message is a symbol": errorWithSymbolMessage,
    "an error whose name throws": () =>
      Object.defineProperty(new Error(""), "name", { get: () => assert.fail("name") }),
    "an error without a prototype": () => Object.setPrototypeOf(new Error("bare"), null),
    "an error that is its own cause": () => {
      const error = new Error("circle");
      error.cause = error;
      return error;
    },
    "a rejected promise": () => {
      const promise = Promise.reject(new Error("within"));
      promise.catch(() => {});
      return promise;
    },
    "a thenable": () => ({ then: (resolve) => resolve(stop("never")) }),
    "a Proxy that throws": () => hostileProxy(),
    "a Proxy of an error that throws": () => hostileProxy(new Error("x")),
    "a revoked Proxy": () => revoked(),
  };
  const WAYS = {
    throws: (make) => () => {
      throw make();
    },
    "rejects with": (make) => () => Promise.reject(make()),
    "awaits and throws": (make) => async () => {
      await null;
      throw make();
    },
  };

  for (const [what, make] of Object.entries(THROWN)) {
    for (const [way, handlerOf] of Object.entries(WAYS)) {
      test(`that ${way} ${what} fails the run with a StepError whose cause it is`, SHORT, async () => {
        const thrown = make();
        const handler = await workflowOf(
          () => ({ type: "Next" }),
          handlerOf(() => thrown),
        ).runWithHandler();
        const { error } = await outcomeOf(() => handler.result());
        assertCoded(error, "ERR_BLAZEN_STEP_FAILED");
        assert.ok(error instanceof StepError && error instanceof RunFailedError);
        assert.equal(error.step, "next 0");
        assert.equal(error.runId, handler.runId);
        assert.ok(Object.is(error.cause, thrown));
      });
    }
  }

  test("leaves every other run alone", SHORT, async () => {
    const workflow = workflowOf(async (event) => {
      await turn();
      if (event.n % 2 === 0) throw Object.values(THROWN)[(event.n / 2) % 8]();
      return stop(event.n);
    });
    const outcomes = await Promise.all(Array.from({ length: 64 }, (_, n) => outcomeOf(() => workflow.run({ n }))));
    outcomes.forEach(({ value, error }, n) => {
      assert.equal(n % 2 === 0 ? error.code : value.data, n % 2 === 0 ? "ERR_BLAZEN_STEP_FAILED" : n);
    });
  });

  test("after it has sent a stop event does not change the result", SHORT, async () => {
    for (const late of [
      () => Promise.reject(new Error("late")),
      () => assert.fail("late"),
      () => 5,
      () => stop("late"),
    ]) {
      const { data } = await workflowOf(async (_event, ctx) => {
        await ctx.sendEvent(stop("sent"));
        return late();
      }).run();
      assert.equal(data, "sent");
    }
  });

  test("its own error keeps its class and stack as the cause", SHORT, async () => {
    class Mine extends Error {}
    const { error } = await outcomeOf(() =>
      workflowOf(function namedByItsStack() {
        throw new Mine("mine");
      }).run(),
    );
    assert.ok(error.cause instanceof Mine);
    assert.match(error.cause.stack, /namedByItsStack/);
  });

  test("ends no process, whatever it throws and however", SHORT, async () => {
    await assertPrints(
      "36 failed",
      `${IMPORTS}
      const thrown = [undefined, null, "s", Symbol("s"), Object.freeze(new Error("f")), Object.create(null),
        Object.defineProperty(new Error(), "message", { get() { throw new Error("no"); } }),
        Object.defineProperty(new Error(), "message", { value: Symbol("m") }),
        new Proxy({}, { get() { throw new Error("trap"); }, getPrototypeOf() { throw new Error("trap"); } })];
      let failed = 0;
      const hold = setInterval(() => {}, 1000);
      setTimeout(() => { console.log(failed + " failed, and then it hung"); process.exit(1); }, 3000).unref();
      for (const value of thrown) {
        const ways = [() => { throw value; }, () => Promise.reject(value), async () => { await turn(); throw value; },
          () => ({ get type() { throw value; } })];
        for (const way of ways) await one(way).run().catch((error) => { if (error instanceof BlazenError) failed += 1; });
      }
      console.log(failed + " failed");
      clearInterval(hold);`,
    );
  });
});

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
    await turn();
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
    await turn();
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
    await turn();
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
      await turn();
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
      await turn();
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

describe("a handler that never settles", () => {
  test("is timed out: its signal is aborted and the run fails", SHORT, async () => {
    let signal;
    const workflow = workflowOf((_event, ctx) => {
      signal = ctx.signal;
      return new Promise(() => {});
    });
    workflow.setTimeout(0.02);
    const { error } = await outcomeOf(() => workflow.run());
    assertCoded(error, "ERR_BLAZEN_TIMEOUT");
    assert.equal(signal.aborted, true);
    assert.equal(signal.reason, error);
  });

  for (const graceMs of [0, 1, 20]) {
    test(
      `is not waited for by pause({ graceMs: ${graceMs} }), and is invoked again after resume()`,
      SHORT,
      async () => {
        const attempts = [];
        const workflow = workflowOf(
          () => ({ type: "Next" }),
          (_event, ctx) => {
            attempts.push(ctx.attempt);
            return ctx.attempt === 1 ? new Promise(() => {}) : stop("again");
          },
        );
        const handler = await workflow.runWithHandler();
        await turn();
        const snapshot = await handler.pause({ graceMs });
        assert.deepEqual(
          JSON.parse(snapshot).pending_events.map(({ deliveries }) => deliveries),
          [[{ step: "next 0", attempt: 2, sent: 0 }]],
        );
        assert.equal((await (await workflow.resume(snapshot)).result()).data, "again");
        await handler.resumeInPlace();
        assert.equal((await handler.result()).data, "again");
        assert.deepEqual(attempts, [1, 2, 2]);
      },
    );
  }

  test(
    "is told through its signal when a pause does not wait for it, and its next attempt has a signal of its own",
    SHORT,
    async () => {
      const signals = [];
      const second = deferred();
      const workflow = workflowOf((_event, ctx) => {
        signals.push(ctx.signal);
        if (ctx.attempt === 2) second.resolve();
        return new Promise(() => {});
      });
      const handler = await workflow.runWithHandler();
      await turn();
      await handler.pause({ graceMs: 0 });
      assert.equal(signals[0].aborted, true);
      assert.equal(signals[0].reason.code, "ERR_BLAZEN_PAUSED");
      await handler.resumeInPlace();
      await second.promise;
      assert.equal(signals[1].aborted, false, "the second attempt begins with a signal that is not aborted");
      await handler.abort();
      assert.equal(signals[1].aborted, true);
    },
  );

  /** A run whose first attempt was cut short and whose second is at work; `late` settles the first. */
  async function twoAttempts() {
    const late = deferred();
    const now = deferred();
    const contexts = [];
    const both = deferred();
    const workflow = workflowOf(
      (_event, ctx) => {
        contexts.push(ctx);
        if (ctx.attempt === 2) both.resolve();
        return ctx.attempt === 1 ? late.promise : now.promise;
      },
      (event) => stop(event.from),
    );
    const handler = await workflow.runWithHandler();
    await turn();
    await handler.pause({ graceMs: 0 });
    await handler.resumeInPlace();
    await both.promise;
    return { handler, late, now, contexts };
  }

  const lateEndings = {
    "returns an event": ({ late }) => late.resolve({ type: "Next", from: "the first attempt" }),
    "returns nothing": ({ late }) => late.resolve(null),
    "returns a stop event": ({ late }) => late.resolve(stop("the first attempt")),
    throws: ({ late }) => late.reject(new Error("late")),
    "returns no event": ({ late }) => late.resolve(5),
    "sends an event": ({ contexts }) =>
      contexts[0].sendEvent({ type: "Next", from: "the first attempt" }).catch(() => {}),
  };
  for (const [how, end] of Object.entries(lateEndings)) {
    test(`and was cut short is no longer heard when it ${how} while its next attempt is at work`, SHORT, async () => {
      const attempts = await twoAttempts();
      end(attempts);
      await turn();
      attempts.now.resolve({ type: "Next", from: "the second attempt" });
      assert.equal((await attempts.handler.result()).data, "the second attempt");
    });
  }

  for (const [what, write] of Object.entries({
    "set()": (ctx) => ctx.set("key", "late"),
    "sendEvent()": (ctx) => ctx.sendEvent({ type: "Next", from: "late" }),
    "writeEventToStream()": (ctx) => ctx.writeEventToStream({ type: "Late" }),
  })) {
    test(`and was cut short has its ${what} refused while its next attempt is at work`, SHORT, async () => {
      const { handler, contexts, now } = await twoAttempts();
      const { error } = await outcomeOf(() => write(contexts[0]));
      now.resolve(stop());
      await outcomeOf(() => handler.result());
      assertCoded(error, "ERR_BLAZEN_DELIVERY_SETTLED");
    });
  }

  test("keeps a signal that works in its second attempt when the first settles late", SHORT, async () => {
    const { handler, late, contexts } = await twoAttempts();
    const { signal } = contexts[1];
    assert.equal(signal.aborted, false);
    late.resolve(null);
    await turn();
    await handler.abort();
    assert.equal(signal.aborted, true);
  });

  test("has every abort listener called, although one throws, and the run still ends", SHORT, async () => {
    await assertPrints(
      "second listener, ERR_BLAZEN_ABORTED, 2 thrown",
      `${IMPORTS}
      let thrown = 0;
      process.on("uncaughtException", () => { thrown += 1; });
      let second = "no";
      const handler = await one((event, ctx) => {
        ctx.signal.addEventListener("abort", () => { throw new Error("listener"); });
        ctx.signal.addEventListener("abort", () => { second = "second listener"; });
        ctx.signal.onabort = () => { throw undefined; };
        return new Promise(() => {});
      }).runWithHandler();
      await turn();
      await handler.abort();
      const { code } = await handler.result().catch((error) => error);
      await turn();
      console.log(second + ", " + code + ", " + thrown + " thrown");`,
    );
  });

  test("in ten thousand runs at once is aborted in all of them", SHORT, async () => {
    const workflow = workflowOf(
      (_event, ctx) =>
        new Promise((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
    );
    const handlers = await Promise.all(Array.from({ length: 10_000 }, () => workflow.runWithHandler()));
    await turn();
    await Promise.all(handlers.map((handler) => handler.abort()));
    const outcomes = await Promise.all(handlers.map((handler) => outcomeOf(() => handler.result())));
    assert.ok(outcomes.every(({ error }) => error.code === "ERR_BLAZEN_ABORTED"));
  });
});

describe("a handler that does too much", () => {
  test("returns ten thousand events, which are all delivered in order", SHORT, async () => {
    const seen = [];
    await workflowOf(
      () => Array.from({ length: 10_000 }, (_, n) => ({ type: "Next", n })),
      ({ n }) => {
        seen.push(n);
        return seen.length === 10_000 ? stop() : null;
      },
    ).run();
    assert.deepEqual(seen, [...Array(10_000).keys()]);
  });

  test("sends ten thousand events, which are all delivered in order", SHORT, async () => {
    const seen = [];
    await workflowOf(
      async (_event, ctx) => {
        for (let n = 0; n < 10_000; n += 1) await ctx.sendEvent({ type: "Next", n });
      },
      ({ n }) => {
        seen.push(n);
        return seen.length === 10_000 ? stop() : null;
      },
    ).run();
    assert.deepEqual(seen, [...Array(10_000).keys()]);
  });

  test("asks ten thousand questions, which are all answered", SHORT, async () => {
    let heard = 0;
    const handler = await workflowOf(() =>
      Array.from({ length: 10_000 }, (_, n) => ({ type: REQUEST, request_id: `${n}` })),
    )
      .addStep("hear", [RESPONSE], () => {
        heard += 1;
        return heard === 10_000 ? stop() : null;
      })
      .runWithHandler();
    await turn();
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => handler.respondToInput(`${n}`, n)));
    await handler.result();
    assert.equal(heard, 10_000);
  });

  for (const kind of ["synchronous", "asynchronous"]) {
    test(`goes a hundred thousand ${kind} hops without overflowing the stack`, SHORT, async () => {
      const hop = ({ n }) => (n === 100_000 ? stop(n) : { type: "Next", n: n + 1 });
      const { data } = await workflowOf(
        () => ({ type: "Next", n: 0 }),
        kind === "synchronous" ? hop : async (event) => hop(event),
      ).run();
      assert.equal(data, 100_000);
    });
  }

  test("starts a run within a run, a thousand deep", SHORT, async () => {
    const workflow = workflowOf(async ({ n }) =>
      n === 0 ? stop(0) : stop((await workflow.run({ n: n - 1 })).data + 1),
    );
    assert.equal((await workflow.run({ n: 1_000 })).data, 1_000);
  });

  const endless = {
    "hops for ever": (goOn) =>
      workflowOf(
        () => ({ type: "Next" }),
        () => (goOn() ? { type: "Next" } : stop()),
      ).run(),
    "hops for ever and is asynchronous": (goOn) =>
      workflowOf(
        () => ({ type: "Next" }),
        async () => (goOn() ? { type: "Next" } : stop()),
      ).run(),
    "sends itself the next event for ever": (goOn) =>
      workflowOf(
        () => ({ type: "Next" }),
        async (_event, ctx) => {
          await ctx.sendEvent(goOn() ? { type: "Next" } : stop());
        },
      ).run(),
    "starts a run after another for ever": async (goOn) => {
      const workflow = workflowOf(() => stop());
      while (goOn()) await workflow.run();
    },
    "is in a hundred runs at once": (goOn) =>
      Promise.all(
        Array.from({ length: 100 }, () =>
          workflowOf(
            () => ({ type: "Next" }),
            () => (goOn() ? { type: "Next" } : stop()),
          ).run(),
        ),
      ),
    "forks into a hundred that each hop for ever": (goOn) =>
      workflowOf(
        () => Array.from({ length: 100 }, () => ({ type: "Next" })),
        () => (goOn() ? { type: "Next" } : stop()),
      ).run(),
  };
  for (const [what, run] of Object.entries(endless)) {
    test(`${what}: timers, immediates and I/O get their turns`, SHORT, async () => {
      const got = { timers: 0, immediates: 0, files: 0 };
      const timer = setInterval(() => {
        got.timers += 1;
      }, 1);
      const immediate = async () => {
        while (got.immediates < 20) {
          await turn();
          got.immediates += 1;
        }
      };
      const files = async () => {
        while (got.files < 5) {
          await readFile(INDEX);
          got.files += 1;
        }
      };
      let hops = 0;
      const enough = () => got.timers >= 5 && got.immediates >= 20 && got.files >= 5;
      // The number of hops is bounded so that starvation fails instead of hanging.
      await Promise.all([run(() => ++hops < 3_000_000 && !enough()), immediate(), files()]);
      clearInterval(timer);
      assert.ok(hops < 3_000_000, `starved: ${JSON.stringify(got)}`);
    });
  }

  test("does not starve a time limit: a run that hops for ever is timed out", SHORT, async () => {
    const workflow = workflowOf(
      () => ({ type: "Next" }),
      () => ({ type: "Next" }),
    );
    workflow.setTimeout(0.05);
    await assert.rejects(workflow.run(), { code: "ERR_BLAZEN_TIMEOUT" });
  });

  test("does not starve abort(): a run that hops for ever can be aborted from a timer", SHORT, async () => {
    const handler = await workflowOf(
      () => ({ type: "Next" }),
      () => ({ type: "Next" }),
    ).runWithHandler();
    setTimeout(() => handler.abort(), 5);
    await assert.rejects(handler.result(), { code: "ERR_BLAZEN_ABORTED" });
  });
});

describe("values made to blow up", { concurrency: 4 }, () => {
  const blowUps = {
    "an array of 2^32 - 1 holes returned by a handler": "await one(() => new Array(2 ** 32 - 1)).run()",
    "an array of 2^32 - 1 holes as event types": 'new Workflow("w").addStep("s", new Array(2 ** 32 - 1), () => {})',
    "an array of 2^32 - 1 holes set in the state":
      'await one(async (e, ctx) => { await ctx.set("k", new Array(2 ** 32 - 1)); }).run()',
    "a value of 2^64 leaves made of sixty-four arrays":
      'await one(async (e, ctx) => { let v = 1; for (let n = 0; n < 64; n += 1) v = [v, v]; await ctx.set("k", v); }).run()',
    "such a value set in the session":
      'await one(async (e, ctx) => { let v = 1; for (let n = 0; n < 64; n += 1) v = { a: v, b: v }; await ctx.session.set("k", v); }).run()',
    "a Proxy that says it is an array of 2^53 - 1 items":
      'await one(() => new Proxy([], { get: (t, key) => (key === "length" ? 2 ** 53 - 1 : t[key]) })).run()',
    "an array that grows while it is read":
      'await one(() => { const a = []; Object.defineProperty(a, 0, { enumerable: true, get() { a.push({ type: "x" }); return { type: "x" }; } }); return a; }).run()',
  };
  for (const [what, code] of Object.entries(blowUps)) {
    test(`${what}: refused with an error of ours, and the process lives`, { timeout: HANG }, async () => {
      await assertPrints(
        "refused",
        `${IMPORTS}
        try { ${code}; console.log("taken"); }
        catch (error) { console.log(error instanceof BlazenError ? "refused" : "another error: " + error); }`,
        ["--max-old-space-size=1024"],
        8_000,
      );
    });
  }
});

describe("the process", () => {
  test("ends at once when all that it does is import the package", SHORT, () => assertPrints("", 'import "blazen";'));

  test("ends at once when all that it does is require the package", SHORT, () =>
    assertPrints("", 'import { createRequire } from "node:module"; createRequire(process.cwd() + "/")("./index.js");'),
  );

  test("ends by itself when a run has ended, was aborted or is paused", SHORT, () =>
    assertPrints(
      "done",
      `${IMPORTS}
      const workflow = one((e, ctx) => (e.wait ? new Promise(() => {}) : stop()));
      workflow.setTimeout(3600);
      await workflow.run();
      await (await workflow.runWithHandler({ wait: true })).abort();
      await (await workflow.runWithHandler({ wait: true })).pause({ graceMs: 0 });
      const kept = await workflow.runWithHandler({ wait: true });
      await kept.streamEvents(() => {});
      await kept.abort();
      console.log("done");`,
    ),
  );

  for (const [when, body] of Object.entries({
    "a handler": "await one(() => process.exit(7)).run();",
    "a handler after an await": "await one(async () => { await turn(); process.exit(7); }).run();",
    "a stream callback":
      "await one(async (e, ctx) => { await ctx.writeEventToStream({ type: 'A' }); return stop(); }).runStreaming({}, () => process.exit(7));",
    "an abort listener":
      "const h = await one((e, ctx) => { ctx.signal.onabort = () => process.exit(7); return new Promise(() => {}); }).runWithHandler(); await turn(); await h.abort();",
    "a toJSON": "await one((e, ctx) => ctx.set('k', { toJSON: () => process.exit(7) })).run();",
    "an update": "await one((e, ctx) => ctx.state.update('k', () => process.exit(7))).run();",
    "a thousand runs at work":
      "const w = one(() => new Promise(() => {})); for (let n = 0; n < 1000; n += 1) await w.runWithHandler(); process.exit(7);",
  })) {
    test(`ends with the code that process.exit() in ${when} was given`, SHORT, async () => {
      const { code, signal, stderr } = await inProcess(`${IMPORTS}${body}`);
      assert.deepEqual({ code, signal }, { code: 7, signal: null }, stderr);
    });
  }

  test("is not ended by runs that fail with nobody listening, if they have a handler", SHORT, () =>
    assertPrints(
      "alive",
      `${IMPORTS}
      for (let n = 0; n < 20; n += 1) await one(() => { throw new Error("boo"); }).runWithHandler();
      const handler = await one((e, ctx) => ctx.writeEventToStream({ type: "A" })).runWithHandler();
      await handler.streamEvents(() => { throw new Error("boo"); });
      const paused = await one(() => new Promise(() => {})).runWithHandler();
      await turn();
      paused.pause().catch(() => {});
      await paused.abort();
      for (let n = 0; n < 5; n += 1) await turn();
      console.log("alive");`,
    ),
  );

  test("has the package loaded again and again, with a fresh registry, and every copy works", SHORT, async () => {
    const require = createRequire(import.meta.url);
    const copies = [];
    for (let load = 0; load < 20; load += 1) {
      for (const file of Object.keys(require.cache)) if (file.startsWith(ROOT)) delete require.cache[file];
      copies.push(require(INDEX));
    }
    const classes = new Set(copies.map((copy) => copy.Workflow));
    assert.equal(classes.size, copies.length);
    for (const [index, copy] of copies.entries()) {
      const workflow = new copy.Workflow(`copy ${index}`).addStep("s", [START], async (_event, ctx) => {
        assert.ok(ctx instanceof copy.Context);
        await ctx.set("key", index);
        await ctx.session.set("key", index);
        return stop([await ctx.get("key"), await ctx.session.get("key")]);
      });
      assert.deepEqual((await workflow.run()).data, [index, index]);
    }
    assert.throws(() => new copies[3].Workflow(""), copies[3].BlazenError);
  });

  test("has the package loaded into a vm context, as Jest does, and it works beside the first copy", SHORT, () =>
    assertPrints(
      "ran in 3 contexts",
      `${IMPORTS}
      import { readFileSync } from "node:fs";
      import { createRequire } from "node:module";
      import path from "node:path";
      import vm from "node:vm";
      const native = createRequire(process.cwd() + "/");
      /** CommonJS in a context of its own, with a registry of its own; what is not of the package is shared. */
      function registry() {
        const context = vm.createContext({ console, process, Buffer, setTimeout, clearTimeout, setImmediate, queueMicrotask,
          performance, AbortController, AbortSignal, structuredClone, Uint8Array, ArrayBuffer, Float64Array });
        const cache = new Map();
        const load = (file) => {
          if (cache.has(file)) return cache.get(file).exports;
          const module = { exports: {} };
          cache.set(file, module);
          const near = createRequire(file);
          const require = (name) => {
            if (name.startsWith("node:") || name.endsWith(".node")) return near(name);
            const found = near.resolve(name);
            return path.isAbsolute(found) && found.endsWith(".js") ? load(found) : near(name);
          };
          const wrapped = "(function (module, exports, require, __filename, __dirname) {" + readFileSync(file, "utf8") + "\\n})";
          vm.runInContext(wrapped, context, { filename: file })(module, module.exports, require, file, path.dirname(file));
          return module.exports;
        };
        return { load, run: (code) => vm.runInContext(code, context) };
      }
      let ran = 0;
      for (let turn = 0; turn < 3; turn += 1) {
        const { load, run } = registry();
        const { data } = await run(\`(async ({ Workflow, Context, BlazenError }) => {
          const workflow = new Workflow("jest").addStep("s", ["blazen::StartEvent"], async (event, ctx) => {
            if (!(ctx instanceof Context) || event.order !== 42) throw new Error("not the same: " + JSON.stringify(event));
            await ctx.set("k", [1, { a: 2 }]);
            await ctx.setBytes("b", Buffer.from("x"));
            return { type: "blazen::StopEvent", result: [await ctx.get("k"), (await ctx.getBytes("b")).toString()] };
          });
          return workflow.run({ order: 42 });
        })\`)(load(native.resolve("./index.js")));
        if (JSON.stringify(data) === '[[1,{"a":2}],"x"]') ran += 1;
      }
      const mine = await one(() => stop("mine")).run();
      console.log(mine.data === "mine" ? "ran in " + ran + " contexts" : "the first copy broke");`,
    ),
  );
});

describe("worker threads", () => {
  const SOURCE = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Workflow } = require(${JSON.stringify(INDEX)});
    const stop = (result) => ({ type: "${STOP}", result });
    const workflow = new Workflow("worker")
      .addStep("begin", ["${START}"], () => ({ type: "Next", n: 0 }))
      .addStep("next", ["Next"], async ({ n }, ctx) => {
        await ctx.set("n", n);
        await ctx.setBytes("bytes", Buffer.alloc(1000));
        await ctx.session.set("n", { n });
        if (workerData.mode === "ends" && n === 500) return stop(n);
        if (workerData.mode === "waits") { parentPort.postMessage("waiting"); return new Promise(() => {}); }
        if (workerData.mode === "hops" && n === 200) parentPort.postMessage("under way");
        return { type: "Next", n: n + 1 };
      });
    if (workerData.mode === "ends") workflow.run().then(({ data }) => parentPort.postMessage(data));
    else if (workerData.mode === "loads") parentPort.postMessage("loaded");
    else if (workerData.mode === "exits") { workflow.run(); setImmediate(() => process.exit(3)); }
    else { workflow.setTimeout(3600); for (let n = 0; n < 5; n += 1) workflow.runWithHandler().then((h) => h.streamEvents(() => {})); }
  `;
  const start = (mode) => new Worker(SOURCE, { eval: true, execArgv: [], workerData: { mode } });

  test("run workflows of their own to the end, many at once, and exit by themselves", { timeout: HANG }, async () => {
    const outcomes = Array.from({ length: 16 }, async () => {
      const worker = start("ends");
      const exited = once(worker, "exit");
      const [result] = await once(worker, "message");
      return [result, (await exited)[0]];
    });
    assert.deepEqual(await Promise.all(outcomes), Array(16).fill([500, 0]));
  });

  test("exit by themselves when all that they do is load the package", { timeout: HANG }, async () => {
    const outcomes = Array.from({ length: 8 }, async () => (await once(start("loads"), "exit"))[0]);
    assert.deepEqual(await Promise.all(outcomes), Array(8).fill(0));
  });

  test("exit with the code that process.exit() was given in mid-run", { timeout: HANG }, async () => {
    const outcomes = Array.from({ length: 8 }, async () => (await once(start("exits"), "exit"))[0]);
    assert.deepEqual(await Promise.all(outcomes), Array(8).fill(3));
  });

  for (const mode of ["hops", "waits"]) {
    test(`terminated in mid-run, sixty of them while the run ${mode}, leave the process and its other runs whole`, {
      timeout: HANG,
    }, async () => {
      await assertPrints(
        "60 terminated, 20 ran here",
        `${IMPORTS}
        import { once } from "node:events";
        import { Worker } from "node:worker_threads";
        let terminated = 0;
        let ran = 0;
        const lane = async (lane) => {
          for (let n = 0; n < 10; n += 1) {
            const worker = new Worker(${JSON.stringify(SOURCE)}, { eval: true, execArgv: [], workerData: { mode: ${JSON.stringify(mode)} } });
            await once(worker, "message");
            await worker.terminate();
            terminated += 1;
          }
        };
        const here = async () => {
          for (let n = 0; n < 20; n += 1) {
            const { data } = await one(async (e, ctx) => { await ctx.set("n", n); await turn(); return stop(await ctx.get("n")); }).run();
            if (data === n) ran += 1;
          }
        };
        await Promise.all([...Array(6).keys()].map(lane).concat(here()));
        console.log(terminated + " terminated, " + ran + " ran here");`,
        ["--expose-gc"],
      );
    });
  }

  test("terminated at any moment of loading leave the process whole", { timeout: HANG }, async () => {
    await assertPrints(
      "40 terminated",
      `import { Worker } from "node:worker_threads";
      let terminated = 0;
      const lane = async (lane) => {
        for (let n = 0; n < 10; n += 1) {
          const worker = new Worker(${JSON.stringify(SOURCE)}, { eval: true, execArgv: [], workerData: { mode: "hops" } });
          await new Promise((resolve) => setTimeout(resolve, (n * 7 + lane * 3) % 40));
          await worker.terminate();
          terminated += 1;
        }
      };
      await Promise.all([0, 1, 2, 3].map(lane));
      console.log(terminated + " terminated");`,
    );
  });

  test("that are still at work when the process exits do not hold or crash it", { timeout: HANG }, async () => {
    const { code, signal, stderr } = await inProcess(`
      import { once } from "node:events";
      import { Worker } from "node:worker_threads";
      const workers = Array.from({ length: 6 }, () => new Worker(${JSON.stringify(SOURCE)}, { eval: true, execArgv: [], workerData: { mode: "hops" } }));
      await Promise.all(workers.map((worker) => once(worker, "message")));
      process.exit(5);`);
    assert.deepEqual({ code, signal }, { code: 5, signal: null }, stderr);
  });
});
