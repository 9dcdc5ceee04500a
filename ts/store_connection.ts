// A store as this thread works with it: what is asked of it, and the runs that are written to it.
//
// Questions and commits go to the thread of the store; it wakes this one once for whatever has come back.

import type { Arrival } from "./arrivals.js";
import { type BlazenError, type BlazenErrorCode, fromNative, ofCode, StoreError } from "./errors.js";
import { arrived, type HeldRun } from "./held_run.js";
import { LoadedChildren } from "./loaded_children.js";
import { native } from "./native.js";
import { toldElsewhere } from "./told_elsewhere.js";

export type NativeStore = InstanceType<typeof native.Store>;
export type LoadedRun = InstanceType<typeof native.LoadedRun>;
export type PastCommit = NonNullable<ReturnType<NativeStore["past"]>>[number];
export type ListedRuns = ReturnType<NativeStore["listed"]>;

/** Which runs, a page at a time. */
export interface StoreQuery {
  readonly workflow: string | undefined;
  readonly status: string | undefined;
  readonly oldestFirst: boolean;
  readonly after: number | undefined;
  readonly limit: number;
}

const { NEWS_ANSWERED, NEWS_LOST, NEWS_STORED } = native;

/** Lent for news. Nothing that runs while it is read comes back here, so one serves all stores. */
const ROOM = new Float64Array(512);

/** A run that a store has. */
interface StoredRun {
  /** A change was not stored, or nobody knows, or the store is closed. */
  lost(error: BlazenError): void;
}

/** A run that hears what becomes of its changes. */
export interface WrittenRun extends StoredRun {
  /** Some of its changes are durable. */
  stored(): void;
  /** The store is about to be closed: what waits to be written goes now. */
  hurry(): void;
}

interface Question {
  readonly read: (ticket: number) => unknown;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Those that somebody waits for: they are kept, whoever else has let go of them. */
const AWAITED = new Set<StoreConnection>();

export class StoreConnection {
  readonly native: NativeStore;
  /** The runs of this thread, by id: those that go on here, and those that can be taken up. */
  readonly held = new Map<string, HeldRun>();
  /** Runs that are being looked for or begun. */
  readonly arriving = new Map<string, Arrival>();
  /** Whose parents end them. */
  readonly children = new LoadedChildren();
  /** Where it is noted which runs leave `held`, while lists are on their way that may know less. */
  readonly departures = new Set<Set<string>>();
  readonly #written = new Map<number, WrittenRun>();
  readonly #questions = new Map<number, Question>();
  #lastTicket = 0;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  constructor(open: (wake: () => void) => NativeStore) {
    // The thread of the store holds what it wakes: only what somebody waits for may keep the connection.
    const weak = new WeakRef(this);
    this.native = open(() => {
      const connection = weak.deref();
      connection?.hear();
      connection?.woken();
    });
  }

  /** What becomes of the changes of the run that the engine calls `key` is told to `run`. */
  writes(key: number, run: WrittenRun): void {
    this.#written.set(key, run);
    AWAITED.add(this);
    // It was loaded before, or has not asked the store for anything. Soon, since it is only being made.
    if (this.#isClosed) queueMicrotask(() => this.#loseAll());
  }

  forget(key: number): void {
    this.#written.delete(key);
    this.#letGo();
  }

  #letGo(): void {
    if (this.#written.size === 0 && this.#questions.size === 0) AWAITED.delete(this);
  }

  /** A run has ended, or is about to: so are those of its children that were loaded. */
  endChildrenOf(parentId: string, reason: () => unknown): void {
    const children = this.children.take(parentId);
    if (children === undefined) return;
    const why = reason();
    for (const runId of children) {
      const child = this.held.get(runId);
      // One that rests and cannot be ended says why to whoever has a handler of it.
      if (child !== undefined) toldElsewhere(child.abort(why).catch(() => arrived(child)));
      else this.arriving.get(runId)?.endAtOnce((run) => toldElsewhere(run.abort(why)));
    }
  }

  /** A run is not at work here any more, nor at rest. */
  letGoOf(run: HeldRun): void {
    if (this.held.get(run.id) !== run) return;
    this.held.delete(run.id);
    for (const departed of this.departures) departed.add(run.id);
  }

  /** @throws StoreError if it has been closed */
  expectOpen(): void {
    if (this.#isClosed) throw closed();
  }

  load(runId: string): Promise<LoadedRun | null> {
    return this.#ask(
      (ticket) => this.native.askForRun(ticket, runId),
      (ticket) => this.native.loaded(ticket),
    );
  }

  list({ workflow, status, oldestFirst, after, limit }: StoreQuery): Promise<ListedRuns> {
    return this.#ask(
      (ticket) => this.native.askForRuns(ticket, workflow, status, oldestFirst, after, limit),
      (ticket) => this.native.listed(ticket),
    );
  }

