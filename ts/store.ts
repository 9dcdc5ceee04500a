// Stores, as users open and read them.

import { types } from "node:util";
import type { QueuedDelivery } from "../native.js";
import { checkString, readOptions, refuse } from "./arguments.js";
import type { BlazenError } from "./errors.js";
import { InvalidArgumentError, StoreError, translated } from "./errors.js";
import { queueOf, stateOf, typeIn, waitsOf } from "./loaded_run.js";
import { native } from "./native.js";
import { readLimit } from "./page_limit.js";
import { INTERNAL, publicClass } from "./public_class.js";
import { RUN_STATUSES, type RunStatus } from "./run_status.js";
import { type LoadedRun, type PastCommit, StoreConnection } from "./store_connection.js";
import { errorFromText } from "./stored_error.js";
import { readStreamQuery, type StreamQuery } from "./stream_options.js";
import type { StreamEntry } from "./stream_place.js";
import type { AnyEvent, StateValue } from "./types.js";

/** Which runs, a page at a time. */
export interface RunQuery {
  /** Of this workflow only. */
  workflow?: string;
  /** That stand so only. */
  status?: RunStatus;
  /** How many at most: 100 unless given, 10,000 at most. */
  limit?: number;
  /** Where the page before has ended: its `next`. */
  after?: string;
}

/** Runs, the newest first, and where the next page begins. */
export interface RunPage {
  runs: RunSummary[];
  /** For `after` of the next query; not there if this is the last page. */
  next?: string;
  /** What is wrong with runs that cannot be listed, if there are any: what the store has of them is not what was written. */
  damaged?: StoreError[];
}

/** A stored run without what is large in it. */
export interface RunSummary {
  /** The id of the run, a UUID. */
  runId: string;
  /** The name of its workflow. */
  workflow: string;
  /** The id of the run that it is a child of, if it is one. */
  parent?: string;
  status: RunStatus;
  /** Whether it goes on only when something comes from outside: the answer of a person, or an event that it expects. */
  waiting: boolean;
  /**
   * When it goes on, unless something comes from outside before: the time of a delayed event, of the next attempt of a step,
   * or at which a wait expires. A paused run must be resumed first.
   */
  wakesAt?: Date;
  createdAt: Date;
  /** When something was last written of it. */
  updatedAt: Date;
  /** When it ended, if it has. */
  finishedAt?: Date;
}

/** A stored run. */
export interface StoredRun {
  /** The id of the run, a UUID. */
  runId: string;
  /** The name of its workflow. */
  workflow: string;
  /** The id of the run that it is a child of, if it is one. */
  parent?: string;
  /** The version of the workflow that it began with, or was migrated to, if that had one. */
  workflowVersion?: string;
  status: RunStatus;
  createdAt: Date;
  /** When something was last written of it. */
  updatedAt: Date;
  /** When it ended, if it has. */
  finishedAt?: Date;
  /** What a completed run has resulted in. */
  result?: unknown;
  /** Why a run has failed or was cancelled. */
  error?: BlazenError;
  /**
   * Why a run is about to fail or to be cancelled, while it undoes what it has done; it is `"running"` or `"paused"`, and
   * nothing else of it is pending.
   */
  compensating?: BlazenError;
  /** The state as it was last written; it stays when the run has ended. */
  state: Map<string, StateValue>;
  /** The events on their way, in the order in which they will be received. */
  pending: PendingEvent[];
  /**
   * What the steps that have a `compensate` have done, the first to be undone first: it is undone if the run fails, or is
   * being undone. `event` is what the step was called with, and `attempt` and `due` are of the next attempt to undo it.
   */
  undoable: PendingEvent[];
  /** The open input requests, in the order in which they were made. */
  inputRequests: AnyEvent[];
  /** The events from outside that it waits for (`ctx.expectEvent`), in the order in which it began to. */
  expected: ExpectedEvent[];
  /** The events from outside that have come and that it does not wait for yet, in the order in which they came. */
  arrived: AnyEvent[];
}

