// Children that rest in a store when their process is lost: they end with their parents, whenever those end.

import assert from "node:assert/strict";
import { SqliteStore, Workflow } from "blazen";
import { newFile, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";

const never = () => new Promise(() => {});

/** Ways in which a child rests after its first step, which can be undone. */
const RESTING = {
  "that sleeps": {
    rests: ({ wakesAt }) => wakesAt !== undefined,
    first: async (_event, ctx) => ctx.sendEvent({ type: "Later" }, { delayMs: 3_600_000 }),
  },
  "that waits": { rests: ({ waiting }) => waiting, first: (_event, ctx) => ctx.expectEvent("Later") },
};

const resting = (store, first, options) =>
  new Workflow("child", { store })
    .addStep("only", [START], first, options)
    .addStep("later", ["Later"], () => assert.fail("it was called"));

/** A parent that was at work when its process was lost, and its child, which was at rest until long after. */
async function lostAtRest(path, { rests, first }) {
  const store = SqliteStore.open(path);
  const child = resting(store, first, { compensate: () => {} });
  const parent = new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) =>
    stop((await ctx.runWorkflow(child)).data),
  );
  const { runId: parentId } = await parent.runWithHandler();
  let atRest;
  while (atRest === undefined) atRest = (await store.runs({ workflow: "child" })).runs.find(rests);
  await store.close();
  return { parentId, childId: atRest.runId };
}

for (const [what, way] of Object.entries(RESTING)) {
  for (const [how, order] of Object.entries({
    "before its workflow recovers": ["cancel", "recover"],
    afterwards: ["recover", "cancel"],
  })) {
    test(`a child ${what} is undone with a parent that is cancelled in the store ${how}`, async () => {
      const path = newFile();
      const { parentId, childId } = await lostAtRest(path, way);
      const store = SqliteStore.open(path);
      const undone = [];
      const child = resting(store, never, { compensate: () => void undone.push("only") });
      const parent = new Workflow("parent", { store }).addStep("only", [START], never);
      const doing = { cancel: () => parent.cancel(parentId), recover: () => child.recover() };
      const done = {};
      for (const what of order) done[what] = await doing[what]();
      assert.equal(done.cancel, true);
      const [ofChild] = done.recover;
      const failure = await rejectionOf(ofChild.result());
      assert.deepEqual([failure.code, ofChild.runId, undone], ["ERR_BLAZEN_ABORTED", childId, ["only"]]);
      assert.equal((await store.run(childId)).status, "cancelled");
      await store.close();
    });

    test(`a child ${what} and cannot be undone says so if its parent is cancelled ${how}`, async () => {
      const path = newFile();
      const { parentId, childId } = await lostAtRest(path, way);
      const store = SqliteStore.open(path);
      const child = resting(store, never);
      const parent = new Workflow("parent", { store }).addStep("only", [START], never);
      const doing = { cancel: () => parent.cancel(parentId), recover: () => child.recover() };
      const done = {};
      for (const what of order) done[what] = await doing[what]();
      assert.equal((await rejectionOf(done.recover[0].result())).code, "ERR_BLAZEN_RUN_MISMATCH");
      assert.equal((await store.run(childId)).status, "running");
      await store.close();
    });
  }
}

test("children at rest end with a parent that ends while they are looked for, however many they are", async () => {
  const COUNT = 1_100; // more than are listed at once
  const path = newFile();
  const { rests, first } = RESTING["that waits"];
  const flows = (store) => {
    const child = resting(store, first);
    const parent = new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) => {
      await Promise.all(Array.from({ length: COUNT }, () => ctx.runWorkflow(child)));
    });
    return { parent, child };
  };
  const listed = async (store, status) => (await store.runs({ workflow: "child", status, limit: COUNT })).runs;
  const before = SqliteStore.open(path);
  const { runId } = await flows(before).parent.runWithHandler();
  while ((await listed(before, "running")).filter(rests).length < COUNT) await turn();
  await before.close();

  const store = SqliteStore.open(path);
  const { parent, child } = flows(store);
  const recovering = child.recover();
  assert.equal(await parent.cancel(runId), true);
  const results = (await recovering).map((handler) => rejectionOf(handler.result()));
  for (const { code } of await Promise.all(results)) assert.equal(code, "ERR_BLAZEN_ABORTED");
  assert.equal((await listed(store, "cancelled")).length, COUNT);
  await store.close();
});
