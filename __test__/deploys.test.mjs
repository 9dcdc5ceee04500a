// Runs that meet another version of their workflow: what they remember, and how they are rewritten, once.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { MemoryStore, NonRetryableError, SqliteStore, Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import {
  ask,
  gate,
  newFile,
  nextEvent,
  quiet,
  REQUEST,
  RESPONSE,
  rejectionOf,
  START,
  stop,
  test,
} from "./stores/harness.mjs";

/** Stores that are opened by one process after another. */
const WORLDS = {
  SqliteStore: () => {
    const path = newFile();
    return { open: () => SqliteStore.open(path), leave: (store) => store.close() };
  },
  // A workflow knows the runs at work by the object that it was given as store.
  MapStore: () => {
    const kept = new MapStore();
    return { open: () => around(kept), leave: async () => {} };
  },
};

const forever = () => new Promise(() => {});

/** The first version: it charges an order, which takes forever. */
function firstVersion(options, charge = forever) {
  return new Workflow("orders", { version: "1", ...options })
    .addStep("begin", [START], async ({ order }, ctx) => {
      await ctx.set("order", order);
      await ctx.set("cents", "1200");
      await ctx.state.setBytes("image", Buffer.from([1, 2]));
      return { type: "Charge", order };
    })
    .addStep("charge", ["Charge"], charge);
}

/** The second one: the step has another name, and the event and the state other fields. */
const secondVersion = (options, bill) =>
  new Workflow("orders", { version: "2", ...options })
    .addStep("begin", [START], ({ order }) => ({ type: "Bill", number: order }))
    .addStep("bill", ["Bill"], bill ?? (async ({ number }, ctx) => stop({ number, ...(await seen(ctx)) })));

async function seen(ctx) {
  return { keys: await ctx.state.keys(), cents: await ctx.get("cents"), attempt: ctx.attempt };
}

function toSecond(run) {
  run.state.set("cents", Number(run.state.get("cents")));
  run.state.set("currency", "EUR");
  run.state.delete("order");
  for (const pending of run.pending) {
    pending.step = "bill";
    pending.event = { type: "Bill", number: pending.event.order };
  }
}

/** A run of the first version that is at the step `charge`, in a store that its process has left. */
async function leftBehind({ open, leave }, options) {
  const store = open();
  const reached = gate();
  const charge = () => {
    reached.open();
    return forever();
  };
  const { runId } = await firstVersion({ store, ...options }, charge).runWithHandler({ order: 42 });
  await reached.opened;
  await leave(store);
  return runId;
}

const warningsOf = async (act) => {
  const warnings = [];
  const listener = ({ message }) => warnings.push(message);
  process.on("warning", listener);
  try {
    await act();
    await new Promise(setImmediate);
  } finally {
    process.off("warning", listener);
  }
  return warnings;
};

/** What a store has of a run, but for when. */
async function kept(store, runId) {
  const { updatedAt, ...run } = await readable(store).run(runId);
  return run;
}

/** A store in JavaScript has no `run`; what it loads says the same. */
function readable(store) {
  return "run" in store ? store : { run: async (runId) => structuredClone(await store.load(runId)) };
}

