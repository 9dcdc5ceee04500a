// What `check` tells of the unfinished runs of a store, before other code is to finish them.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { MemoryStore, NonRetryableError, SqliteStore, Workflow } from "blazen";
import { MapStore } from "./conformance/map_store.mjs";
import {
  asking,
  gate,
  NOBODY,
  newFile,
  REQUEST,
  RESPONSE,
  rejectionOf,
  START,
  stop,
  test,
  waiting,
} from "./stores/harness.mjs";

const KINDS = {
  MemoryStore: () => new MemoryStore(),
  SqliteStore: () => SqliteStore.open(newFile()),
  MapStore: () => new MapStore(),
};
const forever = () => new Promise(() => {});
const handler = () => stop();

/** A workflow whose steps are given as `{ name: [accepts, options] }`. */
function orders(steps, options) {
  const workflow = new Workflow("orders", { version: "2", ...options });
  for (const [name, [accepts, settings]] of Object.entries(steps)) workflow.addStep(name, accepts, handler, settings);
  return workflow;
}

/** A run of version 1 that is at its step `charge`: of steps that say what they emit, unless `isSilent`. */
async function charging(store, isSilent = false) {
  const reached = gate();
  const emits = (...types) => (isSilent ? {} : { emits: types });
  const { runId } = await new Workflow("orders", { store, version: "1" })
    .addStep("begin", [START], () => ({ type: "Charge" }), emits("Charge"))
    .addStep(
      "charge",
      ["Charge"],
      () => {
        reached.open();
        return forever();
      },
      emits("Charged"),
    )
    .addStep("ship", ["Charged"], handler, emits("blazen::StopEvent"))
    .runWithHandler();
  await reached.opened;
  return runId;
}

const BEGIN = [[START], { emits: ["Charge"] }];
const CHARGE = [["Charge"], { emits: ["Charged"] }];
const SHIP = [["Charged"], { emits: ["blazen::StopEvent"] }];
const kinds = ([run]) => run.problems.map(({ verdict, kind, step, event }) => [verdict, kind, step, event]);

