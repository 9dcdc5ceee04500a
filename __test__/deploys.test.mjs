// Runs that meet another version of their workflow: what they remember, and how they are rewritten, once.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { MemoryStore, Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import {
  firstVersion,
  forever,
  kept,
  leftBehind,
  secondVersion,
  toSecond,
  WORLDS,
  warningsOf,
} from "./deploys/versions.mjs";
import { gate, quiet, rejectionOf, START, stop, test } from "./stores/harness.mjs";

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

describe("a migration that takes for ever", () => {
  const ABORTED = "ERR_BLAZEN_ABORTED";
  const CLOSED = "ERR_BLAZEN_STORE_CLOSED";
  /** The code by which a run fails that is to be had of a promise. */
  const codeOf = async (handler) => (await rejectionOf((async () => (await handler).result())())).code;

  /** The second version, and a gate that is open when a migration has begun. */
  const migrating = (store) => {
    const begun = gate();
    const migrate = () => {
      begun.open();
      return forever();
    };
    return { workflow: secondVersion({ store, migrate }, assert.fail), begun };
  };

  /** How runs are asked for before one is cancelled, or its store closed; each gives promises of handlers. */
  const WAYS = {
    "before it is loaded": async ({ workflow, runId }) => [workflow.attach(runId), workflow.attach(runId)],
    "right after recover()": async ({ workflow, runId }) => [...(await workflow.recover()), workflow.attach(runId)],
    "while it is migrated": async ({ workflow, runId, begun }) => {
      const handlers = [workflow.attach(runId), workflow.runWithHandler({}, { runId })];
      await begun.opened;
      return handlers;
    },
    "while it is recovered": async ({ workflow, runId, begun }) => {
      const recovered = await workflow.recover();
      await begun.opened;
      return [...recovered, workflow.attach(runId)];
    },
  };

  for (const [when, ask] of Object.entries(WAYS)) {
    for (const [kind, world] of Object.entries(WORLDS)) {
      test(`keeps nobody from cancelling the run ${when}, in a ${kind}`, async () => {
        const here = world();
        const runId = await leftBehind(here);
        const store = here.open();
        const { workflow, begun } = migrating(store);
        const warnings = await warningsOf(async () => {
          const codes = Promise.all((await ask({ workflow, runId, begun })).map(codeOf));
          assert.equal(await workflow.cancel(runId, "changed my mind"), true);
          const { status, workflowVersion, code } = await kept(store, runId);
          assert.deepEqual([status, workflowVersion ?? code.version], ["cancelled", "1"]);
          assert.deepEqual(await codes, [ABORTED, ABORTED]);
        });
        assert.deepEqual(warnings, []);
        assert.equal(await workflow.cancel(runId), false);
      });
    }

    test(`is not waited for when the store is closed ${when}, and the run is as it was`, async () => {
      const here = WORLDS.SqliteStore();
      const runId = await leftBehind(here);
      const store = here.open();
      const before = await kept(store, runId);
      const { workflow, begun } = migrating(store);
      const codes = Promise.all((await ask({ workflow, runId, begun })).map(codeOf));
      await store.close();
      assert.deepEqual(await codes, [CLOSED, CLOSED]);
      assert.deepEqual(await kept(here.open(), runId), before);
    });
  }

  test("keeps no signal from ending the run", async () => {
    const here = WORLDS.SqliteStore();
    const runId = await leftBehind(here);
    const store = here.open();
    const { workflow, begun } = migrating(store);
    const leaving = new AbortController();
    const code = codeOf(workflow.runWithHandler({}, { runId, signal: leaving.signal }));
    await begun.opened;
    leaving.abort("the client has gone");
    assert.equal(await code, ABORTED);
    assert.equal((await store.run(runId)).error.cause, "the client has gone");
  });

  test("may cancel its run itself if that has nothing to undo", async () => {
    const here = WORLDS.SqliteStore();
    const runId = await leftBehind(here);
    const store = here.open();
    const migrate = async () => {
      await workflow.cancel(runId);
    };
    const workflow = secondVersion({ store, migrate }, assert.fail);
    assert.equal(await codeOf(workflow.attach(runId)), ABORTED);
    assert.equal((await kept(store, runId)).status, "cancelled");
  });

  test("is not waited for when the store of a run is closed that comes from a snapshot", async () => {
    const run = await firstVersion({}).runWithHandler({ order: 42 });
    await quiet();
    const snapshot = await run.pause({ graceMs: 0 });
    const store = new MemoryStore();
    const { workflow, begun } = migrating(store);
    const resumed = codeOf(workflow.resume(snapshot));
    await begun.opened;
    await store.close();
    assert.equal(await resumed, CLOSED);
  });

  test("leaves a run unfinished whose end is not stored, and nobody is told that it has ended", async () => {
    const map = new MapStore();
    const runId = await leftBehind({ open: () => around(map), leave: async () => {} });
    const full = around(map, {
      commit: async () => {
        throw new Error("the disk is full");
      },
    });
    const { workflow, begun } = migrating(full);
    const code = codeOf(workflow.attach(runId));
    await begun.opened;
    assert.equal((await rejectionOf(workflow.cancel(runId))).code, "ERR_BLAZEN_STORE_IO");
    assert.equal(await code, "ERR_BLAZEN_STORE_IO");
    assert.equal((await map.load(runId)).status, "running");
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
