// What goes into a store that a user writes, and what comes out of it. The native side has the same shapes
// (src/node/store_in_javascript.rs); __test__/types/checkpoint_store.mts does not compile if they differ.

import type { RunStatus } from "./run_status.js";

/**
 * What one run has changed, to be kept as one or not at all. Texts are JSON, of which every character counts: they are
 * only to be kept. What is not there is left out, and is not `null`.
 */
export interface RunCommit {
  /** The run, a UUID. */
  runId: string;
  /** How many commits the run has with this one: taken only if the store has one less. */
  version: number;
  /** When the commit was made, in milliseconds since 1970. */
  at: number;
  /** The name of the workflow, with the first commit: it creates the run. */
  creates?: string;
  /** The run that this one is a child of, with the first commit, and how many runs are above it. It stays. */
  parent?: ParentRun;
  /** The code that the run goes by from now on: with the first commit, and when it is migrated. It stays until then. */
  code?: WorkflowCode;
  /** The commit holds all that the run has: what is stored of its pending events, waits and state gives way. */
  replaces: boolean;
  /** The delivery that has settled: it is pending no more. `began` is when its handler was called. */
  settled?: { delivery: number; began: number; attempt: number };
  /**
   * The delivery that has settled stays pending all the same, `held` under this key (any string): its event waits for
   * others. It has `added` nothing any more.
   */
  held?: string;
  /**
   * The delivery that has settled stays pending all the same, `done` with this number, to be undone if the run fails. Its
   * next `attempt` is 1 again, and it has `sent` and `added` nothing.
   */
  done?: number;
  /** Pending deliveries whose events another has had: those that are held are pending no more, the others are `gathered`. */
  gathered: number[];
  /** How many events the handler of a pending delivery has sent so far, while it is at work. */
  sent?: { delivery: number; count: number };
  /**
   * What the handlers of pending deliveries have added to the state so far (`increment`, `append`, `update`), while they are
   * at work: a JSON text that takes the place of the one that was `added` before.
   */
  added: { delivery: number; results: string }[];
  /**
   * Pending deliveries that will be attempted again: the next attempt of each, and what earlier ones have sent. `due` is
   * when, in milliseconds since 1970; if it is not there, as soon as may be, also if the delivery had one.
   */
  again: { delivery: number; attempt: number; sent: number; due?: number }[];
  /** The wait that is open no more. */
  closed?: string;
  /** Deliveries that are pending from now on, whatever their order here: `delivery` gives it. */
  queued: QueuedDelivery[];
  /** Waits that are open from now on, in this order. */
  opened: OpenWait[];
  /** State keys that were set or taken out, each once, whatever their order here: `place` gives it. */
  written: WrittenKey[];
  /**
   * Events that follow those of the run's stream, JSON texts; also if the commit replaces, or ends the run. There are some
   * only in workflows with `persistStream`.
   */
  streamed: string[];
  /** How the run stands now. One that has ended has nothing pending and nothing open any more; its state stays. */
  status: RunStatus;
  /** The result of a completed run, a JSON text. */
  result?: string;
  /** Why a run has failed or was cancelled, a JSON text. */
  error?: string;
  /**
   * Why a run that goes on is about to fail or to be cancelled, a JSON text: it undoes what it has done. As of this
   * commit; one that has ended has no `ending`.
   */
  ending?: string;
  /** The greatest number that a delivery of the run has had. */
  lastDelivery: number;
  /** What is left of the run's time, in milliseconds; not there if it has no limit. */
  timeRemaining?: number;
  /**
   * Whether nothing of the run goes on before something comes from outside. This and `wakesAt` are for `runs()`, and not
   * part of what `load()` gives.
   */
  waiting: boolean;
  /** The time before which nothing of the run goes on, in milliseconds since 1970. If neither is so, it goes on. */
  wakesAt?: number;
}

/** The run that a run is a child of. */
export interface ParentRun {
  /** Which one, a UUID. */
  runId: string;
  /** How many runs are above the child: 1 if its parent has none. */
  depth: number;
}

