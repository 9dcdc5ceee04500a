// What a store is after it was closed and opened again.

import { after, first, full, queued, runId, settled } from "./samples.js";
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

  "a stream is there when the store is opened again": async (store) => {
    if (!store.keepsStreams) return;
    const commit = first(1, { streamed: ['{"n":0}', '{"n":1}'] });
    await store.takes(commit);
    await store.reopen();
    await store.hasStream(runId(1), commit.streamed, " after reopening");
    await store.takes(after(commit, { streamed: ['{"n":2}'] }));
    await store.reopen();
    await store.hasStream(runId(1), [...commit.streamed, '{"n":2}'], " after reopening once more");
  },
};