for (const [kind, world] of Object.entries(WORLDS)) {
  describe(`a run of another version, in a ${kind}`, () => {
    test("is rewritten once, whatever restarts follow", async () => {
      const here = world();
      const runId = await leftBehind(here);
      const calls = [];
      const migrate = (run) => {
        calls.push([run.runId, run.version]);
        toSecond(run);
      };
      for (let restart = 1; restart <= 3; restart += 1) {
        const store = here.open();
        const reached = gate();
        await secondVersion({ store, migrate }, () => {
          reached.open();
          return forever();
        }).recover();
        await reached.opened;
        await here.leave(store);
      }
      assert.deepEqual(calls, [[runId, "1"]]);

      const store = here.open();
      const { data } = await (await secondVersion({ store, migrate }).attach(runId)).result();
      assert.deepEqual(data, { number: 42, keys: ["cents", "image", "currency"], cents: 1200, attempt: 5 });
      assert.equal(calls.length, 1);
    });

    test("is rewritten by an asynchronous function too, and by whichever way it is taken up", async () => {
      const ways = {
        recover: async (workflow) => (await workflow.recover())[0],
        attach: (workflow, runId) => workflow.attach(runId),
        runWithHandler: (workflow, runId) => workflow.runWithHandler({ order: 1 }, { runId }),
      };
      for (const takeUp of Object.values(ways)) {
        const here = world();
        const runId = await leftBehind(here);
        const migrate = async (run) => {
          await new Promise(setImmediate);
          toSecond(run);
        };
        const handler = await takeUp(secondVersion({ store: here.open(), migrate }), runId);
        assert.deepEqual((await handler.result()).data.number, 42);
      }
    });

    test("stays paused if it is, and can be resumed", async () => {
      const here = world();
      const store = here.open();
      const reached = gate();
      const charge = () => {
        reached.open();
        return forever();
      };
      const handler = await firstVersion({ store }, charge).runWithHandler({ order: 7 });
      await reached.opened;
      await handler.pause({ graceMs: 0 });
      await here.leave(store);

      const again = here.open();
      let calls = 0;
      const migrate = (run) => {
        calls += 1;
        toSecond(run);
        run.pending[0].event.number = 8;
      };
      const second = secondVersion({ store: again, migrate });
      const paused = await second.attach(handler.runId);
      assert.equal(JSON.parse(await paused.snapshot()).workflow_version, "2");
      assert.equal((await kept(again, handler.runId)).status, "paused");
      await second.resume(handler.runId);
      assert.equal((await paused.result()).data.number, 8);
      assert.equal(calls, 1);
    });

    test("goes on as it can without migrate, and is of its old version still", async () => {
      const here = world();
      const runId = await leftBehind(here);
      const store = here.open();
      const release = gate();
      const other = new Workflow("orders", { store, version: "2" }).addStep("charge", ["Charge"], async () => {
        await release.opened;
        return stop("charged");
      });
      const handler = await other.attach(runId);
      const run = await kept(store, runId);
      assert.equal(run.workflowVersion ?? run.code.version, "1");
      release.open();
      assert.equal((await handler.result()).data, "charged");
    });

    test("stays as it is if migrate throws; the others go on, and later it is migrated after all", async () => {
      const here = world();
      const bad = await leftBehind(here);
      const good = await leftBehind(here);
      const store = here.open();
      const before = await kept(store, bad);
      const thrown = new Error("no idea");
      const migrate = (run) => {
        if (run.runId === bad) {
          run.state.clear();
          throw thrown;
        }
        toSecond(run);
      };
      const results = [];
      const warnings = await warningsOf(async () => {
        const second = secondVersion({ store, migrate }, () => stop("billed"));
        const handlers = await second.recover();
        for (const handler of handlers) results.push([handler.runId, await handler.result().catch((error) => error)]);
        const refused = await rejectionOf(second.attach(bad));
        assert.deepEqual(
          [refused.code, refused.runId, refused.version, refused.cause],
          ["ERR_BLAZEN_MIGRATION_FAILED", bad, "1", thrown],
        );
      });
      const [[, failure], [, result]] = results;
      assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
      assert.equal(failure.cause, thrown);
      assert.match(failure.message, new RegExp(`${bad}.* from version "1" to "2": no idea`));
      assert.deepEqual([results[1][0], result.data], [good, "billed"]);
      assert.ok(warnings.some((message) => message.includes(bad)));
      assert.deepEqual(await kept(store, bad), before);

      const handler = await secondVersion({ store, migrate: toSecond }).attach(bad);
      assert.equal((await handler.result()).data.number, 42);
    });

    test("may lose an event on its way, and be given another", async () => {
      const here = world();
      const runId = await leftBehind(here);
      const migrate = (run) => {
        run.pending = [{ step: "bill", event: { type: "Bill", number: 1 } }];
        toSecond({ ...run, pending: [] });
      };
      const handler = await secondVersion({ store: here.open(), migrate }).attach(runId);
      const { number, attempt } = (await handler.result()).data;
      assert.deepEqual([number, attempt], [1, 1], "and that is new");
    });

    test("is rewritten in every durability", async () => {
      for (const durability of ["sync", "async", "exit"]) {
        const here = world();
        const runId = await leftBehind(here);
        const store = here.open();
        const reached = gate();
        const handler = await secondVersion({ store, durability, migrate: toSecond }, () => {
          reached.open();
          return forever();
        }).attach(runId);
        await reached.opened;
        const { pending } = await kept(store, runId);
        assert.deepEqual(
          pending.map(({ step }) => step),
          ["bill"],
          durability,
        );
        await handler.abort();
      }
    });
  });
}

