// What happens to a run and to its steps, told to whoever wants to hear of it.
//
// It is made when somebody does. Nothing here decides anything: it is called by those who have.

import type { BlazenError } from "./errors.js";
import type { EventStream, StreamEnd } from "./event_stream.js";
import { described, thrownBy } from "./failed_attempt.js";

/** What a step has failed with, as JSON. */
export interface LifecycleError {
  name: string;
  message: string;
  code: string | number | null;
}

/** Something that has happened to an attempt at a step. */
interface StepLifecycleEvent {
  /** The name of the step. */
  step: string;
  /** A number that the events of one attempt share, and no other attempt of the run in this process has. */
  invocation: number;
  /** 1 for the first attempt. */
  attempt: number;
  /** When it happened, in milliseconds since 1970. */
  at: number;
}

/** What is attempted: a step, or to undo it. */
type Attempted = "step" | "compensation";

/**
 * Something that has happened in a run. Each attempt at a step, or to undo it by its `compensate`, is started, and then
 * completed, failed (for good) or retrying (it has failed, and there will be another); or none of these, if a pause or the
 * end of the run does not wait for it.
 */
export type LifecycleEvent =
  | ({ type: `blazen::${Attempted}.${"started" | "completed"}` } & StepLifecycleEvent)
  | ({ type: `blazen::${Attempted}.${"failed" | "retrying"}`; error: LifecycleError } & StepLifecycleEvent)
  | {
      type: "blazen::run.paused" | "blazen::run.resumed" | "blazen::run.completed" | "blazen::run.cancelled";
      at: number;
    }
  | { type: "blazen::run.failed"; error: LifecycleError; at: number };

export class Lifecycle {
  readonly #stream: EventStream;
  readonly #nameOf: (step: number) => string;

  constructor(stream: EventStream, nameOf: (step: number) => string) {
    this.#stream = stream;
    this.#nameOf = nameOf;
  }

  stepStarted(what: Attempted, step: number, invocation: number, attempt: number): void {
    this.#note({ type: `blazen::${what}.started`, ...this.#attempt(step, invocation, attempt) });
  }

  stepCompleted(what: Attempted, step: number, invocation: number, attempt: number): void {
    this.#note({ type: `blazen::${what}.completed`, ...this.#attempt(step, invocation, attempt) });
  }

  stepFailed(
    what: Attempted,
    step: number,
    invocation: number,
    attempt: number,
    error: BlazenError,
    isRetried: boolean,
  ): void {
    const type = `blazen::${what}.${isRetried ? "retrying" : "failed"}` as const;
    this.#note({ type, error: described(thrownBy(error)), ...this.#attempt(step, invocation, attempt) });
  }

  runPaused(): void {
    this.#note({ type: "blazen::run.paused", at: Date.now() });
  }

  runResumed(): void {
    this.#note({ type: "blazen::run.resumed", at: Date.now() });
  }

  runEnded(how: StreamEnd, failure: BlazenError | undefined): void {
    if (how === "lost") return;
    if (how.status === "failed") {
      this.#note({ type: "blazen::run.failed", error: described(failure), at: Date.now() });
    } else {
      this.#note({ type: `blazen::run.${how.status}`, at: Date.now() });
    }
  }

  #attempt(step: number, invocation: number, attempt: number) {
    return { step: this.#nameOf(step), invocation, attempt, at: Date.now() };
  }

  #note(event: LifecycleEvent): void {
    this.#stream.note(event);
  }
}