/** An event on its way to a step. */
export interface PendingEvent {
  step: string;
  event: AnyEvent;
  /** The number of its next attempt; one more if its process is lost before. */
  attempt: number;
  /** When it will be received, of one that waits: it was sent to be delivered later, or its last attempt has failed. */
  due?: Date;
  /** The key under which it waits for others, of one that `ctx.collectEvents` has put aside. */
  held?: string;
}

/** An event from outside that a run waits for. */
export interface ExpectedEvent {
  /** Its type. */
  type: string;
  /** When the run waits no more, if it does not wait for ever. */
  expires?: Date;
}

/** One commit of a run: what one delivery, or something from outside, has changed. */
export interface HistoryEntry {
  /** How many commits the run had with this one. */
  version: number;
  /** When it was made. */
  at: Date;
  /** How the run stood then. */
  status: RunStatus;
  /** The delivery that settled with it, if one did. */
  settled?: SettledDelivery;
  /** The deliveries that it queued. Their events are with the entries that settle them. */
  queued: { delivery: number; step: string; type: string }[];
  /**
   * The state keys that it wrote, with what stood there before: JSON as `was`, bytes in base64 as `wasBytes`, neither if
   * there was nothing. So the state after any commit is that of `run()` with the later entries undone.
   */
  written: { key: string; was?: StateValue; wasBytes?: string }[];
}

/** A delivery whose handler has returned. */
export interface SettledDelivery {
  /** Its number in the run. */
  delivery: number;
  step: string;
  /** Which attempt it was. */
  attempt: number;
  /** When its handler was called. */
  began: Date;
  /** The event that it consumed. */
  event: AnyEvent;
}

/** How a file is opened. */
export interface SqliteStoreOptions {
  /** Only to look at: allowed while another process runs what is in it. `false` unless given. */
  readOnly?: boolean;
  /**
   * What is kept of the steps that are done: everything until the run is pruned (`"full"`, the default), or nothing
   * (`"none"`).
   */
  history?: "full" | "none";
}

/** A store that this package has. */
export type BuiltInStore = SqliteStore | MemoryStore;

/** The connection of a store. */
export let connectionOf: (store: BuiltInStore) => StoreConnection;
/** Asks nothing of the value. */
export let isStore: (value: unknown) => value is BuiltInStore;

abstract class Store {
  readonly #connection: StoreConnection;

  /** @internal */
  constructor(connection: StoreConnection) {
    this.#connection = connection;
  }

  /**
   * The runs of the store, newest first, a page at a time.
   *
   * Rejects with `ERR_BLAZEN_INVALID_ARGUMENT`, and with a `StoreError` if the store cannot be read.
   */
  async runs(query: RunQuery = {}): Promise<RunPage> {
    const { workflow, status, limit, after } = readQuery(query);
    const listed = await this.#connection.list({ workflow, status, limit, after, oldestFirst: false });
    const runs = listed.runs.map(
      ({ runId, workflow, parent, status, waiting, wakesAt, createdAt, updatedAt, finishedAt }): RunSummary => ({
        runId,
        workflow,
        ...(parent == null ? {} : { parent: parent.runId }),
        status: status as RunStatus,
        waiting,
        ...(wakesAt == null ? {} : { wakesAt: new Date(wakesAt) }),
        createdAt: new Date(createdAt),
        updatedAt: new Date(updatedAt),
        ...(finishedAt == null ? {} : { finishedAt: new Date(finishedAt) }),
      }),
    );
    const damaged = listed.damaged.map((message) => new StoreError("ERR_BLAZEN_STORE_CORRUPT", message));
    return {
      runs,
      ...(listed.next == null ? {} : { next: String(listed.next) }),
      ...(damaged.length === 0 ? {} : { damaged }),
    };
  }

