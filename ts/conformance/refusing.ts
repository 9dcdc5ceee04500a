// Which commits are taken, and what becomes of those that are not.

import type { RunCommit } from "../run_commit.js";
import { after, first, full, queued, runId, set, settled } from "./samples.js";
import type { Checks } from "./store_under_test.js";

export const REFUSING: Checks = {
  "a run is created once": async (store) => {
    const commit = full(1);
    await store.takes(commit);
    await store.answers([first(1, { creates: "others" })], [1]);
    await store.takes(after(commit));
    await store.answers([first(1, { creates: "others" })], [2]);
    await store.has(runId(1), { workflow: "orders", version: 2, pending: commit.queued });
  },

  "only the next version is taken": async (store) => {
    const commit = first(1);
    const ofVersion = (version: number) => after(commit, { version });
    await store.answers([ofVersion(2)], [0]);
    await store.lacks(runId(1));
    await store.takes(commit);
    for (const version of [0, 3, Number.MAX_SAFE_INTEGER]) await store.answers([ofVersion(version)], [1]);
    await store.takes(ofVersion(2));
    await store.answers([ofVersion(2)], [2]);
    await store.has(runId(1), { version: 2 });
  },

  "a refused commit changes nothing, and the others are taken": async (store) => {
    const [one, other] = [full(1), full(2)];
    await store.takes(one, other);
    const late = after(one, {
      version: 7,
      replaces: true,
      settled: settled(1),
      closed: "approve",
      queued: [queued(9, "ship")],
      written: [set("n", 0, "9")],
      status: "completed",
      result: "0",
    });
    const third = full(3, { creates: "third" });
    await store.answers([late, after(other, { settled: settled(1) }), third], [1, null, null]);
    const state = one.written.map(({ key, place, after }) => ({ key, place, value: after ?? "" }));
    const before = {
      version: 1,
      status: "running",
      result: undefined,
      updatedAt: 1_000,
      finishedAt: undefined,
    } as const;
    await store.has(
      runId(1),
      { ...before, pending: one.queued, waits: one.opened, state },
      ", of a run whose commit was refused",
    );
    await store.has(runId(2), { version: 2, pending: other.queued.slice(1) }, ", of a run whose commit stood after it");
    await store.has(runId(3), { workflow: "third" }, ", of a run whose commit stood last");
    // One that stands last is refused alone as well.
    await store.answers([first(4), after(first(5))], [null, 0]);
    await store.has(runId(4), { version: 1 }, ", of a run whose commit stood before one that was refused");
    await store.lacks(runId(5));
  },

  "a batch can have many commits of one run": async (store) => {
    const commits: RunCommit[] = [first(1)];
    for (let delivery = 1; delivery < 100; delivery += 1) {
      const before = commits[delivery - 1] as RunCommit;
      const changes = { queued: [queued(delivery, "charge", `${delivery}`)], lastDelivery: delivery };
      commits.push(after(before, delivery > 1 ? { ...changes, settled: settled(delivery - 1) } : changes));
    }
    // One that is refused in the middle refuses those after it, whose versions then follow nothing.
    commits[60] = { ...(commits[60] as RunCommit), version: 1_000 };
    await store.answers(
      commits,
      commits.map((_, at) => (at < 60 ? null : 60)),
    );
    await store.has(runId(1), { version: 60, pending: [queued(59, "charge", "59")] });
  },

  "a batch can have commits of many runs": async (store) => {
    const commits = Array.from({ length: 300 }, (_, n) => full(n));
    await store.takes(...commits, ...commits.map((commit) => after(commit, { settled: settled(1) })));
    for (const n of [0, 149, 150, 299]) {
      await store.has(runId(n), { version: 2, pending: full(n).queued.slice(1) }, `, of run ${n + 1} of 300`);
    }
  },

  "a batch can be empty": async (store) => {
    await store.takes();
  },
};
