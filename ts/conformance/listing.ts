// Looking for runs.

import type { CheckpointQuery } from "../checkpoint_store.js";
import type { RunCommit } from "../run_commit.js";
import { RUN_STATUSES, type RunStatus } from "../run_status.js";
import { after, first, runId } from "./samples.js";
import { type Checks, expect, inWords } from "./store_under_test.js";

const status = (n: number) => RUN_STATUSES[n % RUN_STATUSES.length] as RunStatus;
const workflow = (n: number) => (n % 3 === 0 ? "orders" : "refunds");
/** Ids that do not rise: it is the store's own order that counts. */
const id = (n: number) => (97 * n) % 101;
const ORDERS = ["oldest-first", "newest-first"] as const;

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

  "a run is listed as it rests with its last commit": async (store) => {
    const rests = async (...expected: Partial<RunCommit>[]) => {
      const found = (await store.page()).runs.map(({ runId, waiting, wakesAt }) => ({ runId, waiting, wakesAt }));
      const whole = expected.map(({ waiting = false, wakesAt }, at) => ({ runId: runId(at + 1), waiting, wakesAt }));
      expect("The runs of runs()", found, whole);
    };
    const commits = [{}, { waiting: true }, { wakesAt: 70 }, { wakesAt: -40 }].map((rest, at) => first(at + 1, rest));
    await store.takes(...commits);
    await rests({}, { waiting: true }, { wakesAt: 70 }, { wakesAt: -40 });
    const later = [{ wakesAt: 0 }, {}, { waiting: true }, { wakesAt: 50 }];
    await store.takes(...commits.map((commit, at) => after(commit, later[at])));
    await rests(...later);
  },

  "a summary says what the run says": async (store) => {
    const parent = { runId: runId(9), depth: 3 };
    const goesOn = first(1, { at: 500, parent });
    const fails = first(2, { creates: "refunds" });
    await store.takes(goesOn, fails, after(fails, { status: "failed", error: "{}" }));
    const { runs } = await store.page();
    const going = { runId: runId(1), workflow: "orders", parent, status: "running", waiting: false };
    const failed = { runId: runId(2), workflow: "refunds", parent: undefined, status: "failed", waiting: false };
    const wakesAt = undefined;
    expect("The runs of runs()", runs, [
      { ...going, wakesAt, createdAt: 500, updatedAt: 500, finishedAt: undefined },
      { ...failed, wakesAt, createdAt: 1_000, updatedAt: 1_010, finishedAt: 1_010 },
    ]);
  },
};
