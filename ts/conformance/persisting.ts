// What a store is after it was closed and opened again.

import { after, full, queued, runId, settled } from "./samples.js";
import { type Checks, expect } from "./store_under_test.js";

export const PERSISTING: Checks = {
  "what was taken is there when the store is opened again": async (store) => {
    const commit = full(1);
    await store.takes(commit, full(2, { status: "completed", result: "1" }));
    await store.reopen();
    const state = commit.written.map(({ key, place, after }) => ({ key, place, value: after ?? "" }));
    await store.has(runId(1), { version: 1, pending: commit.queued, waits: commit.opened, state }, " after reopening");
    await store.has(runId(2), { version: 1, status: "completed", result: "1", state }, " after reopening");
    await store.answers([commit], [1]);
    await store.takes(after(commit, { settled: settled(1), queued: [queued(3, "ship")], lastDelivery: 3 }), full(3));
    await store.reopen();
    const pending = [...commit.queued.slice(1), queued(3, "ship")];
    await store.has(runId(1), { version: 2, pending, waits: commit.opened, state }, " after reopening once more");
    const runs = await store.pages({ order: "newest-first", limit: 2 });
    expect("The pages of 2, newest first, after reopening", runs, [[3, 2].map(runId), [runId(1)]]);
  },
};
