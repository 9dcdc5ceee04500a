// What may be said of a step beside its name, what it accepts and its handler.
//
// An option is a field of `StepOptions`, which users write, a field of `StepSettings`, which the rest of this package
// reads, and a line in `readStepOptions`, where it is checked once.

import { checkCount, checkDuration, checkName, readNames, readOptions, refuse } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import { type LimitOptions, type LimitPolicy, readLimitOptions } from "./limit_options.js";
import { type RetryOptions, type RetryPolicy, readRetryOptions } from "./retry_options.js";
import type { Acceptable, AnyEvents, EmittableType, EventOf, FailureType } from "./types.js";

/**
 * What else is known of a step; everything may be left out.
 *
 * @typeParam Events a map from event type to payload
 * @typeParam Type the types of the events that the step receives
 */
export interface StepOptions<Events = AnyEvents, Type extends string = Acceptable<Events>> {
  /**
   * The types of the events that the handler may return or send, for `workflow.graph()` and `workflow.toMermaid()`; `[]`
   * says that it emits nothing. A handler may emit others all the same: they appear in the graph as observed.
   */
  emits?: readonly EmittableType<Events>[];
  /**
   * What to do about a handler that throws: to call it again, after a wait. The run fails at once unless given. The wait
   * is a durable timer: a crash loses neither the number of attempts nor the rest of the wait. An error whose `retryable`
   * is `false`, such as a `NonRetryableError`, is not worth another attempt; one with `retryAfterMs` says how long to wait.
   * What a failed attempt has written to the state is taken back to where it last sent an event.
   */
  retry?: RetryOptions;
  /**
   * How long an attempt may take, in milliseconds; as long as it needs unless given. Then its `ctx.signal` is aborted, and
   * it has failed with a `StepTimeoutError`, to be called again if there is a `retry`.
   */
  timeout?: number;
  /** How many handlers of the step may be at work at a time in one run; any number unless given. */
  concurrency?: number;
  /**
   * How many handlers of the step may be at work at a time in all runs of the workflow in this process, for each key of
   * their events: `{ key: (event) => event.tenant, concurrency: 2 }`. Any number unless given. Runs take turns, and an event
   * that waits for its turn is at work as little as one that is queued: its `timeout` does not count yet, and a pause does
   * not wait for it.
   */
  limit?: LimitOptions<EventOf<Events, Type>>;
  /**
   * The type of an event that goes out when the step has failed for good, instead of failing the run:
   * `{ type, error: { name, message, code, step }, event }`, with the event that it failed at.
   */
  onFailure?: FailureType<Events>;
}

/** The options of a step, checked. */
export interface StepSettings {
  /** The types that it says it emits; undefined if it does not say. */
  readonly emits: readonly string[] | undefined;
  readonly retry: RetryPolicy | undefined;
  /** In milliseconds. */
  readonly timeout: number | undefined;
  readonly concurrency: number | undefined;
  readonly limit: LimitPolicy | undefined;
  readonly onFailure: string | undefined;
}

/**
 * @param step the name of the step, in quotes
 * @throws InvalidArgumentError
 */
export function readStepOptions(options: object, step: string): StepSettings {
  const known = ["emits", "retry", "timeout", "concurrency", "limit", "onFailure"] as const;
  const { emits, retry, timeout, concurrency, limit, onFailure } = readOptions(
    options as StepOptions,
    `the options of step ${step}`,
    known,
  );
  return {
    emits: emits === undefined ? undefined : readEmits(emits, step),
    retry: retry === undefined ? undefined : readRetryOptions(retry, `"retry" of step ${step}`),
    timeout: timeout === undefined ? undefined : readTimeout(timeout, step),
    concurrency: concurrency === undefined ? undefined : readConcurrency(concurrency, step),
    limit: limit === undefined ? undefined : readLimitOptions(limit, `"limit" of step ${step}`),
    onFailure: onFailure === undefined ? undefined : readFailureType(onFailure, step),
  };
}

function readTimeout(timeout: unknown, step: string): number {
  const what = `"timeout" of step ${step}`;
  checkDuration(timeout, what, "milliseconds");
  if (timeout <= 0) refuse(what, "more than 0 milliseconds", timeout);
  return timeout;
}

function readConcurrency(concurrency: unknown, step: string): number {
  checkCount(concurrency, `"concurrency" of step ${step}`, "of handlers");
  return concurrency;
}

function readFailureType(type: unknown, step: string): string {
  const what = `"onFailure" of step ${step}`;
  checkName(type, what);
  if (type === "" || type.startsWith("blazen::")) refuse(what, "the type of an event of yours", type);
  return type;
}

const EMITTABLE = ["blazen::StopEvent", "blazen::InputRequestEvent"];

function readEmits(emits: unknown, step: string): string[] {
  const types = readNames(emits, `"emits" of step ${step}`, `an event type in "emits" of step ${step}`);
  types.forEach((type, index) => {
    const problem = problemWith(type) ?? (types.indexOf(type) < index ? "is in it twice" : undefined);
    if (problem !== undefined)
      throw new InvalidArgumentError(`"emits" of step ${step}: ${JSON.stringify(type)} ${problem}`);
  });
  return types;
}

function problemWith(type: string): string | undefined {
  if (type === "") return "is no event type: it is empty";
  if (!type.startsWith("blazen::") || EMITTABLE.includes(type)) return undefined;
  const list = EMITTABLE.map((emittable) => JSON.stringify(emittable)).join(" and ");
  return `cannot be emitted: names that begin with "blazen::" are the engine's own, and of those a step may emit ${list}`;
}