describe("a migration that is not durable", () => {
  test("is made again from what there was", async () => {
    const map = new MapStore();
    const world = { open: () => around(map), leave: async () => {} };
    const runId = await leftBehind(world);
    const before = structuredClone(await map.load(runId));
    const calls = [];
    const migrate = (run) => {
      calls.push(run.version);
      toSecond(run);
    };
    const full = around(map, {
      commit: async () => {
        throw new Error("the disk is full");
      },
    });
    const failure = await rejectionOf(secondVersion({ store: full, migrate }, assert.fail).attach(runId));
    assert.equal(failure.code, "ERR_BLAZEN_STORE_IO");
    assert.deepEqual(structuredClone(await map.load(runId)), before);

    const handler = await secondVersion({ store: around(map), migrate }).attach(runId);
    assert.equal((await handler.result()).data.number, 42);
    assert.deepEqual(calls, ["1", "1"]);
  });

  for (const durability of ["sync", "async", "exit"]) {
    test(`has no handler called before it is, with "${durability}"`, async () => {
      const map = new MapStore();
      const runId = await leftBehind({ open: () => around(map), leave: async () => {} });
      const [asked, answered] = [gate(), gate()];
      const store = around(map, {
        commit: async (batch) => {
          asked.open();
          await answered.opened;
          return map.commit(batch);
        },
      });
      let isCalled = false;
      const attached = secondVersion({ store, durability, migrate: toSecond }, () => {
        isCalled = true;
        return stop();
      }).attach(runId);
      await asked.opened;
      await quiet();
      assert.ok(!isCalled);
      answered.open();
      await (await attached).result();
      assert.ok(isCalled);
    });
  }

  test("is one commit that replaces all, with the new code and before anything else", async () => {
    const map = new MapStore();
    const runId = await leftBehind({ open: () => around(map), leave: async () => {} });
    const { version, lastDelivery } = await map.load(runId);
    const commits = [];
    const store = around(map, {
      commit: (batch) => {
        commits.push(...structuredClone(batch));
        return map.commit(batch);
      },
    });
    await (await secondVersion({ store, migrate: toSecond }).attach(runId)).result();
    const [first, ...others] = commits;
    assert.equal(first.version, version + 1);
    assert.ok(first.replaces);
    assert.equal(first.code.version, "2");
    assert.deepEqual(JSON.parse(first.code.steps), [
      { name: "begin", accepts: [START] },
      { name: "bill", accepts: ["Bill"] },
    ]);
    assert.deepEqual(
      first.queued.map(({ step, eventType, attempt }) => [step, eventType, attempt]),
      [["bill", "Bill", 2]],
    );
    assert.equal(first.lastDelivery, lastDelivery);
    assert.ok(others.every(({ code }) => code === undefined));
  });
});

describe("what a run remembers", () => {
  const remembered = async (workflow, map) => {
    const { runId } = await workflow.runWithHandler();
    return (await map.load(runId)).code;
  };

  test("is the version and the steps that there were when it began", async () => {
    const map = new MapStore();
    const workflow = new Workflow("orders", { store: around(map), version: "1" })
      .addStep("charge", [START], forever, { emits: ["Charged"], onFailure: "Declined", retry: {} })
      .addStep("ship", ["Charged"], forever);
    const steps = [
      { name: "charge", accepts: [START], emits: ["Charged"], onFailure: "Declined" },
      { name: "ship", accepts: ["Charged"] },
    ];
    const code = await remembered(workflow, map);
    assert.deepEqual([code.version, JSON.parse(code.steps)], ["1", steps]);
    workflow.addStep("refuse", ["Declined"], forever);
    const later = await remembered(workflow, map);
    assert.deepEqual(JSON.parse(later.steps), [...steps, { name: "refuse", accepts: ["Declined"] }]);
  });

  test("is nothing without a version", async () => {
    const map = new MapStore();
    const workflow = new Workflow("orders", { store: around(map) }).addStep("charge", [START], forever);
    assert.equal(await remembered(workflow, map), undefined);
  });

  test("is told by the store", async () => {
    const store = new MemoryStore();
    const { runId } = await firstVersion({ store }).runWithHandler({ order: 1 });
    assert.equal((await store.run(runId)).workflowVersion, "1");
  });
});

