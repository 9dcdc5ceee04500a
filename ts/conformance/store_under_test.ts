// A store, as the suite calls it: what it answers must be what was promised.

import type { CheckpointQuery, CheckpointStore, CheckpointSummary } from "../checkpoint_store.js";
import { summary } from "../describe.js";
import type { CheckpointedRun, RunCommit } from "../run_commit.js";
import { difference, told, type Whole } from "./difference.js";

/** Checks one promise on a new store. */
export type Check = (store: StoreUnderTest) => Promise<void>;
/** Checks by what they check. */
export type Checks = Record<string, Check>;

/** What a promise is broken by. Test runners show `expected` and `actual`. */
export class BrokenPromise extends Error {
  constructor(
    what: string,
    readonly expected: unknown,
    readonly actual: unknown,
  ) {
    super(`${what}\n  expected: ${told(expected)}\n  found:    ${told(actual)}`);
    this.name = "BrokenPromise";
  }
}

/** @throws BrokenPromise */
export function expect(what: string, found: unknown, expected: unknown): void {
  const differs = difference(found, expected);
  if (differs === undefined) return;
  const { path } = differs;
  throw new BrokenPromise(path === "" ? what : `${what}, at ${path}`, differs.expected, differs.found);
}

/** A page as it must look. */
export interface Page {
  readonly runs: readonly CheckpointSummary[];
  readonly next: number | undefined;
}

const EVERYTHING: CheckpointQuery = { order: "oldest-first", limit: 1_000 };

export class StoreUnderTest {
  #store: CheckpointStore;
  readonly #reopen: (() => Promise<CheckpointStore>) | undefined;

  constructor(store: CheckpointStore, reopen: (() => Promise<CheckpointStore>) | undefined) {
    this.#store = store;
    this.#reopen = reopen;
  }

  /** Commits that must be taken, all of them. */
  async takes(...commits: RunCommit[]): Promise<void> {
    await this.answers(
      commits,
      commits.map(() => null),
    );
  }

  /** Commits, and for each the version that is stored if it must be refused. */
  async answers(commits: readonly RunCommit[], storedVersions: readonly (number | null)[]): Promise<void> {
    // Copied: a store may keep what it is given, and change it.
    const answer = await this.#call("commit", () => this.#store.commit(commits.map(copy)));
    if (answer !== undefined && !Array.isArray(answer)) {
      throw new BrokenPromise("What commit() resolves to.", "nothing, or a list", answer);
    }
    if (answer !== undefined) expect("The length of the list that commit() resolves to", answer.length, commits.length);
    for (const [at, { runId, version }] of commits.entries()) {
      const what = `What became of commit ${at + 1} of ${commits.length}, version ${version} of run ${runId}`;
      expect(what, outcome(answer?.[at]), outcome(refusal(storedVersions[at])));
    }
  }

  /** A run, of which the fields must be so. */
  async has(runId: string, fields: Partial<Whole<CheckpointedRun>>, when = ""): Promise<void> {
    const run = await this.load(runId);
    if (run === null) throw new BrokenPromise(`What load() resolves to${when}.`, `the run ${runId}`, null);
    expect(`What load() gives${when}`, run, fields);
  }

  async lacks(runId: string): Promise<void> {
    expect("What load() resolves to for a run that is not there", await this.load(runId), null);
  }

  /** A run whose stream must be so, from its beginning on; null if there must be no such run. */
  async hasStream(runId: string, events: readonly string[] | null, when = ""): Promise<void> {
    const found: string[] = [];
    for (;;) {
      const page = await this.stream(runId, found.length, EVERYTHING.limit);
      if (page === null) {
        expect(`What stream() gives${when}`, page, events);
        return;
      }
      if (page.length === 0) break;
      found.push(...page);
    }
    expect(`What stream() gives${when}`, found, events);
  }

  async stream(runId: string, from: number, limit: number): Promise<readonly string[] | null> {
    const events = await this.#call("stream", async () => this.#store.stream?.(runId, from, limit) ?? null);
    if (events !== null && !Array.isArray(events)) {
      throw new BrokenPromise("What stream() resolves to.", "a list, or null", events);
    }
    if (events !== null && events.length > limit) {
      throw new BrokenPromise(`How many events stream(runId, ${from}, ${limit}) gives.`, limit, events.length);
    }
    return events;
  }

  /** Whether the store keeps streams. */
  get keepsStreams(): boolean {
    return typeof this.#store.stream === "function";
  }

  load(runId: string): Promise<CheckpointedRun | null> {
    return this.#call("load", () => this.#store.load(runId));
  }

  async page(query: Partial<CheckpointQuery> = {}): Promise<Page> {
    const whole = { ...EVERYTHING, ...query };
    const page = await this.#call("runs", () => this.#store.runs({ ...whole }));
    if (typeof page !== "object" || page === null || !Array.isArray(page.runs)) {
      throw new BrokenPromise(`What ${inWords(whole)} resolves to.`, "an object with a list of runs", page);
    }
    const { runs, next } = page;
    if (runs.length > whole.limit) {
      throw new BrokenPromise(`How many runs ${inWords(whole)} gives.`, `at most ${whole.limit}`, runs.length);
    }
    if (next !== undefined && !Number.isSafeInteger(next)) {
      throw new BrokenPromise(`The next of ${inWords(whole)}.`, "a whole number, or nothing", next);
    }
    return { runs, next };
  }

  /** The ids of the runs of each page of a query, up to one that has none after it. */
  async pages(query: Partial<CheckpointQuery>): Promise<string[][]> {
    const pages: string[][] = [];
    let after: number | undefined;
    do {
      const { runs, next } = await this.page(after === undefined ? query : { ...query, after });
      pages.push(runs.map(({ runId }) => runId));
      // One that leads back would lead on for ever.
      if (next !== undefined && (runs.length === 0 || next === after || pages.length > EVERYTHING.limit)) {
        throw new BrokenPromise(`The next of ${inWords({ ...EVERYTHING, ...query })}.`, "a page further on", next);
      }
      after = next;
    } while (after !== undefined);
    return pages;
  }

  /** Whether the store can be opened again. */
  get persists(): boolean {
    return this.#reopen !== undefined;
  }

  async reopen(): Promise<void> {
    if (this.#reopen !== undefined) this.#store = await this.#reopen();
  }

  async #call<Answer>(method: string, call: () => Promise<Answer>): Promise<Answer> {
    try {
      return await call();
    } catch (error) {
      throw new BrokenPromise(`What becomes of ${method}().`, "that it resolves", `an error: ${summary(error)}`);
    }
  }
}

/** A query as one would write it. */
export function inWords(query: CheckpointQuery): string {
  return `runs(${told(query)})`;
}

function refusal(storedVersion: number | null | undefined): { storedVersion: number } | null {
  return storedVersion == null ? null : { storedVersion };
}

function outcome(answer: unknown): unknown {
  if (answer === null || answer === undefined) return "taken";
  const { storedVersion } = answer as { storedVersion?: unknown };
  return typeof storedVersion === "number" ? `refused, with storedVersion ${storedVersion}` : answer;
}

function copy<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Buffer.isBuffer(value)) return Buffer.from(value) as Value;
  if (Array.isArray(value)) return value.map(copy) as Value;
  return Object.fromEntries(Object.entries(value).map(([field, inside]) => [field, copy(inside)])) as Value;
}
