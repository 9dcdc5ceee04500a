// A run as `migrate` of a workflow is given it. Nothing here exists at run time.

import type { BlazenError } from "./errors.js";
import type { AnyEvent, AnyState, KeyOf, Settable, StateValue } from "./types.js";

/**
 * A run of another version of the workflow, to be changed in place so that this version can go on with it.
 *
 * @typeParam State the state of this version: what is set must be of it
 */
export interface MigratingRun<State = AnyState> {
  /** The id of the run, a UUID. */
  readonly runId: string;
  /** The version that it goes by; `undefined` if it began without one. */
  readonly version: string | undefined;
  /** The state, in the order of its keys. */
  state: MigratingState<State>;
  /** The events on their way, in the order in which they will be received. What is taken out is not received. */
  pending: MigratingEvent[];
  /**
   * What the steps that have a `compensate` have done, the first to be undone first. What is taken out is not undone when
   * the run fails.
   */
  undoable: MigratingUndoable[];
  /** Why the run is about to end, if it undoes what it has done. Then there is only that: nothing is on its way any more. */
  readonly compensating?: BlazenError;
  /** What the run waits for. What is taken out is waited for no more. */
  waits: MigratingWait[];
}

/** The state of a run that is migrated: what it held is of the old version, what is set must be of the new one. */
export interface MigratingState<State = AnyState> extends Omit<Map<string, StateValue>, "set"> {
  set<Key extends KeyOf<State>>(key: Key, value: Settable<State, Key>): this;
}

/** An event on its way to a step. */
export interface MigratingEvent {
  /** Its number in the run, by which events are received in order. Leave it out of an event that you add: it comes last. */
  readonly delivery?: number;
  /** The step that receives it: a step of this version. */
  step: string;
  /** The event: JSON, with a type. */
  event: AnyEvent;
  /** The number of its next attempt; 1 of an event that you add. */
  attempt?: number;
  /** When it will be received, of one that waits for a time; as soon as may be if it is not there. */
  due?: Date | undefined;
  /** The key under which it waits for others, of one that `ctx.collectEvents` has put aside. */
  readonly held?: string;
  /**
   * The keys of the state that its earlier attempts have added to, with `increment`, `append` or `update`, which therefore
   * counts once. What is taken out is forgotten, and counts again; left out as a whole, all of it stays.
   */
  additions?: MigratingAddition[];
}

/** What earlier attempts at an event have added to a key of the state. */
export interface MigratingAddition {
  /** The key, as it was called. */
  readonly key: string;
  /** What it is called now, if the migration has renamed it. */
  renamedTo?: string;
}

/** A step that is done and can be undone. */
export interface MigratingUndoable {
  /** The number of the delivery by which it was done. */
  readonly delivery: number;
  /** The step whose `compensate` undoes it: a step of this version that has one. */
  step: string;
  /** The event that `compensate` is called with, which the step was called with: JSON, with a type. */
  event: AnyEvent;
}

/** Something that a run waits for, or that waits for it. */
export interface MigratingWait {
  /** What names it in its run: the `request_id` of an input request. */
  readonly id: string;
  /**
   * `"input"`: the answer of a person. `"expected"`: an event from outside. `"arrived"`: an event from outside that came
   * before it was expected.
   */
  readonly kind: "input" | "expected" | "arrived";
  /** The input request; an object with the type that is expected; or the event that has come. */
  event: AnyEvent;
  /** When nothing is waited for any more; never if it is not there. */
  due?: Date | undefined;
  /** The event that goes out then. */
  expiry?: AnyEvent | undefined;
}

/** Changes a run of another version in place, and nothing else: `check` calls it as well. */
export type Migrate<State = AnyState> = (run: MigratingRun<State>) => void | PromiseLike<void>;
