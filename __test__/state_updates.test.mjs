// Values that several handlers change at once: what reads and writes in one go loses nothing, and what does not is seen.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe } from "node:test";
import { BlazenState, CallbackFieldStore, SqliteStore, Workflow } from "blazen";
import { gate, KINDS, newFile, one, ROOT, START, stop, test, turn, waiting } from "./stores/harness.mjs";

const STORES = { "no store": () => undefined, ...KINDS };
const INVALID = "ERR_BLAZEN_INVALID_ARGUMENT";
const CONFLICT = "ERR_BLAZEN_STATE_CONFLICT";

/** Runs `body` as the only step of a workflow. */
const inHandler = async (body) => (await one(undefined, async (_event, ctx) => stop(await body(ctx))).run()).data;

/** Process warnings of lost updates while `work` is done. */
async function warningsOf(work) {
  const warnings = [];
  const listen = (warning) => {
    if (warning.name === "BlazenWarning") warnings.push(warning);
  };
  process.on("warning", listen);
  try {
    await work();
    await turn();
  } finally {
    process.off("warning", listen);
  }
  return warnings;
}

/**
 * Two steps at work at once: "slow" does `first`, then "fast" does `between`, and returns if that is `settled`, and then
 * "slow" does `last`. Gives what stands at the key then, and the error that `last` has met.
 */
async function interleaved(options, { first, between, last, settled = false }) {
  const [isRead, isWritten] = [gate(), gate()];
  const wf = new Workflow("interleaved", options)
    .addStep("fan", [START], () => ({ type: "Both" }))
    .addStep("slow", ["Both"], async (_event, ctx) => {
      await first(ctx);
      isRead.open();
      await isWritten.opened;
      const error = await last(ctx).then(
        () => undefined,
        (error) => error,
      );
      return stop([await ctx.get("k"), error?.code ?? null, error?.message ?? null]);
    })
    .addStep("fast", ["Both"], async (_event, ctx) => {
      await isRead.opened;
      await between(ctx);
      if (settled) setImmediate(isWritten.open);
      else isWritten.open();
    });
  const { data, runId } = await wf.run();
  const [found, code, message] = data;
  return { found, code, message, runId };
}

describe("increment()", () => {
  test("counts from nothing, by any number, and gives the new value", async () => {
    await inHandler(async (ctx) => {
      assert.equal(await ctx.state.increment("n"), 1);
      assert.equal(await ctx.state.increment("n", 10), 11);
      assert.equal(await ctx.state.increment("n", -11.5), -0.5);
      assert.equal(await ctx.state.increment("n", undefined), 0.5);
      assert.equal(await ctx.get("n"), 0.5);
      assert.equal(await ctx.state.increment("sum", 0.1), 0.1);
      assert.equal(await ctx.state.increment("sum", 0.2), 0.1 + 0.2);
      assert.equal(await ctx.state.increment("large", 1e300), 1e300);
      assert.equal(await ctx.get("large"), 1e300);
    });
  });

  test("takes numbers only, and leaves what is none as it is", async () => {
    await inHandler(async (ctx) => {
      for (const value of ["1", null, true, [1], { n: 1 }]) {
        await ctx.set("k", value);
        await assert.rejects(ctx.state.increment("k"), {
          code: INVALID,
          message: /state key "k" holds .*, not a number/,
        });
        assert.deepEqual(await ctx.get("k"), value);
      }
      await ctx.setBytes("k", Buffer.of(1));
      await assert.rejects(ctx.state.increment("k"), { code: INVALID });
      await ctx.set("k", Number.MAX_VALUE);
      await assert.rejects(ctx.state.increment("k", Number.MAX_VALUE), { code: INVALID, message: /Infinity/ });
      assert.equal(await ctx.get("k"), Number.MAX_VALUE);
    });
  });
});