for (const [kind, open] of Object.entries(KINDS)) {
  describe(`of the runs of a ${kind}`, () => {
    test("nothing is told if the code can finish them, ended runs and other workflows included", async () => {
      const store = open();
      await charging(store);
      await new Workflow("orders", { store }).addStep("gone", [START], handler).run();
      await new Workflow("other", { store }).addStep("gone", [START], forever).runWithHandler();
      assert.deepEqual(await orders({ begin: BEGIN, charge: CHARGE, ship: SHIP }).check(store), []);
      assert.deepEqual(
        await orders({ charge: CHARGE, deliver: SHIP }).check(store),
        [],
        "a step that is called otherwise",
      );
    });

    test("an event on its way to a step that is gone is told, with what the step may be called now", async () => {
      const store = open();
      const runId = await charging(store);
      const found = await orders({ charges: CHARGE, ship: SHIP }).check(store);
      assert.deepEqual(found, [
        {
          runId,
          workflowVersion: "1",
          status: "running",
          verdict: "cannot",
          needs: ["charge", "ship"],
          problems: [
            {
              verdict: "cannot",
              kind: "step-gone",
              step: "charge",
              event: "Charge",
              message:
                'a "Charge" event is on its way to step "charge", which workflow "orders" does not have; is it "charges" now?',
            },
          ],
        },
      ]);
    });

    test("a step that accepts other types now is told", async () => {
      const store = open();
      await charging(store);
      const found = await orders({ charge: [["Bill"], { emits: ["Charged"] }], ship: SHIP }).check(store);
      assert.equal(found[0].verdict, "may not");
      assert.deepEqual(kinds(found), [["may not", "step-takes-others", "charge", "Charge"]]);
    });

    test("an event that may be emitted, and that nobody accepts any more, is told", async () => {
      const store = open();
      await charging(store);
      const found = await orders({ begin: BEGIN, charge: [["Charge"]] }).check(store);
      assert.deepEqual(kinds(found), [["may not", "nobody-accepts", "charge", "Charged"]]);
      assert.match(found[0].problems[0].message, /it went to "ship"/);
      assert.deepEqual(found[0].needs, ["charge", "ship"]);

      const says = orders({ begin: BEGIN, charge: [["Charge"], { emits: ["blazen::StopEvent"] }] });
      assert.deepEqual(await says.check(store), [], "the step says now that it emits something else");
    });

    test("a step that does not say what it emits may emit whatever was accepted", async () => {
      const store = open();
      await charging(store, true);
      const found = await orders({ begin: [[START]], charge: [["Charge"]] }).check(store);
      assert.deepEqual(kinds(found), [["may not", "nobody-accepts", "charge", "Charged"]]);
      assert.deepEqual(await orders({ charge: [["Charge"]], deliver: [["Charged"]] }).check(store), []);
    });

    test("what is done and this code cannot undo is told, and nobody receives that again", async () => {
      const reached = gate();
      const undo = () => {
        reached.open();
        return forever();
      };
      const store = open();
      const fails = () => {
        throw new NonRetryableError("no ship");
      };
      const old = (ship) =>
        new Workflow("orders", { store, version: "1" })
          .addStep("begin", [START], () => ({ type: "Charge" }), { emits: ["Charge"], compensate: undo })
          .addStep("charge", ["Charge"], () => ({ type: "Charged" }), { emits: ["Charged"], compensate: undo })
          .addStep("ship", ["Charged"], ship, { emits: ["blazen::StopEvent"] });
      const shipping = gate();
      await old(() => {
        shipping.open();
        return forever();
      }).runWithHandler();
      await old(fails).runWithHandler();
      await Promise.all([shipping.opened, reached.opened]);

      const compensate = () => {};
      const fit = { begin: [[START], { emits: [], compensate }], charge: [["Charge"], { emits: [], compensate }] };
      assert.deepEqual(await orders({ ...fit, ship: SHIP }).check(store), []);
      const unfit = await orders({ begin: fit.begin, charge: [["Charge"], { emits: ["Unheard"] }], ship: SHIP }).check(
        store,
      );
      for (const run of unfit) {
        assert.deepEqual(kinds([run]), [["cannot", "cannot-undo", "charge", undefined]]);
        assert.match(run.problems[0].message, /step "charge" is done.* has no compensate/);
        assert.deepEqual(run.needs.slice(0, 2), ["begin", "charge"]);
      }
      assert.equal(unfit.length, 2);
      const [{ problems }] = await orders({ begin: fit.begin, ship: SHIP }).check(store);
      assert.match(problems[0].message, /step "charge" is done.* does not have it/);
    });

    test("an answer that nobody takes is told, of a paused run too", async () => {
      const store = open();
      const running = await waiting(asking(store, { version: "1" }));
      const paused = await waiting(asking(store, { version: "1" }));
      await paused.pause();
      const other = new Workflow("asking", { store, version: "2" }).addStep("ask", [START], handler);
      const found = await other.check();
      assert.deepEqual(
        found.map(({ runId, status, verdict, problems }) => [
          runId,
          status,
          verdict,
          problems[0].kind,
          problems.length,
        ]),
        [
          [running.runId, "running", "cannot", "nobody-answers", 1],
          [paused.runId, "paused", "cannot", "nobody-answers", 1],
        ],
      );
    });

    test("a run of another version is looked at as migrate would leave it, and stays as it is", async () => {
      const store = open();
      const runId = await charging(store);
      const seen = [];
      const migrate = async (run) => {
        seen.push([run.runId, run.version]);
        for (const pending of run.pending) pending.step = "bill";
      };
      const steps = { begin: BEGIN, bill: CHARGE, ship: SHIP };
      assert.deepEqual(await orders(steps, { migrate }).check(store), []);
      assert.deepEqual(await orders(steps, { migrate }).check(store), []);
      assert.deepEqual(seen, [
        [runId, "1"],
        [runId, "1"],
      ]);
      assert.deepEqual(kinds(await orders(steps).check(store)), [["cannot", "step-gone", "charge", "Charge"]]);
    });

    test("a migrate that fails is told", async () => {
      const store = open();
      await charging(store);
      const migrate = () => {
        throw new Error("no idea");
      };
      const found = await orders({ charge: CHARGE, ship: SHIP }, { migrate }).check(store);
      assert.deepEqual(kinds(found), [["cannot", "migration-failed", undefined, undefined]]);
      assert.match(found[0].problems[0].message, /no idea/);
    });
  });
}

test("the runs of a living process are checked by another that only looks", async () => {
  const path = newFile();
  const store = SqliteStore.open(path);
  const runId = await charging(store);
  const looking = SqliteStore.open(path, { readOnly: true });
  const [unfit] = await orders({ ship: SHIP }).check(looking);
  assert.deepEqual([unfit.runId, unfit.verdict], [runId, "cannot"]);
  await looking.close();
  await store.close();
});

