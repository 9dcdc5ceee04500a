// Runs that are on their way, to this process or to their store, when somebody ends them or asks for them.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { NonRetryableError, SqliteStore, Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import { gate, NOBODY, newFile, quiet, rejectionOf, START, stop, test } from "./stores/harness.mjs";

const never = () => new Promise(() => {});
const ABORTED = "ERR_BLAZEN_ABORTED";
const REASON = "changed my mind";

/** A store that takes commits only when that is let go, and tells when it is first asked to. */
function slow(kept) {
  const [asked, taken] = [gate(), gate()];
  const commit = async (commits) => {
    asked.open();
    await taken.opened;
    return kept.commit(commits);
  };
  return { store: around(kept, { commit }), asked: asked.opened, letGo: taken.open };
}

const paying = (store, options) =>
  new Workflow("paying", { store, ...options }).addStep("pay", [START], () => assert.fail("it was paid"));

/** A run of another version whose process is lost before it has paid. */
async function lost(kept) {
  const reached = gate();
  const { runId } = await new Workflow("paying", { store: around(kept), version: "1" })
    .addStep("pay", [START], () => {
      reached.open();
      return never();
    })
    .runWithHandler();
  await reached.opened;
  return runId;
}

describe("a run that its store has not taken yet is ended at once, and no handler is called,", () => {
  const WAYS = {
    "by its id": (workflow, runId) => workflow.cancel(runId, REASON),
    "by its signal": (_workflow, _runId, leaving) => leaving.abort(REASON),
  };
  /** What the store has of the run before: its id, and by which options the workflow goes on with it. */
  const BEFORE = {
    "when it has begun": async () => ({ runId: NOBODY }),
    "when it has been migrated": async (kept) => ({
      runId: await lost(kept),
      options: { version: "2", migrate() {} },
    }),
  };
  for (const [how, end] of Object.entries(WAYS)) {
    for (const [when, before] of Object.entries(BEFORE)) {
      test(`${how}, ${when}`, async () => {
        const kept = new MapStore();
        const { runId, options } = await before(kept);
        const { store, asked, letGo } = slow(kept);
        const leaving = new AbortController();
        const workflow = paying(store, options);
        const arriving = workflow.runWithHandler({}, { runId, signal: leaving.signal });
        await asked;
        const ended = end(workflow, runId, leaving);
        letGo();
        assert.equal((await rejectionOf((await arriving).result())).code, ABORTED);
        assert.equal((await ended) ?? true, true);
        assert.equal((await kept.load(runId)).status, "cancelled");
      });
    }
  }
});

test("a run is recovered although somebody asks for it by another workflow meanwhile", async () => {
  const path = newFile();
  const before = SqliteStore.open(path);
  const { runId } = await new Workflow("right", { store: before }).addStep("only", [START], never).runWithHandler();
  await before.close();
  const store = SqliteStore.open(path);
  const right = new Workflow("right", { store }).addStep("only", [START], () => stop("done"));
  const wrong = new Workflow("wrong", { store });
  const mistaken = rejectionOf(wrong.attach(runId));
  const [handler] = await right.recover();
  assert.equal((await mistaken).code, "ERR_BLAZEN_RUN_MISMATCH");
  assert.equal((await handler.result()).data, "done");
  await store.close();
});

test("without a store, a run that is being migrated is found by its id, and does not begin again", async () => {
  const calls = [];
  const one = (version, migrate, then) =>
    new Workflow("one", { version, ...(migrate && { migrate }) }).addStep("only", [START], () => {
      calls.push(version);
      return then();
    });
  const first = await one("1", undefined, never).runWithHandler();
  await quiet();
  const snapshot = await first.pause({ graceMs: 0 });
  const [migrated, found] = [gate(), gate()];
  const second = one(
    "2",
    () => migrated.opened,
    () => found.opened.then(() => stop("done")),
  );
  const resumed = second.resume(snapshot);
  await quiet();
  const asked = [resumed, second.attach(first.runId), second.runWithHandler({}, { runId: first.runId })];
  migrated.open();
  const handlers = await Promise.all(asked);
  found.open();
  for (const handler of handlers) assert.equal((await handler.result()).data, "done");
  assert.deepEqual(calls, ["1", "2"]);
});

describe("a run that undoes what it has done", () => {
  const undoing = (store, options, { undo = () => {}, ship = () => stop("done") } = {}) =>
    new Workflow("undoing", { store, ...options })
      .addStep("charge", [START], () => ({ type: "Charged" }), { compensate: undo })
      .addStep("ship", ["Charged"], ship);

  test("goes on with that when it is cancelled while it is paused", async () => {
    for (const isElsewhere of [false, true]) {
      const kept = new MapStore();
      const [reached, released] = [gate(), gate()];
      const undo = async (_event, ctx) => {
        if (ctx.attempt > 1) return;
        reached.open();
        await released.opened;
      };
      const fails = () => {
        throw new NonRetryableError("the ship has sunk");
      };
      const store = around(kept);
      const workflow = undoing(store, {}, { undo, ship: fails });
      const handler = await workflow.runWithHandler();
      await reached.opened;
      await handler.pause({ graceMs: 0 });
      assert.equal((await kept.load(handler.runId)).status, "paused");
      const here = isElsewhere ? undoing(around(kept)) : workflow;
      assert.equal(await here.cancel(handler.runId), false, "it was about to end");
      assert.equal((await kept.load(handler.runId)).status, "failed");
      released.open();
    }
  });

  test("undoes nothing before its store knows that it is about to end", async () => {
    for (const durability of ["sync", "async"]) {
      const kept = new MapStore();
      const log = [];
      const commit = async (commits) => {
        if (commits.some(({ ending }) => ending !== undefined)) throw new Error("connection reset");
        return kept.commit(commits);
      };
      const reached = gate();
      const ship = () => {
        reached.open();
        return never();
      };
      const undo = () => {
        log.push("refund");
      };
      const store = around(kept, { commit });
      const workflow = undoing(store, { durability }, { undo, ship });
      const { runId } = await workflow.runWithHandler();
      await reached.opened;
      await quiet();
      assert.equal((await rejectionOf(workflow.cancel(runId))).code, "ERR_BLAZEN_STORE_IO");
      const handler = await undoing(around(kept), {}, { undo }).attach(runId);
      assert.equal((await handler.result()).data, "done");
      assert.deepEqual(log, [], durability);
    }
  });
});
