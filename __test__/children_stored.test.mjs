// What a store knows of children: whose they are, and what becomes of them when only their parents have ended.

import assert from "node:assert/strict";
import { SqliteStore, Workflow } from "blazen";
import { gate, newFile, rejectionOf, START, stop, test } from "./stores/harness.mjs";

const never = () => new Promise(() => {});

/** A parent and a child that were at work when their process was lost; `called` tells whether the child is called later. */
async function lost(path) {
  const store = SqliteStore.open(path);
  const begun = gate();
  const child = new Workflow("child", { store }).addStep("only", [START], async (_event, ctx) => {
    begun.open(await ctx.runId());
    await never();
  });
  const parent = new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) =>
    stop(await ctx.runWorkflow(child)),
  );
  const { runId: parentId } = await parent.runWithHandler();
  const childId = await begun.opened;
  await store.close();
  return { parentId, childId };
}

/** The same workflows in the next process, where the child would complete. */
function next(store) {
  let called = 0;
  const child = new Workflow("child", { store }).addStep("only", [START], () => {
    called += 1;
    return stop("done");
  });
  const parent = new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) =>
    stop((await ctx.runWorkflow(child)).data),
  );
  return { parent, child, called: () => called };
}

test("a stored child knows its parent", async () => {
  const path = newFile();
  const { parentId, childId } = await lost(path);
  const store = SqliteStore.open(path, { readOnly: true });
  assert.equal((await store.run(childId)).parent, parentId);
  assert.equal((await store.run(parentId)).parent, undefined);
  await store.close();
});

test("a child whose parent was cancelled where it was not known is cancelled when it is taken up", async () => {
  const path = newFile();
  const { parentId, childId } = await lost(path);
  const store = SqliteStore.open(path);
  const { parent, child, called } = next(store);
  assert.equal(await parent.cancel(parentId, "enough"), true);
  const [handler] = await child.recover();
  assert.equal(handler.runId, childId);
  const failure = await rejectionOf(handler.result());
  assert.equal(failure.code, "ERR_BLAZEN_ABORTED");
  assert.equal(failure.cause.code, "ERR_BLAZEN_RUN_ENDED");
  assert.equal((await store.run(childId)).status, "cancelled");
  assert.equal(called(), 0);
  await store.close();
});

test("a child whose parent goes on is taken up before it, and found by it", async () => {
  const path = newFile();
  await lost(path);
  const store = SqliteStore.open(path);
  const { parent, child, called } = next(store);
  const [ofChild] = await child.recover();
  assert.equal((await ofChild.result()).data, "done");
  const [handler] = await parent.recover();
  assert.equal((await handler.result()).data, "done");
  assert.equal(called(), 1);
  await store.close();
});

test("a child that has completed is not pruned before its parent has ended, and so not begun again", async () => {
  const path = newFile();
  const before = SqliteStore.open(path);
  const waits = gate();
  const child = (store, begun) =>
    new Workflow("child", { store }).addStep("only", [START], () => {
      begun();
      return stop("paid");
    });
  const parent = (store, charge, then) =>
    new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) => {
      const { data } = await ctx.runWorkflow(charge);
      await then();
      return stop(data);
    });
  const standingStill = parent(
    before,
    child(before, () => {}),
    () => {
      waits.open();
      return never();
    },
  );
  await standingStill.runWithHandler();
  await waits.opened;
  await before.close();
  const store = SqliteStore.open(path);
  const tomorrow = { finishedBefore: new Date(Date.now() + 24 * 3_600_000) };
  assert.equal(await store.prune(tomorrow), 0);
  const again = child(store, () => assert.fail("begun again"));
  const [handler] = await parent(store, again, () => {}).recover();
  assert.equal((await handler.result()).data, "paid");
  assert.equal(await store.prune(tomorrow), 2);
  await store.close();
});
