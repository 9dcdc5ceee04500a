// What may be said of a step beside its name, what it accepts and its handler.
//
// An option is a field of `StepOptions`, which users write, a field of `StepSettings`, which the rest of this package
// reads, and a line in `readStepOptions`, where it is checked once.

import { checkCount, checkDuration, checkFunction, checkName, readNames, readOptions, refuse } from "./arguments.js";
import type { Handler } from "./definition.js";
import { InvalidArgumentError } from "./errors.js";
import { type LimitOptions, type LimitPolicy, readLimitOptions } from "./limit_options.js";
import { type RetryOptions, type RetryPolicy, readRetryOptions } from "./retry_options.js";
import type {
  Acceptable,
  AnyEvents,
  AnyState,
  CompensationHandler,
  EmittableType,
  EventOf,
  FailureType,
} from "./types.js";

/** What is done about a compensation that throws, of a step without a `retry`. */
const RETRY_TO_UNDO = readRetryOptions({ maxAttempts: 5 }, "a compensation");

/**
 * What else is known of a step; everything may be left out.
 *
 * @typeParam Events a map from event type to payload
 * @typeParam State a map from state key to the type of its value
 * @typeParam Type the types of the events that the step receives
 */
export interface StepOptions<
  Events = AnyEvents,
  State = AnyState,
  Type extends string = Acceptable<Events>,
  Emitted = Events,
> {
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
  /**
   * Undoes the step. When a run fails or is cancelled, what its steps have done is undone before it ends: for each handler
   * that has returned, the last first and one at a time, with the event that the step was called with. It reads and writes
   * the state, and emits nothing. In a stored run what is undone is not undone twice, and a crash in between is gone on from.
   *
   * If it throws it is called again, by the `retry` of the step or, without one, up to 5 times, after 1, 2, 4 and 8
   * seconds; the `timeout` of the step is that of each attempt. If that does not help, the others go on, and the error of
   * the run tells of it in its `compensationErrors`.
   *
   * When the run fails, a handler of such a step that is at work is waited for, since it may be doing what must be undone:
   * its `ctx.signal` is aborted, and if it returns all the same it is undone. Give it a `timeout` if it could hang.
   */
  compensate?: CompensationHandler<Events, State, Type, Emitted>;
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
  readonly compensate: Handler | undefined;
  /** How often its compensation is attempted, if it has one. */
  readonly compensationRetry: RetryPolicy | undefined;
}

/**
 * @param step the name of the step, in quotes
 * @throws InvalidArgumentError
 */
export function readStepOptions(options: object, step: string): StepSettings {
  const known = ["emits", "retry", "timeout", "concurrency", "limit", "onFailure", "compensate"] as const;
  const { emits, retry, timeout, concurrency, limit, onFailure, compensate } = readOptions(
    options as StepOptions,
    `the options of step ${step}`,
    known,
  );
  const policy = retry === undefined ? undefined : readRetryOptions(retry, `"retry" of step ${step}`);
  if (compensate !== undefined) checkFunction(compensate, `"compensate" of step ${step}`);
  return {
    emits: emits === undefined ? undefined : readEmits(emits, step),
    retry: policy,
    timeout: timeout === undefined ? undefined : readTimeout(timeout, step),
    concurrency: concurrency === undefined ? undefined : readConcurrency(concurrency, step),
    limit: limit === undefined ? undefined : readLimitOptions(limit, `"limit" of step ${step}`),
    onFailure: onFailure === undefined ? undefined : readFailureType(onFailure, step),
    compensate: compensate as Handler | undefined,
    compensationRetry: compensate === undefined ? undefined : (policy ?? RETRY_TO_UNDO),
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