describe("a snapshot", () => {
  /** That of a run of the first version that is at the step `charge`. */
  const snapshotOf = async (options) => {
    const reached = gate();
    const charge = () => {
      reached.open();
      return forever();
    };
    const handler = await firstVersion(options, charge).runWithHandler({ order: 7 });
    await reached.opened;
    return handler.pause({ graceMs: 0 });
  };

  test("tells the version of its workflow, if that has one", async () => {
    const versioned = JSON.parse(await snapshotOf());
    assert.equal(versioned.workflow_version, "1");
    const { workflow_version } = JSON.parse(await snapshotOf({ version: undefined }));
    assert.equal(workflow_version, undefined);
  });

  for (const [where, options] of Object.entries({
    memory: () => ({}),
    "a store": () => ({ store: new MemoryStore() }),
  })) {
    test(`of another version is migrated when it is resumed in ${where}, and not again`, async () => {
      const old = await snapshotOf();
      const calls = [];
      const migrate = (run) => {
        calls.push(run.version);
        toSecond(run);
        run.pending[0].event.number = 9;
      };
      const handler = await secondVersion({ ...options(), migrate }, forever).resume(old);
      const next = await handler.pause({ graceMs: 0 });
      const again = await secondVersion({ ...options(), migrate }).resume(next);
      assert.equal((await again.result()).data.number, 9);
      assert.deepEqual(calls, ["1"]);
    });
  }

  test("without a version is migrated too", async () => {
    const old = await snapshotOf({ version: undefined });
    const versions = [];
    const migrate = (run) => {
      versions.push(run.version);
      toSecond(run);
    };
    await (await secondVersion({ migrate }).resume(old)).result();
    assert.deepEqual(versions, [undefined]);
  });

  test("stays of its version without migrate, in a store too", async () => {
    const old = await snapshotOf();
    const store = new MemoryStore();
    const handler = await firstVersion({ store, version: "2" }).resume(old);
    assert.equal((await store.run(handler.runId)).workflowVersion, "1");
    assert.equal(JSON.parse(await handler.pause({ graceMs: 0 })).workflow_version, "1");
  });

  test("of another workflow is none of its business", async () => {
    const old = await snapshotOf();
    const other = new Workflow("returns", { version: "2", migrate: assert.fail });
    await assert.rejects(other.resume(old), { code: "ERR_BLAZEN_SNAPSHOT_MISMATCH" });
  });

  test("that cannot be migrated is refused", async () => {
    const old = await snapshotOf();
    const migrate = () => {
      throw new TypeError("no");
    };
    await assert.rejects(secondVersion({ migrate }).resume(old), { code: "ERR_BLAZEN_MIGRATION_FAILED" });
  });
});

describe("what a run waits for", () => {
  const asking = (options) =>
    new Workflow("asking", options)
      .addStep("ask", [START], () => ({ ...ask("question"), prompt: "old" }))
      .addStep("hear", [RESPONSE], ({ response }) => stop(response));

  const pausedAsking = async () => {
    const run = await asking({ version: "1" }).runWithHandler();
    await quiet();
    return run.pause();
  };

  test("can be asked otherwise, and is answered all the same", async () => {
    const old = await pausedAsking();
    const migrate = ({ waits }) => {
      assert.deepEqual(waits, [{ id: "question", kind: "input", event: { ...ask("question"), prompt: "old" } }]);
      waits[0].event.prompt = "new";
    };
    const handler = await asking({ version: "2", migrate }).resume(old);
    assert.deepEqual(await nextEvent(handler), { type: REQUEST, request_id: "question", prompt: "new" });
    await handler.respondToInput("question", 5);
    assert.equal((await handler.result()).data, 5);
  });

  test("can be given up", async () => {
    const old = await pausedAsking();
    const migrate = (run) => {
      run.waits = [];
      run.pending.push({ step: "hear", event: { type: RESPONSE, request_id: "question", response: "given up" } });
    };
    assert.equal((await (await asking({ version: "2", migrate }).resume(old)).result()).data, "given up");
  });

  test("is collected under the new name of its type", async () => {
    const collecting = (options, type, third) =>
      new Workflow("collecting", options)
        .addStep("begin", [START], () => [{ type, n: 1 }, { type: "Then" }])
        .addStep("then", ["Then"], third)
        .addStep("collect", [type], async (event, ctx) => {
          const events = await ctx.collectEvents(event, [type, type]);
          return events === null ? null : stop(events.map(({ n }) => n));
        });
    const [reached, released] = [gate(), gate()];
    const first = await collecting({ version: "1" }, "Old", async () => {
      reached.open();
      await released.opened;
    }).runWithHandler();
    await reached.opened;
    const pause = first.pause();
    released.open();
    const old = await pause;
    const migrate = (run) => {
      const held = run.pending.filter(({ held }) => held !== undefined);
      assert.equal(held.length, 1);
      for (const pending of held) pending.event.type = "New";
      run.pending.push({ step: "then", event: { type: "Then" } });
    };
    const handler = await collecting({ version: "2", migrate }, "New", () => ({ type: "New", n: 2 })).resume(old);
    assert.deepEqual((await handler.result()).data, [1, 2]);
  });
});

