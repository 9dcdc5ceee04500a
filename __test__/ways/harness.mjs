// One story told in every way that a run can be in: in memory, in a store, paused and resumed elsewhere, and lost in
// mid-flight and recovered. What holds in one way holds in all.

import assert from "node:assert/strict";
import { SqliteStore } from "blazen";
import { gate, newFile, test, turn } from "../stores/harness.mjs";

/**
 * @param title what the story shows
 * @param story
 *   build    `({ store, pass }) => Workflow`; is called anew wherever the run goes on. A handler calls `pass()` where the
 *            run is to be interrupted, in the ways that interrupt it. Then the run must come to rest by itself, unless
 *            it is `restless`.
 *   input    of the run
 *   expect   the result of the run, in every way
 */
export function inEveryWay(title, { build, input, expect, restless = false }) {
  for (const [way, tell] of Object.entries(WAYS)) {
    test(`${title}, ${way}`, async () => assert.deepEqual(await tell(build, input, restless), expect));
  }
}

const WAYS = {
  "in memory": async (build, input) => (await build({ pass() {} }).run(input)).data,

  "in a store": async (build, input) => {
    const store = SqliteStore.open(newFile());
    const { data } = await build({ store, pass() {} }).run(input);
    await store.close();
    return data;
  },

  "paused and resumed elsewhere": async (build, input) => {
    const { open: pass, opened: passed } = gate();
    const handler = await build({ pass }).runWithHandler(input);
    await passed;
    const snapshot = await handler.pause();
    const resumed = await build({ pass() {} }).resume(snapshot);
    return (await resumed.result()).data;
  },

  "lost and recovered": async (build, input, restless) => {
    const path = newFile();
    const { open: pass, opened: passed } = gate();
    const before = SqliteStore.open(path);
    const { runId } = await build({ store: before, pass }).runWithHandler(input);
    await passed;
    if (!restless) await atRest(before, runId);
    await before.close();
    const store = SqliteStore.open(path);
    const [handler] = await build({ store, pass() {} }).recover();
    assert.equal(handler.runId, runId);
    const { data } = await handler.result();
    await store.close();
    return data;
  },
};

/** Resolves when what is pending of a run only sleeps, or waits for others. */
export async function atRest(store, runId) {
  for (;;) {
    const { pending } = await store.run(runId);
    if (pending.every(({ due, held }) => due !== undefined || held !== undefined)) return pending;
    await turn();
  }
}
