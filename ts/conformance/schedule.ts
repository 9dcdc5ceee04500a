// A long random schedule, answered by the store and by the model.
//
// Runs are created, go on, are refused, end, and go on after their end; between batches the store is closed and opened
// again, if it can be. After every few batches all that both say is compared.

import type { CheckpointQuery } from "../checkpoint_store.js";
import type { RunCommit, WrittenKey } from "../run_commit.js";
import { Chance } from "./chance.js";
import { Model, type ModelRun, nothingYet } from "./model.js";
import { first, opened, queued, runId, settled } from "./samples.js";
import { BrokenPromise, type Checks, expect, inWords, type StoreUnderTest } from "./store_under_test.js";

const SEED = 1;
const BATCHES = 400;
const MOST_IN_A_BATCH = 12;
const RUNS = 30;
const KEYS = ["a", "", "\ud800", "\0", "__proto__", '"', "a\ud800", "10", "9"];

export const SCHEDULE: Checks = {
  "a long random schedule is answered as by the model": async (store) => {
    const schedule = new Schedule(SEED);
    for (let batch = 1; batch <= BATCHES; batch += 1) {
      try {
        await schedule.goOn(store, batch === BATCHES);
      } catch (error) {
        if (error instanceof BrokenPromise) error.message = `In batch ${batch}: ${error.message}`;
        throw error;
      }
    }
  },
};