describe("an event from outside", () => {
  const buying = (options, type) =>
    new Workflow("buying", options)
      .addStep("begin", [START], (_event, ctx) => ctx.expectEvent(type))
      .addStep("hear", [type, "Paid"], ({ type, amount }) => stop([type, amount]));

  test("that had come goes to whom it may concern if it is what is expected after all", async () => {
    const map = new MapStore();
    const old = buying({ store: around(map), version: "1" }, "Transfer");
    const { runId } = await old.runWithHandler();
    await quiet();
    for (const amount of [1, 2]) assert.equal(await old.sendEvent(runId, { type: "Paid", amount }), false);
    const migrate = ({ waits }) => {
      assert.deepEqual(
        waits.map(({ kind, event }) => [kind, event.type]),
        [
          ["expected", "Transfer"],
          ["arrived", "Paid"],
          ["arrived", "Paid"],
        ],
      );
      waits[0].event.type = "Paid";
    };
    const store = around(map);
    const handler = await buying({ store, version: "2", migrate }, "Order").attach(runId);
    assert.deepEqual((await handler.result()).data, ["Paid", 1]);
  });

  test("that is expected must be accepted, and so must what goes out instead", async () => {
    const run = await new Workflow("buying", { version: "1" })
      .addStep("begin", [START], (_event, ctx) => ctx.expectEvent("Paid", { expiresMs: 1e9, onExpire: "Late" }))
      .addStep("hear", ["Paid", "Late"], () => stop())
      .runWithHandler();
    await quiet();
    const old = await run.pause();
    for (const [accepted, what] of [
      ["Paid", "expiry"],
      ["Late", "event"],
    ]) {
      const workflow = new Workflow("buying", { version: "2", migrate() {} });
      const failure = await rejectionOf(workflow.addStep("hear", [accepted], () => stop()).resume(old));
      assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
      assert.match(failure.message, new RegExp(`waits\\[0\\]\\.${what} is of type .*no step .* accepts`));
    }
  });
});

