// What becomes of a handler that throws: it is called again, an event goes out in its stead, or its run fails.

import { types } from "node:util";
import { type BlazenError, StepError } from "./errors.js";
import { type RetryPolicy, wishesOf } from "./retry_options.js";

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

export function failureEvent(type: string, step: string, error: BlazenError, event: object): FailureEvent {
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
