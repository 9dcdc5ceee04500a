// How often a step is attempted, and whether an error is worth another attempt.

import { checkCount, checkFunction, readOptions, refuse } from "./arguments.js";

/** What a step does about a handler that throws. A field that is left out has its default. */
export interface RetryOptions {
  /** How many attempts there are, the first one included; 3 unless given. One that a crash or a pause cut short counts. */
  maxAttempts?: number;
  /** How long to wait after the first attempt, in milliseconds; 1,000 unless given. */
  initialDelayMs?: number;
  /** By how much each wait is longer than the one before, 1 or more; 2 unless given. */
  factor?: number;
  /** The longest wait, in milliseconds; 60,000 unless given. What an error asks for by `retryAfterMs` may be longer. */
  maxDelayMs?: number;
  /** Which part of each wait is left to chance, from 0 to 1; 0 unless given. Waits only get shorter by it. */
  jitter?: number;
  /** Whether an error is worth another attempt; every error is unless given. Must not be asynchronous. */
  when?: (error: unknown) => boolean;
}

/** The options, checked and whole. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  readonly jitter: number;
  readonly when: ((error: unknown) => boolean) | undefined;
}

/** An error that no further attempt would mend: a step that throws it fails at once, whatever its `retry`. */
export class NonRetryableError extends Error {
  /** Any error with this field is taken so. */
  readonly retryable = false;

  static {
    Object.defineProperty(NonRetryableError.prototype, "name", {
      value: "NonRetryableError",
      writable: true,
      configurable: true,
    });
  }
}

/** The longest wait: a deadline beyond it would be no date. */
export const LONGEST_WAIT_MS = 8e15;

/**
 * @param what whose options they are
 * @throws InvalidArgumentError
 */
export function readRetryOptions(options: unknown, what: string): RetryPolicy {
  const {
    maxAttempts = 3,
    initialDelayMs = 1_000,
    factor = 2,
    maxDelayMs = 60_000,
    jitter = 0,
    when,
  } = readOptions(options as RetryOptions, what, [
    "maxAttempts",
    "initialDelayMs",
    "factor",
    "maxDelayMs",
    "jitter",
    "when",
  ]);
  checkCount(maxAttempts, `maxAttempts in ${what}`, "of attempts");
  checkWait(initialDelayMs, `initialDelayMs in ${what}`);
  checkWait(maxDelayMs, `maxDelayMs in ${what}`);
  if (!isWithin(factor, 1, Number.MAX_VALUE)) refuse(`factor in ${what}`, "a number, 1 or more", factor);
  if (!isWithin(jitter, 0, 1)) refuse(`jitter in ${what}`, "a number from 0 to 1", jitter);
  if (when !== undefined) checkFunction(when, `when in ${what}`);
  return { maxAttempts, initialDelayMs, factor, maxDelayMs, jitter, when };
}

/** What an error says of itself; one that cannot be read says nothing. */
export function wishesOf(error: unknown): { retryable: boolean; retryAfterMs: number | undefined } {
  try {
    const { retryable, retryAfterMs } = Object(error) as { retryable?: unknown; retryAfterMs?: unknown };
    return { retryable: retryable !== false, retryAfterMs: isWait(retryAfterMs) ? retryAfterMs : undefined };
  } catch {
    return { retryable: true, retryAfterMs: undefined };
  }
}

function checkWait(value: unknown, what: string): void {
  if (!isWait(value)) refuse(what, "a number of milliseconds, 0 or more", value);
}

function isWait(value: unknown): value is number {
  return isWithin(value, 0, LONGEST_WAIT_MS);
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}