describe("what a run has done", () => {
  /** It charges and reserves, which can be undone by `undo`, and then ships. */
  const ordering = (options, [charge, reserve], undo, ship = forever) =>
    new Workflow("ordering", options)
      .addStep(charge, [START], ({ order }) => ({ type: "Charged", order }), { compensate: undo?.(charge) })
      .addStep(reserve, ["Charged"], ({ order }) => ({ type: "Reserved", order }), { compensate: undo?.(reserve) })
      .addStep("ship", ["Reserved"], ship);
  const sinks = () => {
    throw new NonRetryableError("the ship has sunk");
  };
  const never = () => forever;

  /** A snapshot of a run that has charged and reserved: it ships, or undoes that. */
  async function paused(isUndoing) {
    const run = await ordering(
      { version: "1" },
      ["charge", "reserve"],
      never,
      isUndoing ? sinks : forever,
    ).runWithHandler({
      order: 42,
    });
    await quiet();
    return run.pause({ graceMs: 0 });
  }

  /** Goes on with it, with steps of other names. */
  async function undoneBy(snapshot, migrate) {
    const undone = [];
    const undo =
      (step) =>
      ({ order }) =>
        void undone.push([step, order]);
    const workflow = ordering({ version: "2", migrate }, ["bill", "book"], undo, sinks);
    const failure = await rejectionOf((await workflow.resume(snapshot)).result());
    assert.equal(failure.cause.message, "the ship has sunk");
    return undone;
  }

  const NEW_NAMES = { charge: "bill", reserve: "book" };
  const rename = ({ undoable }) => {
    for (const done of undoable) done.step = NEW_NAMES[done.step];
  };

  for (const isUndoing of [false, true]) {
    const when = isUndoing ? " while it is undone" : "";

    test(`is not among what is on its way, and is undone by steps of other names${when}`, async () => {
      const undone = await undoneBy(await paused(isUndoing), (run) => {
        assert.deepEqual(
          run.pending.map(({ step }) => step),
          isUndoing ? [] : ["ship"],
        );
        assert.deepEqual(run.undoable, [
          { delivery: 2, step: "reserve", event: { type: "Charged", order: 42 } },
          { delivery: 1, step: "charge", event: { type: START, order: 42 } },
        ]);
        assert.equal(run.compensating?.code, isUndoing ? "ERR_BLAZEN_STEP_FAILED" : undefined);
        rename(run);
        run.undoable[1].event.order = 43;
      });
      assert.deepEqual(undone, [
        ["book", 42],
        ["bill", 43],
      ]);
    });

    test(`is not undone if that is taken out${when}`, async () => {
      const undone = await undoneBy(await paused(isUndoing), (run) => {
        run.undoable = run.undoable.filter(({ step }) => step === "charge");
        rename(run);
      });
      assert.deepEqual(undone, [["bill", 42]]);
    });
  }

  test("is as it was after a crash, whatever was being undone", async () => {
    const map = new MapStore();
    const reached = gate();
    const old = () => () => {
      reached.open();
      return forever();
    };
    const { runId } = await ordering(
      { store: around(map), version: "1" },
      ["charge", "reserve"],
      old,
      sinks,
    ).runWithHandler({ order: 42 });
    await reached.opened;
    const undone = [];
    const undo = (step) => (_event, ctx) => void undone.push([step, ctx.attempt]);
    const options = { store: around(map), version: "2", migrate: rename };
    const handler = await ordering(options, ["bill", "book"], undo).attach(runId);
    await rejectionOf(handler.result());
    assert.deepEqual(undone, [
      ["book", 2],
      ["bill", 1],
    ]);
  });

  const refused = {
    "a step that is not there": [/undoable\[0\]\.step is "reserve".*does not have/, () => {}],
    "a step without a compensate": [
      /undoable\[0\]\.step is "ship", which has no compensate/,
      (run) => {
        rename(run);
        run.undoable[0].step = "ship";
      },
    ],
    "something that it has not done": [
      /undoable\[2\]\.delivery/,
      (run) => {
        rename(run);
        run.undoable.push({ delivery: 3, step: "bill", event: { type: START } });
      },
    ],
    "an event that is none": [
      /undoable\[0\]\.event must be an event/,
      (run) => {
        rename(run);
        run.undoable[0].event = 5;
      },
    ],
    "no list of it": [
      /undoable of a migrated run must be an array/,
      (run) => {
        run.undoable = undefined;
      },
    ],
  };
  for (const [name, [message, migrate]] of Object.entries(refused)) {
    test(`cannot be ${name}`, async () => {
      const workflow = ordering({ version: "2", migrate }, ["bill", "book"], never);
      const failure = await rejectionOf(workflow.resume(await paused(false)));
      assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
      assert.match(failure.message, message);
    });
  }

  test("while it is undone, nothing can be put on its way", async () => {
    const migrate = (run) => {
      rename(run);
      run.pending.push({ step: "ship", event: { type: "Reserved" } });
    };
    const failure = await rejectionOf(
      ordering({ version: "2", migrate }, ["bill", "book"], never).resume(await paused(true)),
    );
    assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
    assert.match(failure.message, /undoes what it has done, and receives nothing/);
  });
});

