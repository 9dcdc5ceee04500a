// Runs that fail or are cancelled, and undo what they have done.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe } from "node:test";
import { InvalidEventError, MemoryStore, NonRetryableError, SqliteStore, StepError, Workflow } from "blazen";
import { gate, newFile, REQUEST, RESPONSE, ROOT, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";
import { inEveryWay } from "./ways/harness.mjs";

const SOON = { initialDelayMs: 5, factor: 1 };
const broken = () => {
  throw new Error("the truck is gone");
};

/** `charge`, `reserve`, `ship`: the first two tell `undone` when they are undone, and the last fails. */
const orders = ({ store, undone = [], charge = {}, reserve = {}, ship = broken, ...options } = {}) =>
  new Workflow("orders", { store, ...options })
    .addStep("charge", [START], ({ order }) => ({ type: "Charged", order }), {
      compensate: (event) => void undone.push(["charge", event.type, event.order]),
      ...charge,
    })
    .addStep("reserve", ["Charged"], ({ order }) => ({ type: "Reserved", order }), {
      compensate: (event) => void undone.push(["reserve", event.type, event.order]),
      ...reserve,
    })
    .addStep("ship", ["Reserved"], ship);

const ALL = [
  ["reserve", "Charged", 7],
  ["charge", START, 7],
];

describe("a run that fails", () => {
  for (const [kind, open] of [
    ["in memory", () => undefined],
    ["in a store", () => new MemoryStore()],
  ]) {
    test(`undoes what it has done, the last first, and rejects with its failure, ${kind}`, async () => {
      const undone = [];
      const store = open();
      const failure = await rejectionOf(orders({ store, undone }).run({ order: 7 }));
      assert.deepEqual(undone, ALL);
      assert.ok(failure instanceof StepError);
      assert.deepEqual(
        [failure.step, failure.cause.message, failure.compensationErrors],
        ["ship", "the truck is gone", undefined],
      );
      const stored = await store?.run(failure.runId);
      if (stored !== undefined) assert.deepEqual([stored.status, stored.undoable], ["failed", []]);
    });
  }

  for (const [why, ship, code] of [
    ["an event that nobody accepts", () => ({ type: "Unheard" }), "ERR_BLAZEN_UNROUTED_EVENT"],
    ["sending one", (_event, ctx) => ctx.sendEvent({ type: "Unheard" }), "ERR_BLAZEN_UNROUTED_EVENT"],
    ["stalling", () => null, "ERR_BLAZEN_STALLED"],
    ["what is no event", () => 5, "ERR_BLAZEN_INVALID_EVENT"],
    ["a request without a handler", () => ({ type: REQUEST }), "ERR_BLAZEN_NOBODY_TAKES_ANSWERS"],
    ["its time limit", () => new Promise(() => {}), "ERR_BLAZEN_TIMEOUT"],
  ]) {
    test(`by ${why} undoes as well`, async () => {
      const undone = [];
      const wf = orders({ undone, ship, ...(code === "ERR_BLAZEN_TIMEOUT" ? { timeout: 0.05 } : {}) });
      if (why.startsWith("a request")) wf.addStep("hear", [RESPONSE], () => null);
      assert.equal((await rejectionOf(wf.run({ order: 7 }))).code, code);
      assert.deepEqual(undone, ALL);
    });
  }

  test("tells whoever sent what failed it, and undoes when that is told", async () => {
    const undone = [];
    let told;
    const ship = async (_event, ctx) => {
      told = await rejectionOf(ctx.sendEvent({ type: "Unheard" }));
    };
    const failure = await rejectionOf(orders({ undone, ship }).run({ order: 7 }));
    assert.equal(told, failure);
    assert.deepEqual(undone, ALL);
  });

  test("takes no event from outside while it undoes", async () => {
    const undone = [];
    const [undoing, goOn] = [gate(), gate()];
    const compensate = async () => {
      undoing.open();
      await goOn.opened;
      undone.push("first");
    };
    const wf = new Workflow("late")
      .addStep("first", [START], () => ({ type: "Next" }), { compensate })
      .addStep("fails", ["Next"], () => Promise.reject(new Error("no")))
      .addStep("late", ["Late"], () => null, { compensate: () => void undone.push("late") });
    const handler = await wf.runWithHandler();
    await undoing.opened;
    for (const unexpected of ["keep", "deliver"]) {
      const refused = await rejectionOf(handler.sendEvent({ type: "Late" }, { unexpected }));
      assert.equal(refused.code, "ERR_BLAZEN_RUN_ENDED");
    }
    goOn.open();
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_STEP_FAILED");
    assert.deepEqual(undone, ["first"]);
  });

  test("undoes nothing if it completes", async () => {
    const undone = [];
    await orders({ undone, ship: () => stop("shipped") }).run({ order: 7 });
    assert.deepEqual(undone, []);
  });

  test("undoes parallel branches in the reverse order in which they came back", async () => {
    const undone = [];
    const gates = { a: gate(), b: gate(), c: gate() };
    const wf = new Workflow("parallel")
      .addStep("fan", [START], () => ["a", "b", "c"].map((name) => ({ type: "Part", name })))
      .addStep(
        "part",
        ["Part"],
        async ({ name }) => {
          await gates[name].opened;
          return { type: "Did", name };
        },
        { compensate: ({ name }) => void undone.push(name) },
      )
      .addStep("next", ["Did"], ({ name }) => {
        const next = { b: "c", c: "a" }[name];
        if (next === undefined) throw new Error("enough");
        gates[next].open();
      });
    gates.b.open();
    await assert.rejects(wf.run());
    assert.deepEqual(undone, ["a", "c", "b"]);
  });

  test("does not undo a step that gave up, or that has only put its event aside", async () => {
    const undone = [];
    const compensate = ({ type, n }) => void undone.push([type, n]);
    const wf = new Workflow("asides")
      .addStep("first", [START], broken, { onFailure: "Broken", compensate })
      .addStep("go on", ["Broken"], () => [1, 2].map((n) => ({ type: "Part", n })))
      .addStep(
        "join",
        ["Part"],
        async (event, ctx) => ((await ctx.collectEvents(event, { Part: 2 })) === null ? null : { type: "Joined" }),
        { compensate },
      )
      .addStep("end", ["Joined"], broken);
    await assert.rejects(wf.run());
    assert.deepEqual(undone, [["Part", 2]]);
  });
});

describe("a compensation", () => {
  inEveryWay("reads and writes the state, counts its attempts, and is called again when it throws", {
    build: ({ store, pass }) => {
      const wf = orders({
        store,
        charge: {
          retry: SOON,
          compensate: async (_event, ctx) => {
            await ctx.state.append("trail", `charge ${ctx.attempt} ${ctx.signal.aborted}`);
            if (ctx.attempt === 1) throw new Error("not yet");
            throw new NonRetryableError(`${(await ctx.get("trail")).join()}`);
          },
        },
        reserve: {
          retry: SOON,
          compensate: async (_event, ctx) => {
            pass();
            await ctx.state.append("trail", "reserve");
          },
        },
      });
      // The result of such a run is an error.
      const toData = async (handler) => {
        const failure = await rejectionOf(handler.result());
        return { data: [failure.code, failure.compensationErrors.map(({ step, error }) => [step, error.message])] };
      };
      const ended = (handler) => ({
        runId: handler.runId,
        pause: () => handler.pause(),
        result: () => toData(handler),
      });
      return {
        run: async (input) => toData(await wf.runWithHandler(input)),
        runWithHandler: async (input) => ended(await wf.runWithHandler(input)),
        resume: async (snapshot) => ended(await wf.resume(snapshot)),
        recover: async () => (await wf.recover()).map(ended),
      };
    },
    input: { order: 7 },
    restless: true,
    expect: ["ERR_BLAZEN_STEP_FAILED", [["charge", "reserve,charge 2 false"]]],
  });

  test("that fails for good leaves the others to go on, and the store has what it threw", async () => {
    const store = new MemoryStore();
    const undone = [];
    const warned = once(process, "warning");
    const compensate = () => {
      throw Object.assign(new NonRetryableError("no refund"), { code: "E_CLOSED" });
    };
    const failure = await rejectionOf(orders({ store, undone, reserve: { compensate } }).run({ order: 7 }));
    assert.deepEqual(undone, ALL.slice(1));
    assert.equal(failure.step, "ship");
    assert.match((await warned)[0].message, /"reserve" of run .* could not be undone/);
    for (const { compensationErrors } of [failure, (await store.run(failure.runId)).error]) {
      assert.deepEqual(
        compensationErrors.map(({ step, error }) => [step, error.message, error.code]),
        [["reserve", "no refund", "E_CLOSED"]],
      );
    }
  });

  for (const [what, compensate, ErrorClass] of [
    ["returns an event", () => ({ type: "Charged" }), InvalidEventError],
    ["sends one", (_event, ctx) => ctx.sendEvent({ type: "Charged" }), InvalidEventError],
    ["sends one later", (_event, ctx) => ctx.sendEvent({ type: "Charged" }, { delayMs: 1 }), InvalidEventError],
    ["waits for events", (event, ctx) => ctx.collectEvents(event, ["Charged"]), Error],
  ]) {
    test(`that ${what} is told that it may not`, async () => {
      const options = { retry: { maxAttempts: 1 }, compensate };
      const { compensationErrors } = await rejectionOf(orders({ reserve: options }).run({ order: 7 }));
      assert.equal(compensationErrors.length, 1);
      assert.ok(compensationErrors[0].error instanceof ErrorClass);
      assert.match(compensationErrors[0].error.message, /compensation of step "reserve"/);
    });
  }

  test("that takes longer than the timeout of its step has failed", async () => {
    const reserve = { timeout: 20, retry: { maxAttempts: 1 }, compensate: () => new Promise(() => {}) };
    const { compensationErrors } = await rejectionOf(orders({ reserve }).run({ order: 7 }));
    assert.equal(compensationErrors[0].error.code, "ERR_BLAZEN_STEP_TIMEOUT");
  });

  test("is told to whoever wants to hear of what happens", async () => {
    const types = [];
    const reserve = {
      retry: SOON,
      compensate: (_event, ctx) => {
        if (ctx.attempt === 1) throw new Error("not yet");
      },
    };
    const handler = await orders({ reserve }).runWithHandler({ order: 7 }, { lifecycle: true });
    for await (const { type, step, attempt } of handler.stream({ lifecycle: true })) types.push([type, step, attempt]);
    assert.deepEqual(types.slice(5), [
      ["blazen::step.failed", "ship", 1],
      ["blazen::compensation.started", "reserve", 1],
      ["blazen::compensation.retrying", "reserve", 1],
      ["blazen::compensation.started", "reserve", 2],
      ["blazen::compensation.completed", "reserve", 2],
      ["blazen::compensation.started", "charge", 1],
      ["blazen::compensation.completed", "charge", 1],
      ["blazen::run.failed", undefined, undefined],
    ]);
  });
});

describe("a run that is cancelled while a handler is at work", () => {
  for (const [how, outcome, expected] of [
    ["returns", () => ({ type: "Charged" }), ["charge"]],
    ["throws", broken, []],
  ]) {
    test(`waits for it if its step can be undone: it ${how}`, async () => {
      const undone = [];
      const [begun, finish] = [gate(), gate()];
      let signal;
      const wf = new Workflow("cancelled")
        .addStep(
          "charge",
          [START],
          async (_event, ctx) => {
            signal = ctx.signal;
            begun.open();
            await finish.opened;
            await ctx.sendEvent({ type: "Charged" });
            return outcome();
          },
          { compensate: () => void undone.push("charge") },
        )
        .addStep("next", ["Charged"], () => undone.push("next"));
      const handler = await wf.runWithHandler();
      await begun.opened;
      await handler.abort("enough");
      await handler.abort("again");
      assert.ok(signal.aborted);
      assert.equal(signal.reason.code, "ERR_BLAZEN_ABORTED");
      await turn();
      finish.open();
      const failure = await rejectionOf(handler.result());
      assert.deepEqual(
        [failure.code, failure.cause, signal.reason === failure],
        ["ERR_BLAZEN_ABORTED", "enough", true],
      );
      assert.deepEqual(undone, expected);
    });
  }

  test("ignores it otherwise, and nothing is taken from it any more", async () => {
    const undone = [];
    const begun = gate();
    let context;
    const ship = (_event, ctx) => {
      context = ctx;
      begun.open();
      return new Promise(() => {});
    };
    const [undoing, goOn] = [gate(), gate()];
    const reserve = {
      compensate: async () => {
        undoing.open();
        await goOn.opened;
      },
    };
    const handler = await orders({ undone, ship, reserve }).runWithHandler({ order: 7 });
    await begun.opened;
    await handler.abort("enough");
    await undoing.opened;
    const refusal = await rejectionOf(context.sendEvent({ type: "Charged" }));
    assert.deepEqual([refusal.code, refusal.cause.code], ["ERR_BLAZEN_RUN_ENDED", "ERR_BLAZEN_ABORTED"]);
    assert.ok(context.signal.aborted);
    goOn.open();
    assert.equal((await rejectionOf(handler.result())).cause, "enough");
    assert.deepEqual(undone, ALL.slice(1));
  });

  test("undoes a paused one too", async () => {
    const undone = [];
    const begun = gate();
    const ship = () => {
      begun.open();
      return { type: "Reserved", order: 7 };
    };
    const handler = await orders({ undone, ship }).runWithHandler({ order: 7 });
    await begun.opened;
    await handler.pause();
    await handler.abort();
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_ABORTED");
    assert.deepEqual(undone, ALL);
  });

  test("undoes one that only its store has, by its id", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const begun = gate();
    const ship = () => {
      begun.open();
      return new Promise(() => {});
    };
    const { runId } = await orders({ store: before, ship }).runWithHandler({ order: 7 });
    await begun.opened;
    await before.close();

    const undone = [];
    const store = SqliteStore.open(path);
    const workflow = orders({ store, undone, ship: () => assert.fail("nothing else is called") });
    assert.equal(await workflow.cancel(runId, "enough"), true);
    assert.deepEqual(undone, ALL);
    const { status, error } = await store.run(runId);
    assert.deepEqual([status, error.cause], ["cancelled", "enough"]);
    assert.equal(await workflow.cancel(runId), false);
    await store.close();
  });

  test("waits until one that undoes already is undone, and changes nothing", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { runId } = await inTheMiddle({ store: before });
    await before.close();

    const undone = [];
    const store = SqliteStore.open(path);
    assert.equal(await orders({ store, undone }).cancel(runId, "too late"), false);
    assert.deepEqual(undone, ALL);
    assert.equal((await store.run(runId)).error.code, "ERR_BLAZEN_STEP_FAILED");
    await store.close();
  });
});

