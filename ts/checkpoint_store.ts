// What a store written in JavaScript must do.

import { reading, refuse } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import type { CheckpointedRun, ParentRun, RunCommit } from "./run_commit.js";
import type { RunStatus } from "./run_status.js";

/** A commit that a store has not taken, since its version does not follow the one that is stored. */
export interface CommitRefusal {
  /** The version that is stored; 0 if the run is not there. */
  storedVersion: number;
}

/** Which runs a store is asked for, a page at a time. */
export interface CheckpointQuery {
  /** Of this workflow only. */
  workflow?: string;
  /** That stand so only. */
  status?: RunStatus;
  /** By when runs were created in the store. */
  order: "oldest-first" | "newest-first";
  /** Where the page before has ended: its `next`. */
  after?: number;
  /** How many at most. */
  limit: number;
}

/** A run without what is large in it; times are in milliseconds since 1970, as those of commits. */
export interface CheckpointSummary {
  runId: string;
  workflow: string;
  /** The run that it is a child of, as its first commit says. */
  parent?: ParentRun;
  status: RunStatus;
  /** As the last commit says. */
  waiting: boolean;
  /** As the last commit says. */
  wakesAt?: number;
  createdAt: number;
  updatedAt: number;
  finishedAt?: number;
}

/** Some runs, and where to go on. */
export interface CheckpointPage {
  runs: readonly CheckpointSummary[];
  /** Where the next page begins; not there if this is the last one. */
  next?: number;
}

/**
 * A store of your own: put runs where this package has no driver. Give it to a workflow as its `store`.
 *
 * Methods are called one at a time: the next when the promise of the one before has settled.
 */
export interface CheckpointStore {
  /**
   * Takes commits, in order; those that are taken are durable when the promise resolves.
   *
   * Each is atomic, and is taken only if its `version` follows the one that is stored: 1 creates the run, and every later
   * one is one more. Else it is refused, changes nothing, and the others are taken all the same. Resolves to nothing if
   * all were taken, and else to a list that has `null` or a refusal for each commit.
   *
   * If it rejects, nobody relies on any commit of the batch, neither that it is stored nor that it is not. Of one run a
   * prefix of its commits may be stored, never a later one without those before it.
   */
  commit(commits: readonly RunCommit[]): Promise<readonly (CommitRefusal | null)[] | void>;
  /** A run as it stands after its last commit; `null` if there is none of that id. */
  load(runId: string): Promise<CheckpointedRun | null>;
  /** Runs that fit a query, a page at a time. */
  runs(query: CheckpointQuery): Promise<CheckpointPage>;
  /**
   * Events of the stream of a run from an offset on, in order and without a gap: up to `limit`, and none only if the stream
   * has none there; `null` if there is no run of that id. For workflows with `persistStream`; without it their streams are
   * not stored.
   *
   * @param from how many events come before the first that is wanted
   */
  stream?(runId: string, from: number, limit: number): Promise<readonly string[] | null>;
}

const STORE = "a store, such as SqliteStore.open(path), or an object with the methods of a CheckpointStore";
const METHODS = ["commit", "load", "runs"] as const;

/** @throws InvalidArgumentError unless the value has the methods of a store */
export function checkCheckpointStore(value: unknown): asserts value is CheckpointStore {
  if (typeof value !== "object" || value === null) refuse("the store", STORE, value);
  for (const name of METHODS) {
    const method = reading("the store", () => (value as Record<string, unknown>)[name]);
    if (typeof method !== "function") {
      throw new InvalidArgumentError(`the store must be ${STORE}, and has no method ${name}()`);
    }
  }
}