/** The code that a run goes by. */
export interface WorkflowCode {
  /** The version of the workflow, as its author counts. */
  version: string;
  /** Its steps, a JSON text. */
  steps: string;
}

/** An event on its way to one step. */
export interface QueuedDelivery {
  /** Its number in the run: pending deliveries are invoked in this order. */
  delivery: number;
  /** The step that receives it. */
  step: string;
  /** The type of the event. */
  eventType: string;
  /** The event, a JSON text. */
  event: string;
  /** The number of its next attempt. */
  attempt: number;
  /** How many events its earlier attempts have sent. */
  sent: number;
  /** When it will be attempted, in milliseconds since 1970; as soon as may be if it is not there. */
  due?: number;
  /** It has settled, and its event waits for others under this key: any string, the empty one included. */
  held?: string;
  /** Another delivery has had its event. */
  gathered?: boolean;
  /** What its earlier attempts have added to the state, a JSON text; not there if that is nothing. */
  added?: string;
  /** It has settled, and is to be undone if the run fails. */
  done?: number;
}

/** Something that a run waits for, or that waits for a run. */
export interface OpenWait {
  /** What names it in its run: any string, lone surrogates and NUL included. */
  id: string;
  /**
   * `"input"`: the answer of a person. `"expected"`: an event from outside. `"arrived"`: an event from outside that came
   * before it was expected.
   */
  kind: "input" | "expected" | "arrived";
  /** The `blazen::InputRequestEvent`; an object with the type that is expected; or the event that has come. A JSON text. */
  event: string;
  /** When nothing is waited for any more, in milliseconds since 1970; never if it is not there. */
  due?: number;
  /** The event that goes out then, a JSON text; not there if the run fails. */
  expiry?: string;
}

/** A state key that was set or taken out. */
export interface WrittenKey {
  /** Any string, lone surrogates and NUL included. */
  key: string;
  /** Its place in the order of the keys. */
  place: number;
  /** What stood there before, a JSON text or bytes; not there if nothing did. For a history, if the store keeps one. */
  before?: string | Buffer;
  /** What stands there now, a JSON text or bytes; not there if the key was taken out. */
  after?: string | Buffer;
}

/**
 * A run as a store gives it back: what its commits amount to. What is not there is left out or `undefined`, and is not
 * `null`.
 */
export interface CheckpointedRun {
  /** The run, a UUID. */
  runId: string;
  /** The name of its workflow: what its first commit `creates`. */
  workflow: string;
  /** That of its first commit. */
  parent?: ParentRun;
  /** That of the last commit that had one. */
  code?: WorkflowCode;
  /** How many commits it has. */
  version: number;
  /** As of its last commit. */
  status: RunStatus;
  /** The result of a completed run, a JSON text. */
  result?: string;
  /** Why a run has failed or was cancelled, a JSON text. */
  error?: string;
  /** As of its last commit. */
  ending?: string;
  /** When its first commit was made, in milliseconds since 1970. */
  createdAt: number;
  /** When its last commit was made. */
  updatedAt: number;
  /** When it ended, if it has: the time of the commit with which it did. */
  finishedAt?: number;
  /** As of its last commit. */
  lastDelivery: number;
  /** As of its last commit. */
  timeRemaining?: number;
  /** How many events its stream has: those that all its commits have `streamed`. Not there, or 0, if it has none. */
  streamed?: number;
  /** Events on their way, by delivery. */
  pending: QueuedDelivery[];
  /** What it waits for, and what waits for it, in the order in which that was opened. */
  waits: OpenWait[];
  /** The state, in the order of the places. */
  state: CheckpointedKey[];
}

/** One key of a state. */
export interface CheckpointedKey {
  /** Any string, lone surrogates and NUL included. */
  key: string;
  /** Its place in the order of the keys. */
  place: number;
  /** A JSON text, or bytes. */
  value: string | Buffer;
}