class Schedule {
  readonly #chance: Chance;
  readonly #model = new Model();
  #now = 1_000;
  /** Waits are numbered: an id is not used twice. */
  #waits = 0;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  async goOn(store: StoreUnderTest, isLast: boolean): Promise<void> {
    const batch: RunCommit[] = [];
    const answers: (number | null)[] = [];
    for (let count = this.#chance.below(MOST_IN_A_BATCH); count >= 0; count -= 1) {
      const commit = this.#commit();
      batch.push(commit);
      answers.push(this.#model.take(commit));
    }
    await store.answers(batch, answers);
    if (store.persists && this.#chance.oneIn(40)) await store.reopen();
    if (isLast || this.#chance.oneIn(20)) await this.#compare(store);
  }

  async #compare(store: StoreUnderTest): Promise<void> {
    for (let n = 0; n < RUNS; n += 1) {
      const run = this.#model.runs.get(runId(n));
      if (run === undefined) await store.lacks(runId(n));
      else await store.has(run.runId, run, ` for run ${run.runId}`);
      if (store.keepsStreams) await store.hasStream(runId(n), this.#model.streams.get(runId(n)) ?? null);
    }
    for (const order of ["oldest-first", "newest-first"] as const) {
      const workflow = this.#chance.oneIn(2) ? { workflow: "orders" } : {};
      const status = this.#chance.oneIn(2) ? { status: "running" as const } : {};
      const query: CheckpointQuery = { order, limit: 1_000, ...workflow, ...status };
      const page = await store.page(query);
      expect(`What ${inWords(query)} gives`, page, { runs: this.#model.summaries(query), next: undefined });
    }
  }

  /** One commit, most often one that fits. */
  #commit(): RunCommit {
    const chance = this.#chance;
    this.#now += chance.below(3);
    const n = chance.below(RUNS);
    const known = this.#model.runs.get(runId(n));
    const creates = chance.oneOf(["orders", "refunds", "naïve"]);
    const parent = chance.oneIn(2) ? { parent: { runId: runId(0), depth: 1 + chance.below(9) } } : {};
    const begun = first(n, { at: this.#now, creates, ...parent });
    const { creates: _, parent: __, ...goesOn } = begun;
    const commit: RunCommit = { ...(known ? goesOn : begun), ...this.#changes(known ?? nothingYet(begun)) };
    // A first version that creates nothing is nothing that happens.
    return known && chance.oneIn(20) ? { ...commit, version: chance.oneOf([0, 2, 3, known.version, 99]) } : commit;
  }

  #changes(run: ModelRun): Partial<RunCommit> {
    const chance = this.#chance;
    const deliveries = run.pending.map(({ delivery }) => delivery);
    const done = chance.oneIn(2) ? chance.someOf(deliveries) : undefined;
    const left = deliveries.filter((delivery) => delivery !== done);
    const sends = chance.oneIn(4) ? chance.someOf(left) : undefined;
    const again = chance.oneIn(4) ? left.filter(() => chance.oneIn(2)) : [];
    const closed = chance.oneIn(3) ? chance.someOf(run.waits)?.id : undefined;
    const replaces = chance.oneIn(30);
    const more = Array.from({ length: chance.below(3) }, (_, at) => this.#queued(run.lastDelivery + at + 1));
    return {
      version: run.version + 1,
      replaces,
      ...(done === undefined ? {} : { settled: settled(done) }),
      ...(done === undefined ? {} : this.#stays()),
      ...(chance.oneIn(8) ? { code: { version: `${chance.below(9)}`, steps: this.#json(300) } } : {}),
      ...(chance.oneIn(8) ? { ending: this.#json(90) } : {}),
      gathered: left.filter(() => chance.oneIn(6)),
      ...(sends === undefined ? {} : { sent: { delivery: sends, count: chance.below(9) } }),
      added: left.filter(() => chance.oneIn(6)).map((delivery) => ({ delivery, results: this.#json(90) })),
      again: again.map((delivery) => ({
        delivery,
        attempt: 1 + chance.below(9),
        sent: chance.below(9),
        ...this.#due(),
      })),
      ...(closed === undefined ? {} : { closed }),
      // Not by rising numbers: what was queued first need not stand first.
      queued: chance.oneIn(2) ? more : more.toReversed(),
      lastDelivery: run.lastDelivery + more.length,
      opened: chance.oneIn(4) ? [this.#opened()] : [],
      written: this.#written(replaces ? [] : run.state),
      streamed: Array.from({ length: chance.below(3) }, () => this.#json(30)),
      ...this.#standing(),
      ...(chance.oneIn(2) ? { timeRemaining: chance.below(2 ** 31) } : {}),
      ...this.#rest(),
    };
  }

  #queued(delivery: number) {
    const step = this.#chance.oneOf(["charge", 'ship "it"', ""]);
    return {
      ...queued(delivery, step, this.#json(300)),
      attempt: 1 + this.#chance.below(9),
      sent: this.#chance.below(9),
      ...(this.#chance.oneIn(6) ? { added: this.#json(90) } : {}),
      ...this.#due(),
    };
  }

  #due(): { due?: number } {
    return this.#chance.oneIn(3) ? { due: this.#chance.below(2 ** 31) } : {};
  }

  #rest(): Pick<RunCommit, "waiting" | "wakesAt"> {
    const { due } = this.#due();
    return due === undefined ? { waiting: this.#chance.oneIn(2) } : { waiting: false, wakesAt: due };
  }

  #opened() {
    const chance = this.#chance;
    this.#waits += 1;
    return {
      ...opened(`${chance.oneOf(KEYS)}${this.#waits}`),
      kind: chance.oneOf(["input", "expected", "arrived"] as const),
      ...(chance.oneIn(3) ? { expiry: this.#json(90) } : {}),
      ...this.#due(),
    };
  }

  #stays(): { held?: string; done?: number } {
    switch (this.#chance.below(8)) {
      case 0:
      case 1:
        return { held: this.#chance.oneOf(KEYS) };
      case 2:
        return { done: this.#chance.below(2 ** 31) };
      default:
        return {};
    }
  }

  #standing(): Pick<RunCommit, "status" | "result" | "error"> {
    switch (this.#chance.below(24)) {
      case 0:
        return { status: "paused" };
      case 1:
        return { status: "completed" };
      case 2:
        return { status: "completed", result: this.#json(9_000) };
      case 3:
        return { status: "failed", error: "{}" };
      case 4:
        return { status: "cancelled", error: '{"a":1}' };
      default:
        return { status: "running" };
    }
  }

  /** Changes of a state, each of another key. */
  #written(state: ModelRun["state"]): WrittenKey[] {
    const keys = new Set(Array.from({ length: this.#chance.below(4) }, () => this.#chance.oneOf(KEYS)));
    let end = Math.max(-1, ...state.map(({ place }) => place)) + 1;
    return [...keys].map((key) => {
      const before = state.find((kept) => kept.key === key);
      const place = before?.place ?? end;
      end = Math.max(end, place + 1);
      const value = this.#chance.oneIn(3) ? Buffer.alloc(this.#length(30), 0xff) : this.#json(30);
      return {
        key,
        place,
        ...(before === undefined ? {} : { before: before.value }),
        ...(this.#chance.oneIn(4) ? {} : { after: value }),
      };
    });
  }

  #json(usual: number): string {
    return JSON.stringify("x".repeat(this.#length(usual)));
  }

  /** Mostly a usual one, and now and then a long one. */
  #length(usual: number): number {
    return this.#chance.below(this.#chance.oneIn(20) ? 20_000 : usual);
  }
}