/** A run of `orders` that stands still while it undoes the reservation. */
async function inTheMiddle({ store, undone, durability }) {
  const undoing = gate();
  const compensate = () => {
    undoing.open();
    return new Promise(() => {});
  };
  const handler = await orders({ store, undone, reserve: { compensate }, durability }).runWithHandler({ order: 7 });
  await undoing.opened;
  return handler;
}

describe("a run that is paused while it undoes", () => {
  for (const durability of ["sync", "async", "exit"]) {
    test(`goes on undoing when it is resumed from its store, with the durability ${durability}`, async () => {
      const path = newFile();
      const undone = [];
      const before = SqliteStore.open(path);
      const handler = await inTheMiddle({ store: before, undone, durability });
      await handler.pause({ graceMs: 0 });
      const { status, compensating, pending, undoable } = await before.run(handler.runId);
      assert.deepEqual([status, compensating.step, pending], ["paused", "ship", []]);
      assert.deepEqual(
        undoable.map(({ step, attempt, event }) => [step, attempt, event.type]),
        [
          ["reserve", 2, "Charged"],
          ["charge", 1, START],
        ],
      );
      await before.close();

      const store = SqliteStore.open(path);
      const resumed = await orders({ store, undone, durability }).resume(handler.runId);
      const failure = await rejectionOf(resumed.result());
      assert.deepEqual([failure.step, failure.cause.message], ["ship", "the truck is gone"]);
      assert.deepEqual(undone, ALL);
      assert.equal((await store.run(handler.runId)).status, "failed");
      await store.close();
    });
  }

  test("goes on elsewhere from its snapshot, and still knows why it fails", async () => {
    const undone = [];
    const handler = await inTheMiddle({ undone });
    const snapshot = await handler.pause({ graceMs: 0 });
    assert.equal(JSON.parse(snapshot).metadata.ending.error.code, "ERR_BLAZEN_STEP_FAILED");
    for (const store of [undefined, new MemoryStore()]) {
      undone.length = 0;
      const resumed = await orders({ store, undone }).resume(snapshot);
      assert.equal((await rejectionOf(resumed.result())).cause.message, "the truck is gone");
      assert.deepEqual(undone, ALL);
    }
  });

  test("keeps what it fails with, however deep that is nested", async () => {
    let thrown = { value: "the truck is gone" };
    for (let depth = 1; depth < 990; depth += 1) thrown = { thrown };
    for (let depth = 0; depth < 7; depth += 1) thrown = new Error("further up", { cause: thrown });
    const undoing = gate();
    const compensate = () => {
      undoing.open();
      return new Promise(() => {});
    };
    const ship = () => {
      throw thrown;
    };
    const handler = await orders({ ship, reserve: { compensate } }).runWithHandler({ order: 7 });
    await undoing.opened;
    const resumed = await orders({}).resume(await handler.pause({ graceMs: 0 }));
    let { cause } = await rejectionOf(resumed.result());
    while (cause instanceof Error) cause = cause.cause;
    while (cause.thrown !== undefined) cause = cause.thrown;
    assert.equal(cause.value, "the truck is gone");
  });

  test("is refused by code that cannot undo it", async () => {
    const handler = await inTheMiddle({});
    const snapshot = await handler.pause({ graceMs: 0 });
    const refusal = await rejectionOf(orders({ reserve: { compensate: undefined } }).resume(snapshot));
    assert.equal(refusal.code, "ERR_BLAZEN_SNAPSHOT_MISMATCH");
    assert.match(refusal.message, /"reserve".*no `compensate`/);
  });
});