  history(runId: string): Promise<ReturnType<NativeStore["past"]>> {
    return this.#ask(
      (ticket) => this.native.askForHistory(ticket, runId),
      (ticket) => this.native.past(ticket),
    );
  }

  /** Whether the store has a place for the streams of runs. */
  get keepsStreams(): boolean {
    return true;
  }

  /** Events of the stream of a run, JSON texts, from an offset on; null if there is no such run. */
  stream(runId: string, from: number, atMost: number): Promise<readonly string[] | null> {
    return this.#ask(
      (ticket) => this.native.askForStream(ticket, runId, from, atMost),
      (ticket) => this.native.streamed(ticket),
    );
  }

  prune(finishedBefore: number): Promise<number> {
    // With "exit" the store may have the children of a run, and nothing of the run itself yet.
    const unwritten = [...this.held.values()].filter(({ here }) => here?.writing?.isOnlyAtRest).map(({ id }) => id);
    return this.#ask(
      (ticket) => this.native.askToPrune(ticket, finishedBefore, unwritten),
      (ticket) => this.native.pruned(ticket),
    );
  }

  /** Gives the store up; the runs that are written to it do not go on here. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const run of this.#written.values()) run.hurry();
    await this.#ask(
      (ticket) => this.native.askToClose(ticket),
      (ticket) => this.native.closed(ticket),
    );
    this.#isClosed = true;
    this.#loseAll();
  }

  #loseAll(): void {
    const runs = new Set<StoredRun>([...this.#written.values(), ...this.held.values()]);
    this.held.clear();
    const why = closed(); // of which each run makes an error of its own
    for (const run of runs) run.lost(why);
    for (const arrival of this.arriving.values()) arrival.lose(closed());
  }

  #ask<Answer>(ask: (ticket: number) => void, read: (ticket: number) => Answer): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.#lastTicket += 1;
      const ticket = this.#lastTicket;
      try {
        ask(ticket);
      } catch (error) {
        reject(fromNative(error));
        return;
      }
      this.#questions.set(ticket, { read, resolve, reject });
      AWAITED.add(this);
    });
  }

  /** The engine has something for the store, where that is not the business of a thread. */
  protected woken(): void {}

  /** Takes what has come back. */
  protected hear(): void {
    for (;;) {
      const words = this.native.collect(ROOM);
      for (let at = 0; at < words; at += 2) this.#take(ROOM[at] as number, ROOM[at + 1] as number);
      if (words < ROOM.length) return;
    }
  }

  #take(kind: number, number: number): void {
    switch (kind) {
      case NEWS_STORED:
        this.#written.get(number)?.stored();
        break;
      case NEWS_LOST:
        this.#lose(number);
        break;
      case NEWS_ANSWERED:
        this.#answer(number);
        break;
    }
  }

  #lose(key: number): void {
    const { code, message } = this.native.whyLost(key);
    this.#written.get(key)?.lost(ofCode(code as BlazenErrorCode, message));
  }

  #answer(ticket: number): void {
    const question = this.#questions.get(ticket);
    this.#questions.delete(ticket);
    this.#letGo();
    if (question === undefined) return;
    try {
      question.resolve(question.read(ticket) as never);
    } catch (error) {
      question.reject(fromNative(error));
    }
  }
}

function closed(): StoreError {
  return new StoreError("ERR_BLAZEN_STORE_CLOSED", "the store was closed; it has the run as unfinished");
}