describe("what migrate leaves is checked, and nothing of it is stored if it is bad:", () => {
  const INVALID = "ERR_BLAZEN_INVALID_ARGUMENT";
  const NOT_JSON = "ERR_BLAZEN_NOT_SERIALIZABLE";
  const cyclic = {};
  cyclic.self = cyclic;
  const first = (change) => (run) => {
    toSecond(run);
    change(run.pending[0], run);
  };
  const bad = {
    "a step that is not there": [
      INVALID,
      /pending\[0\]\.step is "bil".*did you mean "bill"\?/,
      first((one) => {
        one.step = "bil";
      }),
    ],
    "a step that is no string": [
      INVALID,
      /pending\[0\]\.step/,
      first((one) => {
        one.step = 5;
      }),
    ],
    "an event without a type": [
      INVALID,
      /pending\[0\]\.event must be an event/,
      first((one) => {
        one.event = {};
      }),
    ],
    "an event that is none": [
      INVALID,
      /pending\[0\]\.event must be an event/,
      first((one) => {
        one.event = null;
      }),
    ],
    "an event that is not JSON": [
      NOT_JSON,
      /"Bill".*\.when/,
      first((one) => {
        one.event.when = 5n;
      }),
    ],
    "an attempt that is none": [
      INVALID,
      /pending\[0\]\.attempt/,
      first((one) => {
        one.attempt = 0;
      }),
    ],
    "a due that is no date": [
      INVALID,
      /pending\[0\]\.due must be a Date/,
      first((one) => {
        one.due = 5;
      }),
    ],
    "a held that was not there": [
      INVALID,
      /pending\[0\]\.held/,
      first((one) => {
        one.held = "key";
      }),
    ],
    "a delivery that was not there": [
      INVALID,
      /pending\[0\]\.delivery/,
      first((one) => {
        one.delivery = 99;
      }),
    ],
    "an event twice": [INVALID, /pending\[1\]\.delivery/, first((one, run) => run.pending.push({ ...one }))],
    "a field that is none": [
      INVALID,
      /pending\[0\]: there is no "stepp"/,
      first((one) => {
        one.stepp = "bill";
      }),
    ],
    "a hole in pending": [
      INVALID,
      /pending\[1\] must be an object/,
      first((_one, run) => {
        run.pending.length = 2;
      }),
    ],
    "no list of pending events": [
      INVALID,
      /pending of a migrated run must be an array/,
      first((_one, run) => {
        run.pending = undefined;
      }),
    ],
    "a wait that was not there": [
      INVALID,
      /waits\[0\]\.id/,
      first((_one, run) => {
        run.waits.push({ id: "a", kind: "input", event: ask("a") });
      }),
    ],
    "no list of waits": [
      INVALID,
      /waits of a migrated run must be an array/,
      first((_one, run) => {
        run.waits = null;
      }),
    ],
    "no state": [
      INVALID,
      /the state of a migrated run must be a Map/,
      first((_one, run) => {
        run.state = {};
      }),
    ],
    "a key that is no string": [
      INVALID,
      /a key of the state must be a string/,
      first((_one, run) => run.state.set(5, 5)),
    ],
    "a value that is undefined": [NOT_JSON, /state key "x"/, first((_one, run) => run.state.set("x", undefined))],
    "a value that is cyclic": [NOT_JSON, /state key "x"/, first((_one, run) => run.state.set("x", cyclic))],
    "something returned": [INVALID, /return nothing/, () => ({ state: {} })],
  };
  const world = WORLDS.SqliteStore();
  const left = leftBehind(world).then((runId) => ({ runId, store: world.open() }));

  for (const [name, [code, message, change]] of Object.entries(bad)) {
    test(name, async () => {
      const { runId, store } = await left;
      const before = await kept(store, runId);
      const migrate = (run) => {
        const returned = change(run);
        return name === "something returned" ? returned : undefined;
      };
      const failure = await rejectionOf(secondVersion({ store, migrate }).attach(runId));
      assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
      assert.equal(failure.runId, runId);
      assert.equal(failure.cause.code, code);
      assert.match(failure.message, message);
      assert.deepEqual(await kept(store, runId), before);
    });
  }

  test("an input request under another id", async () => {
    const asking = new Workflow("asking", { version: "1" })
      .addStep("ask", [START], () => ask("question"))
      .addStep("hear", [RESPONSE], () => stop());
    const run = await asking.runWithHandler();
    await quiet();
    const old = await run.pause();
    const changes = [
      (wait) => Object.assign(wait.event, { request_id: "other" }),
      (wait) => Object.assign(wait.event, { type: "Other" }),
      (wait) => Object.assign(wait, { kind: "expected" }),
      (wait) => Object.assign(wait, { id: "other" }),
      (wait) => Object.assign(wait, { due: "soon" }),
      (wait) => Object.assign(wait, { expiry: {} }),
    ];
    for (const change of changes) {
      const migrate = ({ waits }) => void change(waits[0]);
      const failure = await rejectionOf(new Workflow("asking", { version: "2", migrate }).resume(old));
      assert.deepEqual([failure.code, failure.cause.code], ["ERR_BLAZEN_MIGRATION_FAILED", INVALID], String(change));
    }
  });
});
