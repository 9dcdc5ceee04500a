// What becomes of a handler that throws: it is called again, an event goes out in its stead, or its run fails.

import { types } from "node:util";
import type { Definition, Step } from "./definition.js";
import { type Emission, emissionOf, observe } from "./emission.js";
import { type BlazenError, isBlazenError, StepError } from "./errors.js";
import type { Lifecycle } from "./lifecycle.js";
import { type RetryPolicy, wishesOf } from "./retry_options.js";
import type { NativeContext, StepDriver } from "./step_driver.js";

/** The handler of an invocation has failed. */
export interface FailedAttempt {
  readonly invocation: number;
  /** The number of its step. */
  readonly step: number;
  /** 1 for the first. */
  readonly attempt: number;
  /** The number of the event that it was called with. */
  readonly payload: number;
  /** With which the run fails, unless something else comes of it. */
  readonly error: BlazenError;
}

/** What goes out in the stead of a step that has failed for good: the event of its `onFailure`. */
export interface FailureEvent {
  type: string;
  error: {
    /** Of what was thrown, or `Error` if that has none. */
    name: string;
    message: string;
    /** The `code` of what was thrown, if it has one. */
    code: string | number | null;
    /** The step that has failed. */
    step: string;
  };
  /** The event that the step was called with. */
  // biome-ignore lint/suspicious/noExplicitAny: an event of the user's
  event: any;
}

/** A run, as far as its failed attempts need it. */
export interface FailingRun {
  readonly native: NativeContext;
  readonly driver: StepDriver;
  readonly definition: Definition;
  readonly lifecycle: Lifecycle | undefined;
  /** @throws RunStateError if nothing is taken from this invocation any more */
  expectInFlight(invocation: number): void;
  /** Something may sleep now. */
  lookAtTheClock(): void;
  /** The attempt fails the run with this. */
  failStep(failed: FailedAttempt, failure: BlazenError): void;
}

/**
 * @returns whether there will be another attempt
 * @throws RunStateError if nothing is taken from the attempt any more
 */
export function decide(run: FailingRun, failed: FailedAttempt): boolean {
  const { invocation, step, attempt, error } = failed;
  const { retry, onFailure } = run.definition.steps[step] as Step;
  const outlook = retry === undefined ? undefined : outlookOf(error, retry);
  const failure = outlook?.error ?? error;
  const isRetried = outlook !== undefined && triesAgain(run, invocation, outlook);
  if (isRetried) {
    run.lifecycle?.stepFailed("step", step, invocation, attempt, failure, true);
    run.lookAtTheClock();
  } else if (onFailure === undefined) {
    run.failStep(failed, failure);
  } else {
    giveUp(run, failed, onFailure, failure);
  }
  return isRetried;
}

/** Whether the engine calls the handler again. */
export function triesAgain(run: FailingRun, invocation: number, { retryable, retryAfterMs }: Outlook): boolean {
  return run.native.tryAgain(invocation, retryable, retryAfterMs, Math.random(), performance.now());
}

/** The step tells of its failure by an event; if there can be none, the run fails, with the reason if that is known. */
function giveUp(run: FailingRun, failed: FailedAttempt, type: string, failure: BlazenError): void {
  const { invocation, step, attempt, payload } = failed;
  run.expectInFlight(invocation);
  const { definition, driver } = run;
  const failing = definition.steps[step] as Step;
  let emission: Emission;
  let kept: number;
  try {
    const told = failureEvent(type, failing.name, failure, driver.event(payload));
    emission = emissionOf(told, definition, "onFailure gave");
    kept = driver.keep(emission.event, emission.eventType);
  } catch (refusal) {
    run.failStep(failed, isBlazenError(refusal) ? refusal : failure);
    return;
  }
  observe(failing, emission);
  run.native.giveUp(invocation, emission.eventType, kept, emission.name);
  run.lifecycle?.stepFailed("step", step, invocation, attempt, failure, false);
  driver.comeBack();
}

/** Whether another attempt could go better, as far as the error and the user know. */
export interface Outlook {
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  /** The error, or another one if the user's condition has failed. */
  readonly error: BlazenError;
}

export function outlookOf(error: BlazenError, policy: RetryPolicy): Outlook {
  const isThrown = error instanceof StepError;
  const { retryable, retryAfterMs } = wishesOf(error.cause);
  // What a handler returned and is no event is a mistake of the code, which it will make again.
  if (!isThrown || !retryable) return { retryable: false, retryAfterMs, error };
  try {
    const isWorthIt = policy.when === undefined || policy.when(error.cause) === true;
    return { retryable: isWorthIt, retryAfterMs, error };
  } catch (thrown) {
    const both = new AggregateError([error.cause, thrown], "the handler failed, and so did the `when` of its retry");
    return { retryable: false, retryAfterMs, error: new StepError(error.step, both) };
  }
}

function failureEvent(type: string, step: string, error: BlazenError, event: object): FailureEvent {
  return { type, error: { ...described(thrownBy(error)), step }, event };
}

/** What the handler threw, if that is what `error` is about. */
export function thrownBy(error: BlazenError): unknown {
  return error instanceof StepError ? error.cause : error;
}

/** What was thrown, in a form that JSON can hold. */
export function described(thrown: unknown): Omit<FailureEvent["error"], "step"> {
  try {
    if (types.isNativeError(thrown)) {
      const { code } = thrown as { code?: unknown };
      const isTold = typeof code === "string" || Number.isFinite(code);
      return {
        name: String(thrown.name),
        message: String(thrown.message),
        code: isTold ? (code as string | number) : null,
      };
    }
    return { name: "Error", message: String(thrown), code: null };
  } catch {
    return { name: "Error", message: "what was thrown cannot be read", code: null };
  }
}