describe("append()", () => {
  test("makes an array, adds to it, and gives its length", async () => {
    await inHandler(async (ctx) => {
      assert.equal(await ctx.state.append("list", "a"), 1);
      assert.equal(await ctx.state.append("list", { b: [1, 2] }, ["c", "]"], null), 4);
      assert.equal(await ctx.state.append("list"), 4);
      assert.deepEqual(await ctx.get("list"), ["a", { b: [1, 2] }, ["c", "]"], null]);
      assert.equal(await ctx.state.append("none"), 0);
      assert.deepEqual(await ctx.get("none"), []);
      await ctx.set("set", [1, [2], { three: "3,3" }]);
      assert.equal(await ctx.state.append("set", "é\ud800\u{1F600}"), 4);
      assert.deepEqual(await ctx.get("set"), [1, [2], { three: "3,3" }, "é\ud800\u{1F600}"]);
      const when = new Date(0);
      await ctx.state.append("dates", when);
      assert.deepEqual(await ctx.get("dates"), [when.toJSON()]);
    });
  });

  test("copies what it is given", async () => {
    await inHandler(async (ctx) => {
      const item = { n: 1 };
      await ctx.state.append("list", item);
      item.n = 2;
      assert.deepEqual(await ctx.get("list"), [{ n: 1 }]);
    });
  });

  test("takes arrays only, and leaves what is none as it is", async () => {
    await inHandler(async (ctx) => {
      const held = { "a string": "[]", null: null, "a boolean": true, "a number": 1, "an object": { length: 0 } };
      for (const [kind, value] of Object.entries(held)) {
        await ctx.set("k", value);
        const message = `the state key "k" holds ${kind}, not an array that could be appended to`;
        await assert.rejects(ctx.state.append("k", 1), { code: INVALID, message });
        assert.deepEqual(await ctx.get("k"), value);
      }
    });
  });

  test("refuses what JSON would lose, with its place, and appends none of it", async () => {
    await inHandler(async (ctx) => {
      await ctx.state.append("k", 1);
      const lossy = { code: "ERR_BLAZEN_NOT_SERIALIZABLE", path: "[1].when[0]" };
      await assert.rejects(ctx.state.append("k", 2, { when: [new Map()] }), lossy);
      await assert.rejects(ctx.state.append("k", undefined), { ...lossy, path: "[0]" });
      assert.deepEqual(await ctx.get("k"), [1]);
    });
  });

  test("keeps a hundred thousand values that came one by one", async () => {
    const found = await inHandler(async (ctx) => {
      for (let n = 0; n < 1e5; n += 1) await ctx.state.append("list", n);
      return ctx.get("list");
    });
    assert.deepEqual(
      found,
      Array.from({ length: 1e5 }, (_, n) => n),
    );
  });
});

for (const [kind, open] of Object.entries(STORES)) {
  test(`a thousand handlers at work at once lose nothing: ${kind}`, async () => {
    const wf = new Workflow("many", { store: open(), stateConflicts: "error" })
      .addStep("fan", [START], () => Array.from({ length: 1_000 }, (_, n) => ({ type: "Work", n })))
      .addStep("work", ["Work"], async ({ n }, ctx) => {
        await turn();
        await ctx.state.increment("sum", n);
        await ctx.state.append("list", n);
        await turn();
        const done = await ctx.state.increment("done");
        return done === 1_000 ? stop([await ctx.get("sum"), await ctx.get("list")]) : null;
      });
    const [sum, list] = (await wf.run()).data;
    assert.equal(sum, 499_500);
    assert.deepEqual(
      list.toSorted((a, b) => a - b),
      Array.from({ length: 1_000 }, (_, n) => n),
    );
  });

  for (const settled of [false, true]) {
    const told = `a lost update is told, the other ${settled ? "settled" : "at work"}: ${kind}`;
    test(told, async () => {
      let run;
      const warnings = await warningsOf(async () => {
        run = await interleaved(
          { store: open() },
          {
            settled,
            first: (ctx) => ctx.get("k"),
            between: (ctx) => ctx.set("k", "fast"),
            last: (ctx) => ctx.set("k", "slow"),
          },
        );
      });
      assert.deepEqual([run.found, run.code], ["slow", null]);
      assert.deepEqual(
        warnings.map(({ code, message }) => [code, message]),
        [
          [
            CONFLICT,
            `Run ${run.runId}: lost update of the state key "k": step "slow" read it, and step "fast" wrote it since; ` +
              "use ctx.state.update(), increment() or append(), which read and write in one go, or get it again before you " +
              "set it",
          ],
        ],
      );
    });
  }

  test(`a lost update is refused where that is asked for, and the old value stands: ${kind}`, async () => {
    const { found, code, message } = await interleaved(
      { store: open(), stateConflicts: "error" },
      {
        first: (ctx) => ctx.get("k"),
        between: (ctx) => ctx.set("k", "fast"),
        last: (ctx) => ctx.set("k", "slow"),
      },
    );
    assert.deepEqual([found, code], ["fast", CONFLICT]);
    assert.match(message, /"k": step "slow" read it, and step "fast" wrote it since; .*the key keeps what it has$/);
  });
}