describe("a run that is lost", () => {
  test("before it fails undoes what its last process had done", async () => {
    const path = newFile();
    const undone = [];
    const before = SqliteStore.open(path);
    const begun = gate();
    const ship = () => {
      begun.open();
      return new Promise(() => {});
    };
    const { runId } = await orders({ store: before, undone, ship }).runWithHandler({ order: 7 });
    await begun.opened;
    const { pending, undoable, compensating } = await before.run(runId);
    assert.deepEqual([pending.length, undoable.map(({ step }) => step)], [1, ["reserve", "charge"]]);
    assert.equal(compensating, undefined);
    await before.close();

    const store = SqliteStore.open(path);
    const refused = await rejectionOf(orders({ store, charge: { compensate: undefined } }).attach(runId));
    assert.equal(refused.code, "ERR_BLAZEN_RUN_MISMATCH");
    const [handler] = await orders({ store, undone }).recover();
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_STEP_FAILED");
    assert.deepEqual(undone, ALL);
    await store.close();
  });

  test("to kill -9 in the middle of undoing is gone on with, and what is undone is not undone again", async () => {
    const path = newFile();
    const source = `
      import { SqliteStore, Workflow } from "blazen";
      const [life, path] = process.argv.slice(-2);
      const tell = (step) => async (event, ctx) => {
        process.stdout.write(step + " " + event.order + " " + ctx.attempt + "\\n");
        if (step === { first: "b", second: "a" }[life]) await new Promise(() => {});
        await ctx.state.append("undone", step);
      };
      const wf = new Workflow("killed", { store: SqliteStore.open(path) });
      ["a", "b", "c"].forEach((step, at) => {
        const [from, to] = ["blazen::StartEvent", "A", "B", "C"].slice(at);
        wf.addStep(step, [from], ({ order }) => ({ type: to, order }), { compensate: tell(step) });
      });
      wf.addStep("fail", ["C"], () => { throw new Error("the truck is gone"); });
      process.stdin.resume();
      const handler = life === "first" ? await wf.runWithHandler({ order: 7 }) : (await wf.recover())[0];
      const failure = await handler.result().catch((error) => error);
      process.stdout.write(failure.cause.message + "\\n");
      process.exit();
    `;
    /** Resolves to all that the process tells, at the latest when it has told `until` and was killed. */
    const live = async (life, until) => {
      const flags = ["--unhandled-rejections=strict", "--input-type=module", "-e", source, life, path];
      const child = spawn(process.execPath, flags, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
      const closed = once(child, "close");
      let told = "";
      child.stdout.setEncoding("utf8").on("data", (piece) => {
        told += piece;
        if (told.includes(until)) child.kill("SIGKILL");
      });
      await closed;
      return told.trim().split("\n");
    };
    assert.deepEqual(await live("first", "b 7 1\n"), ["c 7 1", "b 7 1"]);
    assert.deepEqual(await live("second", "a 7 1\n"), ["b 7 2", "a 7 1"]);
    assert.deepEqual(await live("third", "nothing"), ["a 7 2", "the truck is gone"]);
    const store = SqliteStore.open(path);
    const { runs } = await store.runs();
    const { status, error, state } = await store.run(runs[0].runId);
    assert.deepEqual([status, error.step, state.get("undone")], ["failed", "fail", ["c", "b", "a"]]);
    await store.close();
  });
});
