// Taking up the unfinished runs of a store.

import { AsyncResource } from "node:async_hooks";
import { summary } from "./describe.js";
import { isBlazenError } from "./errors.js";
import { type HeldRun, RestingRun } from "./held_run.js";
import type { StoreConnection } from "./store_connection.js";

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
  /** Also those that wait for an answer; they are left until they are asked for something otherwise. */
  readonly waitingToo: boolean;
}

/** Finds the unfinished runs of a workflow that are not at work here, and begins to take them up, the oldest first. */
export async function recoverRuns(recovery: Recovery): Promise<HeldRun[]> {
  const { connection, workflow, takeUp, cancel, waitingToo } = recovery;
  // Also a run that is loaded later goes on in the asynchronous context of whoever recovers, and not of whoever asks for it.
  const takeUpHere = AsyncResource.bind(takeUp);
  const found: HeldRun[] = [];
  const queue = new TakingUp();
  let after: number | undefined;
  do {
    const page = await connection.list({
      workflow,
      status: "running",
      limit: LISTED_AT_ONCE,
      after,
      oldestFirst: true,
    });
    for (const message of page.damaged) process.emitWarning(`A run was not taken up: ${message}`, "BlazenWarning");
    for (const { runId, waiting } of page.runs) {
      if (connection.held.has(runId) || connection.arriving.get(runId)?.workflow === workflow) continue;
      const run = restingRun(runId);
      found.push(run);
      if (waitingToo || !waiting) queue.add(run);
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;

  function restingRun(runId: string): RestingRun {
    const find = async () => {
      try {
        return await takeUpHere(runId);
      } finally {
        // It is at work under its id, or has ended elsewhere, or what is wrong with it may be put right.
        if (connection.held.get(runId) === run) connection.held.delete(runId);
      }
    };
    const run: RestingRun = new RestingRun({ id: runId, workflow, find, cancel: (reason) => cancel(runId, reason) });
    connection.held.set(runId, run);
    return run;
  }
}

/** Takes up a few runs at a time. */
class TakingUp {
  readonly #waiting: RestingRun[] = [];
  #next = 0;
  #busy = 0;

  add(run: RestingRun): void {
    this.#waiting.push(run);
    if (this.#busy < LOADED_AT_ONCE) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy += 1;
    while (this.#next < this.#waiting.length) {
      const run = this.#waiting[this.#next] as RestingRun;
      this.#next += 1;
      try {
        await run.arrive();
      } catch (error) {
        if (isBlazenError(error) && error.code === "ERR_BLAZEN_STORE_CLOSED") break;
        process.emitWarning(`Run ${run.id} was not taken up: ${summary(error)}`, "BlazenWarning");
      }
    }
    this.#busy -= 1;
  }
}