describe("a lost update", () => {
  const get = (ctx) => ctx.get("k");
  const set = (ctx) => ctx.set("k", "slow");
  const fast = (ctx) => ctx.set("k", "fast");
  const start = (ctx) => ctx.set("k", ["start"]);
  const after =
    (...steps) =>
    async (ctx) => {
      for (const step of steps) await step(ctx);
    };
  const remove = (ctx) => ctx.state.remove("k");
  const append = (ctx) => ctx.state.append("k", "more");

  const refused = {
    "of a value that was set": [get, fast, set],
    "of a value that was there": [after(start, get), fast, set],
    "of bytes": [
      (ctx) => ctx.getBytes("k"),
      (ctx) => ctx.setBytes("k", Buffer.of(1)),
      (ctx) => ctx.setBytes("k", Buffer.of(2)),
    ],
    "of a key that was looked for": [(ctx) => ctx.state.has("k"), fast, set],
    "of a key that was taken out": [after(start, get), remove, set],
    "by taking the key out": [get, fast, remove],
    "of what was appended": [after(start, get), append, set],
    "of what was counted": [after((ctx) => ctx.set("k", 1), get), (ctx) => ctx.state.increment("k"), set],
    "of what was updated": [get, (ctx) => ctx.state.update("k", () => "fast"), set],
    "after an update": [(ctx) => ctx.state.update("k", () => 1), fast, set],
    "after appending": [after(start, get), append, after(append, set)],
    "after a write of its own": [after(get, set), fast, set],
  };
  for (const [name, [first, between, last]] of Object.entries(refused)) {
    test(`${name} is refused`, async () => {
      const { code } = await interleaved({ stateConflicts: "error" }, { first, between, last });
      assert.equal(code, CONFLICT);
    });
  }

  const taken = {
    "an update": [get, fast, (ctx) => ctx.state.update("k", (value) => `${value}, slow`)],
    "an increment": [get, (ctx) => ctx.set("k", 1), (ctx) => ctx.state.increment("k")],
    "an append": [after(start, get), append, append],
    "a set of what was not read": [start, fast, set],
    "a set of what was only listed": [after(start, (ctx) => ctx.state.keys()), fast, set],
    "a set of what was read again": [get, fast, after(get, set)],
    "a set after an update": [get, fast, after((ctx) => ctx.state.update("k", () => 1), set)],
    "a set of what was only read by the other": [get, get, set],
    "a set of what was given back as it is": [get, (ctx) => ctx.set("other", 1), set],
    "a removal of what is gone": [after(start, get), remove, remove],
  };
  for (const [name, [first, between, last]] of Object.entries(taken)) {
    test(`is not what ${name} is`, async () => {
      const { code, message } = await interleaved({ stateConflicts: "error" }, { first, between, last });
      assert.equal(code, null, message);
    });
  }

  test("may be tried again after another get", async () => {
    const { found } = await interleaved(
      { stateConflicts: "error" },
      {
        first: get,
        between: fast,
        last: async (ctx) => {
          await assert.rejects(set(ctx), { name: "RunStateError", code: CONFLICT });
          await assert.rejects(set(ctx), { code: CONFLICT });
          await ctx.set("k", `${await ctx.get("k")}, slow`);
        },
      },
    );
    assert.equal(found, "fast, slow");
  });

  test("is told once for each run and key", async () => {
    const sets = async (ctx) => {
      await ctx.set("k", 1);
      await ctx.set("other", 1);
    };
    const reads = async (ctx) => {
      await ctx.get("k");
      await ctx.get("other");
    };
    const warnings = await warningsOf(async () => {
      for (let run = 0; run < 2; run += 1) {
        await interleaved({}, { first: reads, between: sets, last: after(sets, sets) });
      }
    });
    assert.deepEqual(
      warnings.map(({ message }) => message.match(/state key "(\w+)"/)[1]),
      ["k", "other", "k", "other"],
    );
  });

  test("is nobody's concern with stateConflicts off", async () => {
    const warnings = await warningsOf(async () => {
      const { found } = await interleaved({ stateConflicts: "off" }, { first: get, between: fast, last: set });
      assert.equal(found, "slow");
    });
    assert.deepEqual(warnings, []);
  });

  test("fails the run if its handler does not catch it", async () => {
    const isWritten = gate();
    const wf = new Workflow("uncaught", { stateConflicts: "error" })
      .addStep("slow", [START], async (_event, ctx) => {
        await ctx.get("k");
        await ctx.sendEvent({ type: "Go" });
        await isWritten.opened;
        await ctx.set("k", "slow");
      })
      .addStep("fast", ["Go"], async (_event, ctx) => {
        await ctx.set("k", "fast");
        isWritten.open();
      });
    await assert.rejects(wf.run(), ({ code, step, cause }) => {
      assert.deepEqual([code, step, cause.code], ["ERR_BLAZEN_STEP_FAILED", "slow", CONFLICT]);
      return true;
    });
  });
});

