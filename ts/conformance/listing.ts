// Looking for runs.

import type { CheckpointQuery } from "../checkpoint_store.js";
import { RUN_STATUSES, type RunStatus } from "../run_status.js";
import { after, first, opened, queued, runId, settled } from "./samples.js";
import { type Checks, expect, inWords, type StoreUnderTest } from "./store_under_test.js";

const status = (n: number) => RUN_STATUSES[n % RUN_STATUSES.length] as RunStatus;
const workflow = (n: number) => (n % 3 === 0 ? "orders" : "refunds");
/** Ids that do not rise: it is the store's own order that counts. */
const id = (n: number) => (97 * n) % 101;
const ORDERS = ["oldest-first", "newest-first"] as const;

async function expectWaking(store: StoreUnderTest, times: (number | undefined)[]): Promise<void> {
  const found = (await store.page()).runs.map(({ runId, waiting, wakesAt }) => ({ runId, waiting, wakesAt }));
  const expected = times.map((wakesAt, at) => ({ runId: runId(at + 1), waiting: false, wakesAt }));
  expect("The runs of runs()", found, expected);
}

async function waitingOnes(store: StoreUnderTest): Promise<string[]> {
  return (await store.page()).runs.filter(({ waiting }) => waiting).map(({ runId }) => runId);
}

export const LISTING: Checks = {
  "runs are found by workflow and status, in both orders": async (store) => {
    const all = Array.from({ length: 60 }, (_, n) => n);
    for (const n of all) {
      const commit = first(id(n), { creates: workflow(n) });
      const error = status(n) === "failed" || status(n) === "cancelled" ? { error: "{}" } : {};
      await store.takes(commit, after(commit, { status: status(n), ...error }));
    }
    for (const kind of [undefined, ...RUN_STATUSES]) {
      for (const name of [undefined, "orders", "refunds", "none"]) {
        for (const order of ORDERS) {
          const fit = all.filter(
            (n) => [workflow(n), undefined].includes(name) && [status(n), undefined].includes(kind),
          );
          const expected = (order === "oldest-first" ? fit : fit.reverse()).map((n) => runId(id(n)));
          const filter = { ...(name === undefined ? {} : { workflow: name }), ...(kind ? { status: kind } : {}) };
          for (const query of [
            { ...filter, order, limit: 1_000 },
            { ...filter, order, limit: 4 },
          ] satisfies CheckpointQuery[]) {
            expect(`The runs on all pages of ${inWords(query)}`, (await store.pages(query)).flat(), expected);
          }
        }
      }
    }
  },

  "pages meet without gaps, also while runs are added": async (store) => {
    const newest = { order: "newest-first", limit: 3 } as const;
    expect("The pages of a store with nothing in it", await store.pages(newest), [[]]);
    for (let n = 1; n <= 6; n += 1) await store.takes(first(n));
    const [late, early] = [[6, 5, 4].map(runId), [3, 2, 1].map(runId)];
    // A full last page has none after it.
    expect("The pages of 3 of 6 runs, newest first", await store.pages(newest), [late, early]);
    const { next } = await store.page(newest);
    if (next === undefined) return expect("The next of the first of two pages", next, "a number");
    await store.takes(first(7));
    const rest = await store.page({ ...newest, after: next });
    expect(
      "The second page, newest first, after a run was added",
      rest.runs.map((run) => run.runId),
      early,
    );
    expect("The next of the last page", rest.next, undefined);
    const oldest = { order: "oldest-first", limit: 5 } as const;
    const pages = [[1, 2, 3, 4, 5].map(runId), [6, 7].map(runId)];
    expect("The pages of 5 of 7 runs, oldest first", await store.pages(oldest), pages);
    const begun = await store.page(oldest);
    await store.takes(first(8));
    expect("The next of the first page of 5", typeof begun.next, "number");
    const grown = await store.page({ ...oldest, after: begun.next as number });
    expect(
      "The second page, oldest first, after a run was added",
      grown.runs.map((run) => run.runId),
      [6, 7, 8].map(runId),
    );
  },

  "a run that only something from outside moves is waiting": async (store) => {
    const works = first(1, { queued: [queued(1)], opened: [opened("approve")] });
    const waits = first(2, { opened: [opened("approve")] });
    const ended = first(3, { status: "completed", at: 0 });
    const paused = first(4, { status: "paused" });
    const expires = first(5, { opened: [opened("approve"), { ...opened("sign"), due: 0 }] });
    await store.takes(works, waits, ended, paused, expires);
    const found = (await store.page()).runs.map(({ runId, waiting }) => ({ runId, waiting }));
    const expected = [false, true, false, true, false].map((waiting, at) => ({ runId: runId(at + 1), waiting }));
    expect("The runs of runs()", found, expected);
  },

  "a run that has nothing to do before a time is listed with that": async (store) => {
    const due = (delivery: number, due: number) => ({ ...queued(delivery), due });
    const delayed = first(1, { queued: [due(1, 70), due(2, 50), due(3, 60)] });
    const expiresBefore = first(2, { queued: [due(1, 50)], opened: [{ ...opened("approve"), due: -40 }] });
    const works = first(3, { queued: [due(1, 50), queued(2)] });
    const paused = first(4, { status: "paused", queued: [due(1, 50)] });
    await store.takes(delayed, expiresBefore, works, paused);
    await expectWaking(store, [50, -40, undefined, undefined]);
    const received = after(delayed, { settled: settled(2) });
    const fails = after(works, { again: [{ delivery: 2, attempt: 2, sent: 0, due: 45 }] });
    await store.takes(received, fails);
    await expectWaking(store, [60, -40, 45, undefined]);
  },

  "what has settled moves no run, unless it is to be undone": async (store) => {
    const begun = first(1, { queued: [queued(1), queued(2)] });
    const charged = after(begun, { settled: settled(1), done: 1 });
    const collected = after(charged, { settled: settled(2), held: "set" });
    await store.takes(begun, charged, collected);
    expect("The runs of runs() that wait", await waitingOnes(store), [runId(1)]);
    await store.takes(after(collected, { ending: "{}" }));
    expect("The runs of runs() that wait, while one undoes what it has done", await waitingOnes(store), []);
    await expectWaking(store, [undefined]);
  },

  "a summary says what the run says": async (store) => {
    const parent = { runId: runId(9), depth: 3 };
    const goesOn = first(1, { at: 500, parent });
    const fails = first(2, { creates: "refunds" });
    await store.takes(goesOn, fails, after(fails, { status: "failed", error: "{}" }));
    const { runs } = await store.page();
    const going = { runId: runId(1), workflow: "orders", parent, status: "running", waiting: true };
    const failed = { runId: runId(2), workflow: "refunds", parent: undefined, status: "failed", waiting: false };
    const wakesAt = undefined;
    expect("The runs of runs()", runs, [
      { ...going, wakesAt, createdAt: 500, updatedAt: 500, finishedAt: undefined },
      { ...failed, wakesAt, createdAt: 1_000, updatedAt: 1_010, finishedAt: 1_010 },
    ]);
  },
};
