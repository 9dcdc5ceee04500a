// The end of one run: that it comes once, stays as it came, and is told to whoever waits for the result.
//
// An end that the engine has is not one that the run has: what a store must know before anybody else is told when the
// store has it.

import { type BlazenError, fromNative, InvalidEventError, isBlazenError, RunStateError } from "./errors.js";
import type { RunResult } from "./types.js";

/** What its end does to a run. */
export interface EndingRun {
  readonly id: string;
  /** Nothing is called, waited for or written any more. */
  letGo(): void;
  /** Tells handlers that are at work, if they have asked to be told, and ends the runs that they wait for. */
  abortSignals(): void;
}

type Standing =
  | { readonly is: "going on" }
  /** The engine has ended the run because of `failure`, and its store does not have that yet; or it undoes before what is done. */
  | { readonly is: "failing"; readonly failure: BlazenError }
  | { readonly is: "failed"; readonly failure: BlazenError }
  | { readonly is: "completed" };

const GOING_ON: Standing = { is: "going on" };
const COMPLETED: Standing = { is: "completed" };

export class RunEnd {
  readonly result: Promise<RunResult>;
  readonly #run: EndingRun;
  #standing: Standing = GOING_ON;
  #resolve!: (result: RunResult) => void;
  #reject!: (error: unknown) => void;
  #whenReached: (() => void) | undefined;

  constructor(run: EndingRun) {
    this.#run = run;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isReached(): boolean {
    return this.#standing.is === "completed" || this.#standing.is === "failed";
  }

  /** What the run has failed with. */
  get failure(): BlazenError | undefined {
    return this.#standing.is === "failed" ? this.#standing.failure : undefined;
  }

  /** What the run fails with, once its store has that and what is done is undone. */
  get failing(): BlazenError | undefined {
    return this.#standing.is === "failing" ? this.#standing.failure : undefined;
  }

  /** For an error that is due to the end. */
  get why(): ErrorOptions | undefined {
    const failure = this.failure ?? this.failing;
    return failure === undefined ? undefined : { cause: failure };
  }

  /** What a handler that is still at work is told. */
  get reason(): unknown {
    return this.failure ?? new RunStateError("ERR_BLAZEN_RUN_ENDED", "the run has ended");
  }

  /** Calls the engine; a refusal because the run has ended says what ended it. */
  sayWhy<Result>(callNative: () => Result): Result {
    try {
      return callNative();
    } catch (error) {
      const refusal = fromNative(error);
      if (isBlazenError(refusal) && refusal.code === "ERR_BLAZEN_RUN_ENDED") {
        throw new RunStateError(refusal.code, refusal.message, this.why);
      }
      throw refusal;
    }
  }

  /** Calls `tell` when the run has ended; at once if it has. */
  whenReached(tell: () => void): void {
    if (this.isReached) tell();
    else this.#whenReached = tell;
  }

  /** The engine has ended the run because of `failure`: its store is told first. */
  failsOnceStored(failure: BlazenError): void {
    if (this.#standing.is === "going on") this.#standing = { is: "failing", failure };
  }

  fail(failure: BlazenError): void {
    if (this.isReached) return;
    failure.runId = this.#run.id;
    this.#reach({ is: "failed", failure });
    this.#reject(failure);
    this.#run.abortSignals();
  }

  /** @param stop the stop event, or the text of its result, which is empty if there is none */
  complete(stop: object | string): void {
    let data: unknown;
    try {
      if (typeof stop !== "string") data = (stop as { result?: unknown }).result;
      else data = stop === "" ? undefined : JSON.parse(stop);
    } catch (error) {
      this.fail(new InvalidEventError("the result of the stop event cannot be read", { cause: error }));
      return;
    }
    if (this.isReached) return;
    this.#reach(COMPLETED);
    this.#resolve({ type: "blazen::StopEvent", data, runId: this.#run.id });
    this.#run.abortSignals();
  }

  /** What comes of every end. Whoever listens to a signal is user code, and is told when all is settled. */
  #reach(end: Standing): void {
    this.#standing = end;
    this.#run.letGo();
    this.#whenReached?.();
  }
}
