// What is left of a run that has ended.

import { after, ENDS, first, full, opened, queued, runId, set } from "./samples.js";
import type { Checks } from "./store_under_test.js";

const NOTHING = { pending: [], waits: [] };

export const ENDING: Checks = {
  "an ended run has nothing pending and nothing open": async (store) => {
    for (const [n, end] of ENDS.entries()) {
      const commit = full(n);
      await store.takes(commit, after(commit, { ...end, queued: [queued(9, "ship")], opened: [opened("late")] }));
      await store.has(runId(n), NOTHING, ` of a run that was ${end.status}`);
    }
    await store.takes(full(9, { status: "completed" }));
    await store.has(runId(9), { ...NOTHING, finishedAt: 1_000 }, " of a run that ended with its first commit");
  },

  "an ended run keeps its state and how it ended": async (store) => {
    for (const [n, end] of ENDS.entries()) {
      const commit = full(n);
      await store.takes(commit, after(commit, { ...end, written: [set("last", 5, "true")] }));
      await store.has(runId(n), {
        status: end.status,
        result: end.result,
        error: end.error,
        finishedAt: 1_010,
        updatedAt: 1_010,
        state: [
          { key: "n", place: 0, value: '{ "n" : 1e2 }' },
          { key: "blob", place: 1, value: Buffer.from([0, 255, 10]) },
          { key: "last", place: 5, value: "true" },
        ],
      });
    }
  },

  "a run that goes on after its end is unfinished again": async (store) => {
    const commit = first(1, { status: "failed", error: "{}" });
    const note = after(commit, { written: [set("note", 0, "1")] });
    await store.takes(commit, note);
    await store.has(runId(1), { finishedAt: 1_000 }, " after a commit to a run that has ended");
    const { error: _, ...retried } = after(note, { status: "running", queued: [queued(1)] });
    await store.takes(retried);
    await store.has(runId(1), { status: "running", error: undefined, finishedAt: undefined, pending: [queued(1)] });
  },
};
