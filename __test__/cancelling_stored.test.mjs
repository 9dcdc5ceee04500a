// Runs that nobody works on when they are cancelled: after a crash, a close, a change of the code.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import { ask, NOBODY, newFile, one, RESPONSE, ROOT, START, test, turn } from "./stores/harness.mjs";

const REASON = { by: "the customer" };
const CANCELLED = { code: "ERR_BLAZEN_ABORTED", cause: REASON };
const never = () => new Promise(() => {});
const unwanted = () => assert.fail("a handler was called");

/** A workflow that goes where its input says; `handler` is that of every step but the first. */
const many = (store, handler, options) =>
  new Workflow("many", { store, ...options })
    .addStep("begin", [START], async ({ to }, ctx) => {
      await ctx.set("kept", 1);
      if (to === "ask") return ask("question");
      if (to === "collect") return [{ type: "Item" }, { type: "Work" }];
      if (to === "work") return { type: "Work" };
      await ctx.sendEvent({ type: "Work" }, { delayMs: 3_600_000 });
      return null;
    })
    .addStep("work", ["Work"], handler)
    .addStep("answer", [RESPONSE], handler)
    .addStep("gather", ["Item"], (event, ctx) => {
      if (ctx.attempt > 1) unwanted();
      ctx.collectEvents(event, ["Item", "Item"]);
    });

/** Whether a run has come to where it stays. */
const isThere = ({ pending }) =>
  pending.every(({ step, held }) => step !== "begin" && (step !== "gather" || held !== undefined));

/** The ids of runs, one in each state, of a store that was closed under them; and the store, open again. */
async function lost() {
  const path = newFile();
  const before = SqliteStore.open(path);
  const runs = {};
  for (const to of ["work", "ask", "sleep", "collect", "pause"]) {
    const { runId } = await many(before, never).runWithHandler({ to: to === "pause" ? "ask" : to });
    runs[to] = runId;
    while (!isThere(await before.run(runId))) await turn();
  }
  await (await many(before, never).attach(runs.pause)).pause();
  await before.close();
  return { path, runs, store: SqliteStore.open(path) };
}

async function assertCancelled(store, runId) {
  const { status, pending, inputRequests, error } = await store.run(runId);
  assert.deepEqual([status, pending, inputRequests], ["cancelled", [], []]);
  assert.deepEqual({ code: error.code, cause: error.cause }, CANCELLED);
}

/** Nothing of the runs is done by whoever opens the store next. */
async function assertOver(path, runIds) {
  const store = SqliteStore.open(path);
  const wf = many(store, unwanted);
  assert.deepEqual(await wf.recover(), []);
  for (const runId of runIds) {
    await assertCancelled(store, runId);
    await assert.rejects((await wf.attach(runId)).result(), CANCELLED);
  }
  await store.close();
}

describe("a run that was lost with its process", () => {
  for (const durability of ["sync", "async", "exit"]) {
    test(`is cancelled in any state without a handler being called, with the durability ${durability}`, async () => {
      const { path, runs, store } = await lost();
      const wf = many(store, unwanted, { durability });
      for (const runId of Object.values(runs)) {
        assert.deepEqual(await Promise.all([wf.cancel(runId, REASON), wf.cancel(runId)]), [true, false]);
        await assertCancelled(store, runId);
        assert.equal((await store.run(runId)).state.get("kept"), 1);
      }
      await store.close();
      await assertOver(path, Object.values(runs));
    });
  }

  test("is cancelled although the code that it needs is gone", async () => {
    const { path, runs, store } = await lost();
    const wf = new Workflow("many", { store }).addStep("other", [START], unwanted);
    for (const runId of Object.values(runs)) {
      await assert.rejects(wf.attach(runId), { code: "ERR_BLAZEN_RUN_MISMATCH" });
      assert.equal(await wf.cancel(runId, REASON), true);
    }
    await store.close();
    await assertOver(path, Object.values(runs));
  });

  test("is cancelled as many times as it is asked for, and once", async () => {
    const { runs, store } = await lost();
    const calls = Array.from({ length: 20 }, () => many(store, unwanted).cancel(runs.work, REASON));
    assert.equal((await Promise.all(calls)).filter(Boolean).length, 1);
    await assertCancelled(store, runs.work);
  });

  test("and whose handler recover() has given hears that it was cancelled", async () => {
    const { runs, store } = await lost();
    const wf = many(store, never);
    const handlers = new Map((await wf.recover()).map((handler) => [handler.runId, handler]));
    assert.deepEqual([...handlers.keys()].sort(), [runs.work, runs.ask, runs.sleep, runs.collect].sort());
    for (const [runId, handler] of handlers) {
      assert.equal(await wf.cancel(runId, REASON), true);
      await assert.rejects(handler.result(), CANCELLED);
      const read = [];
      for await (const event of handler) read.push(event);
      assert.deepEqual(read, []);
    }
  });

  test("is ended by abort() of the handler that recover() has given, also if the code that it needs is gone", async () => {
    const { runs, store } = await lost();
    const wf = new Workflow("many", { store })
      .addStep("other", [START], unwanted)
      .addStep("work", ["Work"], never)
      .addStep("gather", ["Item"], never);
    const waiting = (await wf.recover()).find(({ runId }) => runId === runs.ask);
    await waiting.abort(REASON);
    await assert.rejects(waiting.result(), CANCELLED);
    await assertCancelled(store, runs.ask);
    await store.close();
  });

  test("is cancelled while it is being taken up", async () => {
    for (const takeUp of [
      (wf, runId) => ({ taken: wf.attach(runId) }),
      (wf, runId) => ({ taken: wf.runWithHandler({}, { runId }) }),
      async (wf, runId) => ({ taken: (await wf.recover()).find((handler) => handler.runId === runId) }),
    ]) {
      const { runs, store } = await lost();
      const wf = many(store, never);
      const { taken } = await takeUp(wf, runs.work);
      assert.equal(await wf.cancel(runs.work, REASON), true);
      await assert.rejects((await taken).result(), CANCELLED);
      await assertCancelled(store, runs.work);
      await store.close();
    }
  });

  test("is given as cancelled to who looks for it while it is being cancelled", async () => {
    const { runs, store } = await lost();
    const wf = many(store, unwanted);
    const cancelled = wf.cancel(runs.work, REASON);
    const handler = await wf.attach(runs.work);
    await assert.rejects(handler.result(), CANCELLED);
    assert.equal(await cancelled, true);
  });
});

