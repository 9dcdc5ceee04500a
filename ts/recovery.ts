// Taking up the unfinished runs of a store.

import { AsyncResource } from "node:async_hooks";
import { summary } from "./describe.js";
import { isBlazenError, StoreError } from "./errors.js";
import { type HeldRun, type KeeperOfResting, RestingRun } from "./held_run.js";
import { native } from "./native.js";
import type { RunStatus } from "./run_status.js";
import type { ListedRuns, StoreConnection } from "./store_connection.js";

/** How many runs are listed at once, and how many are being loaded at once. */
const LISTED_AT_ONCE = 1_000;
const LOADED_AT_ONCE = 16;

export interface Recovery {
  readonly connection: StoreConnection;
  /** The name of the workflow. */
  readonly workflow: string;
  /** Loads a run and goes on with it. */
  readonly takeUp: (runId: string) => Promise<HeldRun>;
  /** Ends a run without going on with it. */
  readonly cancel: (runId: string, reason: unknown) => Promise<unknown>;
  /** Whether a run that is a parent has ended, or is about to. */
  readonly parentHasEnded: (parentId: string) => Promise<boolean>;
  /** Ends a child whose parent has ended, and gives it. */
  readonly endWithParent: (runId: string) => Promise<HeldRun>;
  /** Whether the time that a run may take is limited. It passes for those that rest, too, so they are taken up at once. */
  readonly timeLimited: boolean;
}

type ListedRun = ListedRuns["runs"][number];

/**
 * Whether parents have ended, for the children of one page: many may have the same one, and that may be large. It is asked
 * after they were noted, so that whoever ends later tells them.
 */
type Parents = Map<string, Promise<boolean>>;

/**
 * Finds the unfinished runs of a workflow that are not at work here, and begins to take them up, the oldest first: those that
 * sleep when their time comes, and those that wait for something from outside when they are asked for something. Those
 * that are paused stay so. What rests ends if its parent has ended elsewhere and could not tell it.
 */
export async function recoverRuns(recovery: Recovery): Promise<HeldRun[]> {
  const { connection, workflow, takeUp, cancel, parentHasEnded, endWithParent, timeLimited } = recovery;
  // Also a run that is loaded later goes on in the asynchronous context of whoever recovers, and not of whoever asks for it.
  const takeUpHere = AsyncResource.bind(takeUp);
  const keeper: KeeperOfResting = {
    workflow,
    async find(run) {
      try {
        return await takeUpHere(run.id);
      } finally {
        // It is at work under its id, or has ended elsewhere, or what is wrong with it may be put right.
        connection.letGoOf(run);
      }
    },
    cancel,
  };
  const endHere = AsyncResource.bind(endWithParent);
  const found: HeldRun[] = [];
  // Parents are loaded to see how they stand; nobody who has work to do waits for that.
  const [arrivals, orphans] = [new Tasks(), new Tasks()];
  const departed = new Set<string>();
  connection.departures.add(departed);
  try {
    for await (const page of pages("running")) {
      connection.expectOpen();
      const parents: Parents = new Map();
      // All of a page at once: nobody else may take them for his own meanwhile.
      for (const listed of page) {
        if (!isKnownHere(listed.runId)) found.push(takeUpInTime(listed, parents));
      }
    }
  } finally {
    connection.departures.delete(departed);
  }
  lookAtPaused().catch((error: unknown) =>
    warn("Paused children, whose parents may have ended, were not looked at", error),
  );
  return found;

  function takeUpInTime(listed: ListedRun, parents: Parents): RestingRun {
    const { runId, parent } = listed;
    const run = new RestingRun(runId, keeper);
    connection.held.set(runId, run);
    const arriveInTurn = () => arrivals.add({ failing: `Run ${runId} was not taken up`, work: () => run.arrive() });
    const rest = timeLimited || departed.has(runId) ? 0 : restOf(listed);
    if (rest <= 0) {
      arriveInTurn();
      return run;
    }
    if (rest < Number.POSITIVE_INFINITY) run.sleep(rest, arriveInTurn);
    if (parent != null) {
      connection.children.note(runId, parent.runId);
      endIfOrphan(runId, parent.runId, parents, () => run.arrive()); // which ends it
    }
    return run;
  }

  async function lookAtPaused(): Promise<void> {
    for await (const page of pages("paused")) {
      const parents: Parents = new Map();
      for (const { runId, parent } of page) {
        if (parent != null && !isKnownHere(runId)) endIfOrphan(runId, parent.runId, parents, () => endHere(runId));
      }
    }
  }

  function endIfOrphan(runId: string, parentId: string, parents: Parents, end: () => Promise<HeldRun>): void {
    const failing = `Run ${runId} has not ended with its parent`;
    const work = async () => {
      const hasEnded = parents.get(parentId) ?? parentHasEnded(parentId);
      parents.set(parentId, hasEnded);
      if (!(await hasEnded)) return;
      const ended = await end();
      // What it has done may take long to undo.
      ended.result.catch((error: unknown) => error instanceof StoreError && warn(failing, error));
    };
    orphans.add({ failing, work });
  }

  function isKnownHere(runId: string): boolean {
    return connection.held.has(runId) || connection.arriving.get(runId)?.workflow === workflow;
  }

  async function* pages(status: RunStatus): AsyncGenerator<ListedRuns["runs"]> {
    let after: number | undefined;
    do {
      const page = await connection.list({ workflow, status, limit: LISTED_AT_ONCE, after, oldestFirst: true });
      for (const message of page.damaged) process.emitWarning(`A run was not taken up: ${message}`, "BlazenWarning");
      yield page.runs;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }
}

/** For how many milliseconds a run rests unless it is asked for something. */
function restOf({ waiting, wakesAt }: ListedRun): number {
  if (wakesAt != null) return wakesAt - native.wallClockTime();
  return waiting ? Number.POSITIVE_INFINITY : 0;
}

interface Task {
  /** What a warning says if it fails. */
  readonly failing: string;
  readonly work: () => Promise<unknown>;
}

/** Does a few things at a time. */
class Tasks {
  #waiting: Task[] = [];
  #next = 0;
  #busy = 0;

  add(task: Task): void {
    this.#waiting.push(task);
    if (this.#busy < LOADED_AT_ONCE) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy += 1;
    while (this.#next < this.#waiting.length) {
      const { failing, work } = this.#waiting[this.#next] as Task;
      this.#next += 1;
      try {
        await work();
      } catch (error) {
        if (isClosed(error)) break;
        warn(failing, error);
      }
    }
    this.#busy -= 1;
    if (this.#busy > 0) return;
    this.#waiting = [];
    this.#next = 0;
  }
}

function warn(what: string, error: unknown): void {
  if (!isClosed(error)) process.emitWarning(`${what}: ${summary(error)}`, "BlazenWarning");
}

function isClosed(error: unknown): boolean {
  return isBlazenError(error) && error.code === "ERR_BLAZEN_STORE_CLOSED";
}