/** A handler that counts, and stands still the first time; whoever goes on with its run finds it counted once. */
const counting = (store, standingStill) =>
  new Workflow("counting", { store, stateConflicts: "error" })
    .addStep("count", [START], async (_event, ctx) => {
      const last = await ctx.get("last");
      await ctx.state.increment("n");
      await ctx.state.append("list", ctx.attempt);
      await ctx.sendEvent({ type: "Counted", attempt: ctx.attempt });
      await ctx.state.increment("n");
      await ctx.state.append("list", "again");
      if (ctx.attempt === 1) await standingStill(ctx);
      await ctx.set("last", [last, "count"]);
      return stop([await ctx.get("n"), await ctx.get("list"), await ctx.get("last")]);
    })
    .addStep("note", ["Counted"], (_event, ctx) => ctx.set("last", "note"));

describe("an attempt that is cut short is taken back, and what it had read is forgotten", () => {
  // What was sent stays with what was added before, which is not added again.
  const counted = [2, [1, "again"], ["note", "count"]];

  for (const [kind, open] of Object.entries(STORES)) {
    test(`by a pause: ${kind}`, async () => {
      const reached = gate();
      const standingStill = async (ctx) => {
        while ((await ctx.get("last")) === null) await turn();
        reached.open();
        await new Promise(() => {});
      };
      const handler = await counting(open(), standingStill).runWithHandler();
      await reached.opened;
      await handler.pause({ graceMs: 0 });
      await handler.resumeInPlace();
      assert.deepEqual((await handler.result()).data, counted);
    });
  }

  test("by kill -9", async () => {
    const path = newFile();
    const source = `
      import { SqliteStore, Workflow } from "blazen";
      const START = ${JSON.stringify(START)};
      const stop = () => assert.fail();
      const counting = ${counting};
      const store = SqliteStore.open(process.argv.at(-1));
      const handler = await counting(store, async () => {
        while ((await store.run(handler.runId)).state.get("last") !== "note") await new Promise(setImmediate);
        console.log("reached");
        await new Promise(() => {});
      }).runWithHandler();
      process.stdin.resume();
    `;
    const args = ["--input-type=module", "-e", source, path];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(child, "close");
    await Promise.race([once(child.stdout, "data"), ended.then(() => assert.fail("it ended"))]);
    child.kill("SIGKILL");
    await ended;
    const store = SqliteStore.open(path);
    const [handler] = await counting(store, () => assert.fail()).recover();
    assert.deepEqual((await handler.result()).data, counted);
    await store.close();
  });
});

