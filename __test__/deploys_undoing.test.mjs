// What a run of another version has done, and how that is undone by the new one.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { NonRetryableError, Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import { forever } from "./deploys/versions.mjs";
import { gate, quiet, rejectionOf, START, test } from "./stores/harness.mjs";

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

  /** A store with a run that has charged and is reserving, or is undoing that, of which its process is lost. */
  async function lost(isUndoing) {
    const map = new MapStore();
    const reached = gate();
    const stands = () => {
      reached.open();
      return forever();
    };
    const workflow = ordering(
      { store: around(map), version: "1" },
      ["charge", "reserve"],
      () => stands,
      isUndoing ? sinks : stands,
    );
    const { runId } = await workflow.runWithHandler({ order: 42 });
    await reached.opened;
    return { map, runId };
  }

  const undoing = (undone) => (step) => (_event, ctx) => void undone.push([step, ctx.attempt]);

  test("is as it was after a crash, whatever was being undone", async () => {
    const { map, runId } = await lost(true);
    const undone = [];
    const options = { store: around(map), version: "2", migrate: rename };
    const handler = await ordering(options, ["bill", "book"], undoing(undone)).attach(runId);
    await rejectionOf(handler.result());
    assert.deepEqual(undone, [
      ["book", 2],
      ["bill", 1],
    ]);
  });

  test("is undone by steps of other names also if the run is only taken up to be cancelled", async () => {
    const { map, runId } = await lost(false);
    const undone = [];
    const migrate = (run) => {
      rename(run);
      run.state.set("currency", "EUR");
    };
    const options = { store: around(map), version: "2", migrate };
    const workflow = ordering(options, ["bill", "book"], undoing(undone), assert.fail);
    assert.equal(await workflow.cancel(runId, "changed my mind"), true);
    assert.deepEqual(undone, [
      ["book", 1],
      ["bill", 1],
    ]);
    const { status, code, state } = await map.load(runId);
    assert.deepEqual([status, code.version, state.map(({ key }) => key)], ["cancelled", "2", ["currency"]]);
  });

  test("is as little tried before as it was if what was being undone is taken out", async () => {
    const { map, runId } = await lost(true);
    const undone = [];
    const migrate = (run) => {
      run.undoable.shift();
      rename(run);
    };
    const options = { store: around(map), version: "2", migrate };
    const handler = await ordering(options, ["bill", "book"], undoing(undone)).attach(runId);
    await rejectionOf(handler.result());
    assert.deepEqual(undone, [["bill", 1]]);
  });

  test("may all be taken out while it is undone, and the run has failed", async () => {
    const migrate = (run) => {
      run.undoable = [];
    };
    assert.deepEqual(await undoneBy(await paused(true), migrate), []);
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
