// In which order things come back.

import { after, first, opened, queued, runId, set, settled } from "./samples.js";
import type { Checks } from "./store_under_test.js";

export const ORDER: Checks = {
  "what is pending comes in the order of the deliveries": async (store) => {
    const commit = first(1, { queued: [queued(300), queued(2), queued(70_000)] });
    const more = after(commit, { queued: [queued(5, "audit"), queued(1_000)] });
    await store.takes(
      commit,
      more,
      after(more, { settled: settled(300), again: [{ delivery: 2, attempt: 2, sent: 0 }] }),
    );
    const again = { ...queued(2), attempt: 2 };
    await store.has(runId(1), { pending: [again, queued(5, "audit"), queued(1_000), queued(70_000)] });
  },

  "waits come in the order in which they were opened": async (store) => {
    const commit = first(1, { opened: ["z", "a", "m"].map(opened) });
    const other = first(2, { opened: [opened("z")] });
    await store.takes(commit, other, after(commit, { closed: "m", opened: ["b", "m"].map(opened) }));
    await store.has(runId(1), { waits: ["z", "a", "b", "m"].map(opened) });
  },

  "the state comes in the order of the places": async (store) => {
    const commit = first(1, { written: [set("z", 4, "1"), set("a", 9, "2"), set("m", 2, "3"), set("10", 100, "4")] });
    const more = after(commit, { written: [set("z", 4, "5"), set("b", 3, "6")] });
    await store.takes(commit, more);
    const state = [
      { key: "m", place: 2, value: "3" },
      { key: "b", place: 3, value: "6" },
      { key: "z", place: 4, value: "5" },
      { key: "a", place: 9, value: "2" },
      { key: "10", place: 100, value: "4" },
    ];
    await store.has(runId(1), { state });
    // A key that was taken out and set again stands elsewhere.
    await store.takes(after(more, { written: [set("m", 101, "7")] }));
    const moved = [...state.slice(1), { key: "m", place: 101, value: "7" }];
    await store.has(runId(1), { state: moved }, " after a key got another place");
  },
};