  /**
   * One run as the store has it, `null` if it has none of that id.
   *
   * Rejects with `ERR_BLAZEN_STORE_CORRUPT` if what is there is not what was written.
   */
  async run(runId: string): Promise<StoredRun | null> {
    checkRunId(runId);
    const loaded = await this.#connection.load(runId);
    return loaded === null ? null : translated(() => storedRun(loaded));
  }

  /**
   * What has happened in a run, oldest first; empty if the store keeps no history, `null` if it has no run of that id.
   *
   * Rejects with `ERR_BLAZEN_STORE_CORRUPT` if what is there is not what was written.
   */
  async history(runId: string): Promise<HistoryEntry[] | null> {
    checkRunId(runId);
    const past = await this.#connection.history(runId);
    return past === null ? null : past.map(historyEntry);
  }

  /**
   * Events of the stream of a run whose workflow has `persistStream`, with their offsets, a page at a time: the next page
   * is `from` one more than the last offset. Empty if there are none there (yet), `null` if there is no run of that id. A
   * page may have fewer than `limit` events if they are large.
   *
   * Rejects with `ERR_BLAZEN_STORE_CORRUPT` if what is there is not what was written.
   */
  async stream(runId: string, options: StreamQuery = {}): Promise<StreamEntry[] | null> {
    checkRunId(runId);
    const { from, limit } = readStreamQuery(options);
    const events = await this.#connection.stream(runId, from, limit);
    return events === null ? null : events.map((event, at) => ({ offset: from + at, event: JSON.parse(event) }));
  }

  /**
   * Forgets the runs that ended before a time, with their state, history and stream, and gives the space back. Unfinished runs
   * stay, and so do their children.
   *
   * @returns how many those were
   */
  async prune(options: { finishedBefore: Date }): Promise<number> {
    const { finishedBefore } = readOptions(options, "the options of prune()", ["finishedBefore"]);
    const time = timeOf(finishedBefore);
    return this.#connection.prune(time);
  }

  /**
   * Gives the store up when all that is on its way to it is there. Runs that are at work stop here: their `result()`
   * rejects with `ERR_BLAZEN_STORE_CLOSED`, and the `ctx.signal` of their handlers is aborted. The store has them as
   * unfinished, and whoever opens it next goes on with them. A process need not close its stores: nothing is lost, and
   * nothing holds it.
   */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  static {
    connectionOf = (store) => (store as Store).#connection;
    isStore = (value): value is BuiltInStore => typeof value === "object" && value !== null && #connection in value;
  }
}

/** Runs in one file, kept by SQLite: they survive the process, and a loss of power. */
export class SqliteStore extends Store {
  /** @internal */
  constructor(by: typeof INTERNAL, connection: StoreConnection) {
    if (by !== INTERNAL)
      throw new InvalidArgumentError("a SqliteStore is not made with new: use SqliteStore.open(path)");
    super(connection);
  }

  /**
   * Opens a file, or makes one. While it is open, no other process can open it but to look at it.
   *
   * @throws StoreError `ERR_BLAZEN_STORE_LOCKED` if another has it open, `ERR_BLAZEN_STORE_CORRUPT` if it is no such
   *   file, `ERR_BLAZEN_STORE_VERSION` if a newer version of this package made it, `ERR_BLAZEN_STORE_UNAVAILABLE` and
   *   `ERR_BLAZEN_STORE_READ_ONLY` if it cannot be opened or written to
   */
  static open(path: string, options: SqliteStoreOptions = {}): SqliteStore {
    checkString(path, "the path of a store");
    if (path === "" || path.includes("\0")) refuse("the path of a store", "the path of a file", path);
    const { readOnly = false, history = "full" } = readOptions(options, "the options of a store", [
      "readOnly",
      "history",
    ]);
    if (typeof readOnly !== "boolean") refuse("readOnly", "true or false", readOnly);
    if (history !== "full" && history !== "none") refuse("the history", '"full" or "none"', history);
    const open = (wake: () => void) => native.Store.openSqlite(path, readOnly, history === "full", wake);
    return new SqliteStore(
      INTERNAL,
      translated(() => new StoreConnection(open)),
    );
  }
}