describe("a lost update of a run that goes on", () => {
  /** Waits for an answer, and then both steps are at work. */
  const asking = (options) => {
    const [isRead, isWritten] = [gate(), gate()];
    return new Workflow("later", { ...options, stateConflicts: "error" })
      .addStep("wait", [START], () => ({ type: "blazen::InputRequestEvent", request_id: "r" }))
      .addStep("slow", ["blazen::InputResponseEvent"], async (_event, ctx) => {
        await ctx.get("k");
        isRead.open();
        await isWritten.opened;
        return stop(
          await ctx.set("k", "slow").then(
            () => "set",
            ({ code }) => code,
          ),
        );
      })
      .addStep("fast", ["blazen::InputResponseEvent"], async (_event, ctx) => {
        await isRead.opened;
        await ctx.set("k", "fast");
        isWritten.open();
      });
  };

  test("from a snapshot is refused", async () => {
    const first = await asking().runWithHandler();
    const handler = await asking().resume(await first.pause());
    await handler.respondToInput("r", true);
    assert.equal((await handler.result()).data, CONFLICT);
  });

  test("from a store is refused", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { runId } = await waiting(asking({ store: before }));
    await before.close();
    const store = SqliteStore.open(path);
    const handler = await asking({ store }).attach(runId);
    await handler.respondToInput("r", true);
    assert.equal((await handler.result()).data, CONFLICT);
    await store.close();
  });
});

describe("a BlazenState", () => {
  class Agent extends BlazenState {
    static meta = {
      storeBy: {
        memory: new CallbackFieldStore({
          saveFn: (key, value, ctx) => ctx.setBytes(key, Buffer.from(value)),
          loadFn: async (key, ctx) => String(await ctx.getBytes(key)),
        }),
      },
    };
    name = "start";
    turns = 0;
    bytes = Buffer.of(1);
    memory = "start";
  }
  const load = (ctx) => Agent.loadFrom(ctx, "agent");
  const save = (ctx, name) => Object.assign(new Agent(), { name, memory: name }).saveTo(ctx, "agent");
  const change = async (ctx, name) => {
    const agent = await load(ctx);
    Object.assign(agent, { name, memory: name });
    await agent.saveTo(ctx, "agent");
  };
  const names = async (ctx) => {
    const { name, memory } = await load(ctx);
    return [name, memory];
  };
  const saveAndLoad = async (ctx) => {
    await save(ctx, "start");
    await load(ctx);
  };

  test("that another has saved since it was loaded is a lost update, told once", async () => {
    const warnings = await warningsOf(() =>
      interleaved(
        {},
        {
          first: saveAndLoad,
          between: (ctx) => change(ctx, "fast"),
          last: async (ctx) => {
            await save(ctx, "slow");
            assert.deepEqual(await names(ctx), ["slow", "slow"]);
          },
        },
      ),
    );
    assert.equal(warnings.length, 1);
    assert.match(warnings[0].message, /state key "agent\/~": step "slow" read it, and step "fast" wrote it since/);
  });

  test("that is refused stays whole as it was saved", async () => {
    const { code, message } = await interleaved(
      { stateConflicts: "error" },
      {
        first: saveAndLoad,
        between: (ctx) => change(ctx, "fast"),
        last: async (ctx) => {
          await assert.rejects(save(ctx, "slow"), { code: CONFLICT });
          assert.deepEqual(await names(ctx), ["fast", "fast"]);
          await change(ctx, "slow");
          assert.deepEqual(await names(ctx), ["slow", "slow"]);
        },
      },
    );
    assert.equal(code, null, message);
  });

  test("that was loaded again, however often the other has saved it, is no lost update", async () => {
    for (let saves = 1; saves <= 6; saves += 1) {
      const { code, message } = await interleaved(
        { stateConflicts: "error" },
        {
          first: saveAndLoad,
          between: async (ctx) => {
            for (let n = 0; n < saves; n += 1) await change(ctx, `fast ${n}`);
          },
          last: async (ctx) => {
            for (let n = 0; n < 4; n += 1) await change(ctx, `slow ${n}`);
          },
        },
      );
      assert.equal(code, null, message);
    }
  });
});
