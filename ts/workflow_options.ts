// What may be said of a workflow besides its steps.

import type { CheckpointStore } from "./checkpoint_store.js";
import type { Durability } from "./durability.js";
import type { Migrate } from "./migrating_run.js";
import type { SessionPausePolicy } from "./pause_policy.js";
import type { StateConflicts } from "./state_conflicts.js";
import type { MemoryStore, SqliteStore } from "./store.js";
import type { AnyEvents, AnyState, Schemas } from "./types.js";

/**
 * How runs of a workflow behave.
 *
 * @typeParam Events a map from event type to payload, as handlers receive it
 * @typeParam Emitted the same, as it is given to a schema
 * @typeParam State a map from state key to the type of its value
 */
export interface WorkflowOptions<Events = AnyEvents, Emitted = Events, State = AnyState> {
  /** The longest time that a run may spend running, in seconds; no limit unless given. See `setTimeout`. */
  timeout?: number;
  /** What a pause does about session values; `pickle_or_error` unless given. */
  sessionPausePolicy?: SessionPausePolicy;
  /** Where runs are written to, so that they survive the process; they live in memory unless given. */
  store?: SqliteStore | MemoryStore | CheckpointStore;
  /** When they are written; `"sync"` unless given. */
  durability?: Durability;
  /**
   * How many events of its stream a run keeps for readers who come late or take their time; 10,000 unless given, all if
   * infinite. Of lifecycle events, where they are asked for, as many. With `persistStream` it says only how many are kept
   * in memory.
   */
  streamBuffer?: number;
  /**
   * Whether the stream of a run is kept in its store, input requests included: then it can be read from any offset, at any
   * time, until the run is pruned, and its offsets go on where they were when the run is taken up again. Readers have an
   * event when the store has it, and events must be JSON. `false` unless given; not with `durability: "exit"`.
   */
  persistStream?: boolean;
  /**
   * What events must be, by their types: a [Standard Schema](https://standardschema.dev), of zod, valibot, arktype or
   * another library, for the fields of the event without its `type`. It is applied when the event is emitted (that of
   * `blazen::StartEvent` to the input, that of `blazen::InputResponseEvent` to an answer), and what it gives is what
   * travels. An event that it does not take fails with a `SchemaError`. The types of the workflow's events follow from it.
   */
  schemas?: Schemas<Events, Emitted>;
  /** What is done when a handler sets what another has written since it was read; `"warn"` unless given. */
  stateConflicts?: StateConflicts;
  /**
   * The version of the workflow, 1 to 200 characters of your choice: runs remember it, and which steps there were. Change it
   * when the steps change, so that `check` can tell which runs need others, and `migrate` is given the runs of before.
   */
  version?: string;
  /**
   * Rewrites a run of another version, or of none, before this workflow goes on with it: changes its state, its events on
   * their way, what it can undo and what it waits for in place. That is stored as one commit together with the new version,
   * before any handler is called; so a run is migrated once, and again only if the process is lost before that is durable.
   * If it throws, the run stays as it is. It must do nothing else: `check` calls it too, and writes nothing. Needs a
   * `version`.
   */
  migrate?: Migrate<State>;
}

export const WORKFLOW_OPTIONS = [
  "timeout",
  "sessionPausePolicy",
  "store",
  "durability",
  "schemas",
  "stateConflicts",
  "streamBuffer",
  "persistStream",
  "version",
  "migrate",
] as const;
