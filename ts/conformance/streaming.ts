// The streams of runs, for stores that keep them: whoever has no stream() holds these promises as well.

import type { RunCommit } from "../run_commit.js";
import { after, first, runId } from "./samples.js";
import { BrokenPromise, type Check, type Checks, expect, type StoreUnderTest } from "./store_under_test.js";

const TEXTS = [
  '{ "n" : 1e2 }',
  '{"b":1,"a":1.50}',
  '"\\u0000\\ud800\\/é"',
  '"\u{1F600}"',
  "null",
  `"${"é".repeat(2 ** 19)}"`,
];

/** Events that say where they stand. */
function events(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `{"n":${from + at}}`);
}

/** A check for a store that keeps streams. */
function ofStreams(check: Check): Check {
  return async (store) => {
    if (store.keepsStreams) await check(store);
  };
}

export const STREAMING: Checks = {
  "a stream comes in the order in which it was written": ofStreams(async (store) => {
    const one = first(1, { streamed: events(0, 2) });
    const silent = after(one);
    await store.takes(one, first(2, { streamed: events(0, 1) }), silent, after(silent, { streamed: events(2, 12) }));
    await store.takes(first(3));
    await store.hasStream(runId(1), events(0, 12));
    await store.hasStream(runId(2), events(0, 1), ", of a run that another one overtook");
    await store.hasStream(runId(3), [], ", of a run that has written nothing");
    expect("What stream() resolves to for a run that is not there", await store.stream(runId(4), 0, 10), null);
  }),

  "a stream is read from any offset, a page at a time": ofStreams(async (store) => {
    await store.takes(first(1, { streamed: events(0, 300) }), first(2, { streamed: events(0, 3) }));
    for (const [from, limit, to] of [
      [0, 1, 1],
      [0, 7, 7],
      [9, 2, 11],
      [255, 10, 265],
      [290, 100, 300],
      [299, 1, 300],
      [300, 10, 300],
    ] as const) {
      await readsTo(store, from, limit, to);
    }
    expect("What stream() gives far behind the end", await store.stream(runId(1), Number.MAX_SAFE_INTEGER, 10), []);
  }),

  "the events of a stream come back character by character": ofStreams(async (store) => {
    await store.takes(first(1, { streamed: TEXTS }));
    for (const [at, text] of TEXTS.entries()) {
      expect(`What stream() gives at offset ${at}`, await store.stream(runId(1), at, 1), [text]);
    }
  }),

  "a stream grows with the commits that are taken, and only then": ofStreams(async (store) => {
    const commit = first(1, { streamed: events(0, 1) });
    await store.takes(commit);
    const next = after(commit, { streamed: events(1, 2) });
    await store.answers([next, next, after(next, { streamed: events(2, 3) })], [null, 2, null]);
    await store.hasStream(runId(1), events(0, 3));
  }),

  "a stream outlasts what is replaced, and the end of its run": ofStreams(async (store) => {
    const commit = first(1, { streamed: events(0, 2) });
    const replacing = after(commit, { replaces: true, streamed: events(2, 3) });
    const end: RunCommit = after(replacing, { status: "failed", error: "{}", streamed: events(3, 4) });
    await store.takes(commit, replacing);
    await store.hasStream(runId(1), events(0, 3), ", when all else was replaced");
    await store.takes(end);
    await store.hasStream(runId(1), events(0, 4), ", of a run that has ended");
    const { error: _, ...again } = after(end, { status: "running", streamed: events(4, 5) });
    await store.takes(again);
    await store.hasStream(runId(1), events(0, 5), ", of a run that goes on after its end");
  }),

  "a run says how many events its stream has": ofStreams(async (store) => {
    const commit = first(1, { streamed: events(0, 2) });
    const replacing = after(commit, { replaces: true, streamed: events(2, 3) });
    await store.takes(commit, replacing, after(replacing), first(2));
    for (const [n, streamed] of [
      [1, 3],
      [2, 0],
    ] as const) {
      const run = await store.load(runId(n));
      expect(`How many events load() says that run ${n} has streamed`, run?.streamed ?? 0, streamed);
    }
  }),
};

/** Pages may be smaller than the limit, so they are read on as a reader would. */
async function readsTo(store: StoreUnderTest, from: number, limit: number, to: number): Promise<void> {
  const what = `What stream(runId, ${from}, ${limit}) gives`;
  const page = await store.stream(runId(1), from, limit);
  if (page === null) throw new BrokenPromise(`${what}.`, "a list", page);
  if (page.length === 0 && to > from) throw new BrokenPromise(`${what}.`, "at least one event", page);
  expect(what, page, events(from, page.length < to - from ? from + page.length : to));
}