describe("cancel() of a stored run", () => {
  test("says that there is none, that it is another workflow's, and what is wrong with the store", async () => {
    const { path, runs, store } = await lost();
    const wf = many(store, unwanted);
    await assert.rejects(wf.cancel(NOBODY), { code: "ERR_BLAZEN_UNKNOWN_RUN" });
    await assert.rejects(one(store, unwanted).cancel(runs.work), { code: "ERR_BLAZEN_RUN_MISMATCH" });
    assert.equal((await store.run(runs.work)).status, "running");

    const looking = SqliteStore.open(path, { readOnly: true });
    await assert.rejects(many(looking, unwanted).cancel(runs.work), { code: "ERR_BLAZEN_STORE_READ_ONLY" });
    assert.equal((await looking.run(runs.work)).status, "running");
    await looking.close();

    assert.equal(await wf.cancel(runs.ask), true);
    await store.close();
    for (const runId of Object.values(runs)) {
      await assert.rejects(wf.cancel(runId), { code: "ERR_BLAZEN_STORE_CLOSED" });
    }
  });

  test("is done or not done, and says so, when the store is closed meanwhile", async () => {
    const { path, runs, store } = await lost();
    const wf = many(store, unwanted);
    const calls = Object.values(runs).map(async (runId) => [
      runId,
      await wf.cancel(runId, REASON).catch(({ code }) => code),
    ]);
    await store.close();
    const again = SqliteStore.open(path);
    for (const [runId, said] of await Promise.all(calls)) {
      const { status } = await again.run(runId);
      assert.equal(said, status === "cancelled" ? true : "ERR_BLAZEN_STORE_CLOSED");
    }
  });
});

describe("a process that is killed", () => {
  const script = (path, body) => {
    const source = `
      import { SqliteStore, Workflow } from "blazen";
      const store = SqliteStore.open(process.argv.at(-1));
      const wf = new Workflow("many", { store }).addStep("begin", ["blazen::StartEvent"], () => ({ type: "Work" }))
        .addStep("work", ["Work"], () => { called(); return new Promise(() => {}); });
      let called;
      const whenCalled = new Promise((resolve) => { called = resolve; });
      const handler = await wf.runWithHandler();
      await whenCalled;
      process.stdin.resume();
      ${body}
      console.log(handler.runId);
    `;
    return spawn(process.execPath, ["--input-type=module", "-e", source, path], {
      cwd: ROOT,
      timeout: 60_000,
      stdio: ["pipe", "pipe", "inherit"],
    });
  };

  async function killed(path, body) {
    const child = script(path, body);
    child.stdout.setEncoding("utf8");
    const ended = once(child, "close");
    const [runId] = await Promise.race([once(child.stdout, "data"), ended.then(() => assert.fail("it ended"))]);
    child.kill("SIGKILL");
    await ended;
    return runId.trim();
  }

  test("leaves a run cancelled when it was told that it was", async () => {
    const path = newFile();
    const runId = await killed(path, `await wf.cancel(handler.runId, ${JSON.stringify(REASON)});`);
    await assertOver(path, [runId]);
  });

  test("leaves a run that is cancelled by the next, and not done by the one after that", async () => {
    const path = newFile();
    const runId = await killed(path, "");
    const store = SqliteStore.open(path);
    assert.equal(await many(store, unwanted).cancel(runId, REASON), true);
    await store.close();
    await assertOver(path, [runId]);
  });
});
