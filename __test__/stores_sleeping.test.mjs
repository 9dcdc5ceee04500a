// Runs that rest in a store after their process was lost: each is taken up when it goes on, and not before.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { MemoryStore, SqliteStore, Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import {
  ask,
  asking,
  gate,
  KINDS,
  newFile,
  quiet,
  RESPONSE,
  rejectionOf,
  START,
  stop,
  test,
  turn,
} from "./stores/harness.mjs";

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

const moved =
  (by) =>
  ({ due, ...rest }) =>
    due === undefined ? rest : { ...rest, due: due + by };

/** The next process, with the times of the run moved so that it wakes after `ms`, and when it has loaded it. */
async function nextProcess(kept, ms = HOUR_MS) {
  const [{ wakesAt = 0 }] = (await kept.runs({ order: "oldest-first", limit: 1 })).runs;
  const wakes = Date.now() + ms;
  const move = moved(wakes - wakesAt);
  const loaded = [];
  const load = async (runId) => {
    loaded.push(Date.now());
    const run = await kept.load(runId);
    return { ...run, pending: run.pending.map(move), waits: run.waits.map(move) };
  };
  const runs = async (query) => {
    const page = await kept.runs(query);
    return { ...page, runs: page.runs.map((run) => (isAsleep(run) ? { ...run, wakesAt: wakes } : run)) };
  };
  return { store: around(kept, { load, runs }), loaded, wakes };
}

const isAsleep = ({ wakesAt }) => wakesAt !== undefined;
const isWaiting = ({ waiting }) => waiting;
const asleep = (sleeping) => leftAtRest((store) => sleeper(store, sleeping, HOUR_MS, () => stop()), isAsleep);

for (const [how, sleeping] of Object.entries(SLEEPING)) {
  describe(`a run that sleeps ${how}`, () => {
    test("stays in the store until then", async () => {
      const { kept, runId } = await asleep(sleeping);
      const { store, loaded } = await nextProcess(kept);
      const wf = sleeper(store, sleeping, HOUR_MS, () => assert.fail("it was called"));
      const [handler] = await wf.recover();
      await quiet();
      assert.deepEqual([handler.runId, loaded], [runId, []]);
      assert.deepEqual(await wf.recover(), []);
      assert.equal(await wf.cancel(runId, "enough"), true);
      assert.equal((await rejectionOf(handler.result())).cause, "enough");
      assert.equal(loaded.length, 1);
    });

    test("is loaded then, and goes on", async () => {
      const { kept } = await asleep(sleeping);
      const { store, loaded, wakes } = await nextProcess(kept, 100);
      const [handler] = await sleeper(store, sleeping, HOUR_MS, () => stop("woken")).recover();
      assert.equal((await handler.result()).data, "woken");
      const [when, ...more] = loaded;
      assert.ok(when >= wakes, `${wakes - when} ms early`);
      assert.deepEqual(more, []);
    });

    test("goes on then if it was taken up before, and is not loaded again", async () => {
      const { kept, runId } = await asleep(sleeping);
      const { store, loaded } = await nextProcess(kept, 200);
      const wf = sleeper(store, sleeping, HOUR_MS, () => stop("woken"));
      const [handler] = await wf.recover();
      const attached = await wf.attach(runId);
      assert.equal((await attached.result()).data, "woken");
      assert.equal((await handler.result()).data, "woken");
      assert.equal(loaded.length, 1);
    });
  });
}

test("a run that sleeps is taken up at once if its workflow has a time limit, which passes", async () => {
  const sleeping = SLEEPING["for a delayed event"];
  const { kept, runId } = await asleep(sleeping);
  const { store, loaded } = await nextProcess(kept);
  const wf = sleeper(store, sleeping, HOUR_MS, () => assert.fail("it was called"));
  wf.setTimeout(3_600);
  await wf.recover();
  await quiet();
  assert.equal(loaded.length, 1);
  await wf.cancel(runId);
});

