// Runs that rest in a store after their process was lost: each is taken up when it goes on, and not before.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import { ask, KINDS, newFile, quiet, RESPONSE, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";

const HOUR_MS = 3_600_000;

/** Ways to sleep, and to go on then to the step "last". */
const SLEEPING = {
  "for a delayed event": (workflow, ms) =>
    workflow.addStep("first", [START], async (_event, ctx) => ctx.sendEvent({ type: "Last" }, { delayMs: ms })),
  "for the next attempt of a step": (workflow, ms) =>
    workflow.addStep(
      "first",
      [START],
      async (_event, ctx) => {
        if (ctx.attempt === 1) throw new Error("not yet");
        return { type: "Last" };
      },
      { retry: { maxAttempts: 2, initialDelayMs: ms, jitter: 0 } },
    ),
  "for a wait that expires": (workflow, ms) =>
    workflow.addStep("first", [START], (_event, ctx) => ctx.expectEvent("Never", { expiresMs: ms, onExpire: "Last" })),
};

const sleeper = (store, sleeping, ms, last) =>
  sleeping(new Workflow("sleeper", { store }), ms)
    .addStep("last", ["Last"], last)
    .addStep("never", ["Never"], () => stop("never"));

/** Begins a run and loses it, as with its process, when the store lists it as it `rests`. */
async function leftAtRest(workflow, rests) {
  const kept = new MapStore();
  let isLost = false;
  const commit = (commits) => (isLost ? Promise.reject(new Error("the process was lost")) : kept.commit(commits));
  const handler = await workflow(around(kept, { commit })).runWithHandler();
  while (!rests((await kept.runs({ order: "oldest-first", limit: 1 })).runs[0])) await turn();
  isLost = true;
  await handler.abort().catch(() => {});
  return { kept, runId: handler.runId };
}

/** The next process, and which runs it has loaded. */
function nextProcess(kept) {
  const loaded = [];
  const load = (runId) => {
    loaded.push(runId);
    return kept.load(runId);
  };
  return { store: around(kept, { load }), loaded };
}

const isAsleep = ({ wakesAt }) => wakesAt !== undefined;
const isWaiting = ({ waiting }) => waiting;
const asleep = (sleeping, ms) => leftAtRest((store) => sleeper(store, sleeping, ms, () => stop()), isAsleep);

for (const [how, sleeping] of Object.entries(SLEEPING)) {
  describe(`a run that sleeps ${how}`, () => {
    test("stays in the store until then", async () => {
      const { kept, runId } = await asleep(sleeping, HOUR_MS);
      const { store, loaded } = nextProcess(kept);
      const wf = sleeper(store, sleeping, HOUR_MS, () => assert.fail("it was called"));
      const [handler] = await wf.recover();
      await quiet();
      assert.deepEqual([handler.runId, loaded], [runId, []]);
      assert.deepEqual(await wf.recover(), []);
      assert.equal(await wf.cancel(runId, "enough"), true);
      assert.equal((await rejectionOf(handler.result())).cause, "enough");
      assert.deepEqual(loaded, [runId]);
    });

    test("goes on then, and is loaded once", async () => {
      const { kept, runId } = await asleep(sleeping, 50);
      const { store, loaded } = nextProcess(kept);
      const [handler] = await sleeper(store, sleeping, 50, () => stop("woken")).recover();
      assert.equal((await handler.result()).data, "woken");
      assert.deepEqual(loaded, [runId]);
    });

    test("goes on then if it was taken up before, and is loaded once", async () => {
      const { kept, runId } = await asleep(sleeping, 200);
      const { store, loaded } = nextProcess(kept);
      const wf = sleeper(store, sleeping, 200, () => stop("woken"));
      const [handler] = await wf.recover();
      const attached = await wf.attach(runId);
      assert.equal((await attached.result()).data, "woken");
      assert.equal((await handler.result()).data, "woken");
      assert.deepEqual(loaded, [runId]);
    });
  });
}

for (const [name, open] of Object.entries(KINDS)) {
  test(`a ${name} lists until when a run sleeps, and no time for one that does not`, async () => {
    const store = open();
    const wf = sleeper(store, SLEEPING["for a delayed event"], HOUR_MS, () => stop());
    const { runId } = await wf.runWithHandler();
    let run;
    while (run?.wakesAt === undefined) [run] = (await store.runs()).runs;
    assert.deepEqual([run.waiting, run.wakesAt], [false, (await store.run(runId)).pending[0].due]);
    assert.ok(run.wakesAt instanceof Date);
    const handler = await wf.attach(runId);
    await handler.pause();
    assert.equal("wakesAt" in (await store.runs()).runs[0], false, "it goes on when it is resumed");
    await handler.abort();
    assert.equal("wakesAt" in (await store.runs()).runs[0], false);
    await store.close();
  });
}

test("a run that waits for a person, and has something to undo, stays in the store until it is asked for something", async () => {
  const undoing = (store, undone) =>
    new Workflow("booking", { store })
      .addStep("book", [START], () => ({ type: "Booked" }), { compensate: undone })
      .addStep("ask", ["Booked"], () => ask("sure?"))
      .addStep("hear", [RESPONSE], ({ response }) => stop(response));
  const { kept, runId } = await leftAtRest((store) => undoing(store, () => {}), isWaiting);
  const { store, loaded } = nextProcess(kept);
  const undone = [];
  const wf = undoing(store, () => void undone.push("book"));
  const [handler] = await wf.recover();
  await quiet();
  assert.deepEqual(loaded, []);
  await wf.cancel(runId);
  await rejectionOf(handler.result());
  assert.deepEqual(undone, ["book"]);
});

test("a run that waits fails at the limit of its workflow although nobody asks for it", async () => {
  const asking = (store) =>
    new Workflow("asking", { store, timeout: 0.5 })
      .addStep("ask", [START], () => ask("question"))
      .addStep("hear", [RESPONSE], ({ response }) => stop(response));
  const { kept } = await leftAtRest(asking, isWaiting);
  const [handler] = await asking(nextProcess(kept).store).recover();
  assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_TIMEOUT");
});

test("a store that is closed lets go of the runs that sleep in it", async () => {
  const path = newFile();
  const before = SqliteStore.open(path);
  const sleeping = SLEEPING["for a delayed event"];
  await sleeper(before, sleeping, HOUR_MS, () => stop()).runWithHandler();
  while ((await before.runs()).runs[0].wakesAt === undefined) await turn();
  await before.close();
  const store = SqliteStore.open(path);
  const [handler] = await sleeper(store, sleeping, HOUR_MS, () => stop()).recover();
  await store.close();
  assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_STORE_CLOSED");
});