/** Runs in memory, gone with the process: for tests. */
export class MemoryStore extends Store {
  constructor() {
    super(translated(() => new StoreConnection((wake) => native.Store.inMemory(wake))));
  }
}

for (const store of [Store, SqliteStore, MemoryStore]) publicClass(store, { isOurs: isStore, rejects: true });

/** @throws InvalidArgumentError */
export function checkRunId(value: unknown): asserts value is string {
  checkString(value, "the id of a run");
  if (!isRunId(value)) refuse("the id of a run", "a UUID", value);
}

export function isRunId(value: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
}

function readQuery(query: RunQuery) {
  const { workflow, status, limit, after } = readOptions(query, "the query", ["workflow", "status", "limit", "after"]);
  if (workflow !== undefined) checkString(workflow, "the workflow");
  if (status !== undefined && !RUN_STATUSES.includes(status))
    refuse("the status", `one of ${RUN_STATUSES.join(", ")}`, status);
  if (after !== undefined && (typeof after !== "string" || !/^\d{1,15}$/.test(after))) {
    refuse("after", "the next of the page before", after);
  }
  return { workflow, status, limit: readLimit(limit), after: after === undefined ? undefined : Number(after) };
}

function timeOf(date: unknown): number {
  const time = types.isDate(date) ? Date.prototype.getTime.call(date) : Number.NaN;
  if (Number.isNaN(time)) refuse("finishedBefore", "a Date", date);
  return time;
}

function storedRun(loaded: LoadedRun): StoredRun {
  const { runId, workflowVersion, result, error, ending, finishedAt } = loaded;
  const { pending, undoable } = queueOf(loaded);
  return {
    runId,
    workflow: loaded.workflow,
    ...(loaded.parent == null ? {} : { parent: loaded.parent.runId }),
    ...(workflowVersion == null ? {} : { workflowVersion }),
    status: loaded.status as RunStatus,
    createdAt: new Date(loaded.createdAt),
    updatedAt: new Date(loaded.updatedAt),
    ...(finishedAt == null ? {} : { finishedAt: new Date(finishedAt) }),
    ...(result == null ? {} : { result: JSON.parse(result) }),
    ...(error == null ? {} : { error: errorFromText(error, runId) }),
    ...(ending == null ? {} : { compensating: errorFromText(ending, runId) }),
    state: stateOf(loaded),
    pending: pending.map(pendingEvent),
    undoable: undoable.map(pendingEvent),
    ...storedWaits(loaded),
  };
}

function pendingEvent({ step, event, attempt, due, held }: QueuedDelivery): PendingEvent {
  return {
    step,
    event: JSON.parse(event),
    attempt,
    ...(due == null ? {} : { due: new Date(due) }),
    ...(held == null ? {} : { held }),
  };
}

function storedWaits(loaded: LoadedRun): Pick<StoredRun, "inputRequests" | "expected" | "arrived"> {
  const waits = waitsOf(loaded);
  const eventsOf = (kind: string): AnyEvent[] =>
    waits.filter((wait) => wait.kind === kind).map(({ event }) => JSON.parse(event));
  const expected = waits
    .filter(({ kind }) => kind === "expected")
    .map(({ event, due }) => ({ type: typeIn(event), ...(due == null ? {} : { expires: new Date(due) }) }));
  return { inputRequests: eventsOf("input"), expected, arrived: eventsOf("arrived") };
}

function historyEntry(commit: PastCommit): HistoryEntry {
  const { version, at, status, settled, queued, written } = commit;
  return {
    version,
    at: new Date(at),
    status: status as RunStatus,
    ...(settled == null
      ? {}
      : { settled: { ...settled, began: new Date(settled.began), event: JSON.parse(settled.event) } }),
    queued: JSON.parse(queued),
    written: JSON.parse(written),
  };
}