for (const [name, open] of Object.entries(KINDS)) {
  test(`a ${name} lists until when a run sleeps, and no time for one that does not`, async () => {
    const store = open();
    const wf = sleeper(store, SLEEPING["for a delayed event"], HOUR_MS, () => stop());
    const { runId } = await wf.runWithHandler();
    let run;
    while (run?.wakesAt === undefined) [run] = (await store.runs()).runs;
    assert.equal(run.waiting, false);
    const [{ due }] = (await store.run(runId)).pending;
    assert.ok(run.wakesAt instanceof Date && Math.abs(run.wakesAt - due) < 1_000, `${run.wakesAt}, ${due}`);
    const handler = await wf.attach(runId);
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
  const { store, loaded } = await nextProcess(kept);
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
  const { kept } = await leftAtRest((store) => asking(store, { timeout: 3_600 }), isWaiting);
  const { store } = await nextProcess(kept);
  const [handler] = await asking(store, { timeout: 0.1 }).recover();
  assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_TIMEOUT");
});

test("a run that was lost when it had nothing to wait for is taken up, and fails", async () => {
  const returns = gate();
  const stalls = (store) => new Workflow("stalls", { store }).addStep("only", [START], () => returns.opened);
  const handler = await stalls().runWithHandler();
  const pausing = handler.pause();
  returns.open();
  const snapshot = await pausing;
  const kept = new MapStore();
  let commits = 0;
  const commit = (batch) => {
    commits += 1;
    return commits > 1 ? Promise.reject(new Error("the process was lost")) : kept.commit(batch);
  };
  await stalls(around(kept, { commit }))
    .resume(snapshot)
    .catch(() => {});
  while (commits < 2) await turn();
  const [recovered] = await stalls(around(kept)).recover();
  assert.equal((await rejectionOf(recovered.result())).code, "ERR_BLAZEN_STALLED");
});

/** A SqliteStore with a run that sleeps in it for an hour, where nobody works on it any more. */
async function storeWithASleeper(options) {
  const path = newFile();
  const before = SqliteStore.open(path);
  const workflow = (store, more) =>
    new Workflow("sleeper", { store, ...more })
      .addStep("first", [START], SEND_LATER, options)
      .addStep("last", ["Last"], () => stop());
  await workflow(before).runWithHandler();
  while (!isAsleep((await before.runs()).runs[0])) await turn();
  await before.close();
  return { store: SqliteStore.open(path), workflow };
}

const SEND_LATER = async (_event, ctx) => ctx.sendEvent({ type: "Last" }, { delayMs: HOUR_MS });
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("a store that is closed lets go of a run", () => {
  test("that sleeps in it", async () => {
    const { store, workflow } = await storeWithASleeper();
    const others = timers();
    const [handler] = await workflow(store).recover();
    assert.equal(timers(), others + 1);
    await store.close();
    assert.equal(timers(), others);
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_STORE_CLOSED");
  });

  test("that is just being found", async () => {
    const { store, workflow } = await storeWithASleeper();
    const others = timers();
    const recovering = workflow(store).recover();
    await store.close();
    const result = recovering.then(([handler]) => handler.result());
    assert.equal((await rejectionOf(result)).code, "ERR_BLAZEN_STORE_CLOSED");
    assert.equal(timers(), others);
  });

  test("that could not be ended before", async () => {
    const { store, workflow } = await storeWithASleeper({ compensate: () => {} });
    const wf = workflow(store, { version: "2", migrate: () => void store.close() });
    const [handler] = await wf.recover();
    assert.equal((await rejectionOf(wf.cancel(handler.runId))).code, "ERR_BLAZEN_STORE_CLOSED");
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_STORE_CLOSED");
    await store.close();
  });
});

test("a run that ends while it is looked for is not taken for one that sleeps", async () => {
  const store = new MemoryStore();
  const wf = new Workflow("sleeper", { store })
    .addStep("first", [START], SEND_LATER)
    .addStep("last", ["Last"], () => stop());
  const { runId } = await wf.runWithHandler();
  while (!isAsleep((await store.runs()).runs[0])) await turn();
  const others = timers();
  const recovering = wf.recover();
  assert.equal(await wf.cancel(runId), true);
  for (const handler of await recovering) {
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_ABORTED");
  }
  assert.ok(timers() < others);
});

test("a run that sleeps wakes by the clock that it is written with, whatever `Date` says", async () => {
  const sleeping = SLEEPING["for a delayed event"];
  const { kept } = await asleep(sleeping);
  const { store } = await nextProcess(kept, 100);
  const { now } = Date;
  Date.now = () => 0;
  try {
    const [handler] = await sleeper(store, sleeping, HOUR_MS, () => stop("woken")).recover();
    assert.equal((await handler.result()).data, "woken");
  } finally {
    Date.now = now;
  }
});