test("a run that began without a version is checked for what is pending", async () => {
  const store = new MemoryStore();
  const reached = gate();
  const workflow = new Workflow("orders", { store }).addStep("charge", [START], () => {
    reached.open();
    return forever();
  });
  await workflow.runWithHandler();
  await reached.opened;
  const found = await orders({ ship: SHIP }).check(store);
  assert.deepEqual([found[0].workflowVersion, kinds(found)], [undefined, [["cannot", "step-gone", "charge", START]]]);
  assert.deepEqual(await orders({ charge: CHARGE, ship: SHIP }).check(store), [
    {
      ...found[0],
      verdict: "may not",
      needs: ["charge", "ship"],
      problems: [
        {
          verdict: "may not",
          kind: "step-takes-others",
          step: "charge",
          event: START,
          message: `a "${START}" event is on its way to step "charge", which accepts "Charge" now`,
        },
      ],
    },
  ]);
});

test("more runs than are listed at once are all checked", async () => {
  const store = new MemoryStore();
  const workflow = new Workflow("orders", { store }).addStep("gone", [START], forever);
  const begun = await Promise.all(Array.from({ length: 1_100 }, () => workflow.runWithHandler()));
  const found = await orders({ ship: SHIP }).check(store);
  assert.equal(new Set(found.map(({ runId }) => runId)).size, begun.length);
});

describe("of a run whose store gives", () => {
  const stored = (fields) => ({
    runId: NOBODY,
    workflow: "orders",
    version: 1,
    status: "running",
    createdAt: 1,
    updatedAt: 1,
    lastDelivery: 0,
    pending: [],
    waits: [],
    state: [],
    ...fields,
  });
  const having = (run) => ({
    commit: async () => {},
    load: async () => run,
    runs: async ({ status }) => ({ runs: status === "running" ? [{ ...stored(), waiting: false }] : [] }),
  });
  const wait = (kind, type, expiry) => ({
    id: "w",
    kind,
    event: JSON.stringify({ type }),
    ...(expiry === undefined ? {} : { due: 5, expiry: JSON.stringify({ type: expiry }) }),
  });
  const rows = {
    "a wait for an event that nobody accepts": [
      wait("expected", "Paid"),
      [["cannot", "nobody-accepts", undefined, "Paid"]],
    ],
    "a wait for an event that somebody accepts": [wait("expected", "Charged"), undefined],
    "an event that has come and that nobody accepts": [
      wait("arrived", "Paid"),
      [["may not", "nobody-accepts", undefined, "Paid"]],
    ],
    "an expiry that nobody accepts": [
      wait("expected", "Charged", "Late"),
      [["cannot", "nobody-accepts", undefined, "Late"]],
    ],
    "an expiry that somebody accepts": [wait("expected", "Charged", "Charged"), undefined],
    "a question that nobody answers": [wait("input", REQUEST), [["cannot", "nobody-answers", undefined, RESPONSE]]],
  };
  for (const [name, [open, expected]] of Object.entries(rows)) {
    test(`${name}, that is told`, async () => {
      const found = await orders({ ship: SHIP }).check(having(stored({ waits: [open] })));
      assert.deepEqual(found.length === 0 ? undefined : kinds(found), expected);
    });
  }

  test("steps that nobody can read, what is pending is told all the same", async () => {
    for (const steps of ["", "null", "5", '[null, {}, {"name": 5}, {"name": "a", "accepts": [], "emits": 5}]']) {
      const run = stored({ code: { version: "1", steps }, lastDelivery: 1 });
      run.pending = [{ delivery: 1, step: "gone", eventType: "A", event: '{"type":"A"}', attempt: 1, sent: 0 }];
      const found = await orders({ ship: SHIP }).check(having(run));
      assert.deepEqual(kinds(found), [["cannot", "step-gone", "gone", "A"]]);
    }
  });

  test("what is no run, that is told as damaged", async () => {
    const found = await orders({ ship: SHIP }).check(having(stored({ lastDelivery: -1 })));
    assert.equal(found[0].runId, NOBODY);
    assert.deepEqual(kinds(found), [["cannot", "damaged", undefined, undefined]]);
  });

  test("nothing any more, nothing is told", async () => {
    assert.deepEqual(await orders({ ship: SHIP }).check(having(null)), []);
  });

  test("an error, the check fails", async () => {
    const broken = { ...having(null), load: () => Promise.reject(new Error("no network")) };
    assert.equal((await rejectionOf(orders({ ship: SHIP }).check(broken))).code, "ERR_BLAZEN_STORE_IO");
  });
});
