// What `runWithHandler` and `resume` give: one run, for whoever looks after it.

import { checkDuration, checkFunction, checkString, readOptions } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import type { StreamCallback, StreamSubscription } from "./event_stream.js";
import { INTERNAL, publicClass } from "./public_class.js";
import type { Run } from "./run.js";
import type { AnyEvents, RunData, RunResult } from "./types.js";

/** How a run is paused. */
export interface PauseOptions {
  /**
   * How long to wait for handlers that are at work, in milliseconds; as long as they take unless given. What is still
   * at work then has its `ctx.signal` aborted, and is invoked again on resume with `ctx.attempt` raised. What it has
   * written to the state since it began or last sent an event is taken back.
   */
  graceMs?: number;
}

/** One run: its result, its stream, and what can be asked of it. */
export class WorkflowHandler<Events = AnyEvents> {
  readonly #run: Run;

  /** @internal */
  constructor(by: typeof INTERNAL, run: Run) {
    if (by !== INTERNAL) {
      throw new InvalidArgumentError("a WorkflowHandler is not made with new: use runWithHandler() or resume()");
    }
    this.#run = run;
  }

  /** The id of the run, a UUID. */
  get runId(): string {
    return this.#run.id;
  }

  /**
   * The result of the run, however often it is asked for. Stays pending while the run is paused.
   *
   * Rejects with a `RunFailedError` if the run fails (what a handler threw is its `cause`), and with an
   * `InvalidEventError` if a handler returned what is no event.
   */
  result(): Promise<RunResult<RunData<Events>>> {
    return this.#run.result as Promise<RunResult<RunData<Events>>>;
  }

  /**
   * Stops new deliveries, lets the handlers that are at work return, and resolves to the run as a JSON document, from
   * which `Workflow.resume` goes on anywhere. Pausing a paused run gives the same snapshot. Do not await it in a handler
   * of the run itself: it waits for that handler.
   *
   * If it rejects, the run goes on as if nobody had asked: with `ERR_BLAZEN_SESSION_NOT_EMPTY` under the policy
   * `HardError`, and with `ERR_BLAZEN_NOT_SERIALIZABLE` if an event that is on its way is not JSON. Rejects with
   * `ERR_BLAZEN_RUN_ENDED` if the run has ended, or ends before it has paused; and with `ERR_BLAZEN_NOT_PAUSED` if it is
   * resumed before it has paused.
   */
  async pause(options: PauseOptions = {}): Promise<string> {
    const { graceMs } = readOptions(options, "the options of pause()", ["graceMs"]);
    if (graceMs !== undefined) checkGrace(graceMs);
    return this.#run.pause(graceMs);
  }

  /** The snapshot of the paused run. Rejects with `ERR_BLAZEN_NOT_PAUSED` or `ERR_BLAZEN_RUN_ENDED`. */
  async snapshot(): Promise<string> {
    return this.#run.snapshot();
  }

  /** Goes on with the paused run, here. Rejects with `ERR_BLAZEN_NOT_PAUSED` or `ERR_BLAZEN_RUN_ENDED`. */
  async resumeInPlace(): Promise<void> {
    this.#run.resumeInPlace();
  }

  /**
   * Ends the run: handlers at work have their `ctx.signal` aborted, and `result()` rejects with `ERR_BLAZEN_ABORTED`
   * and `reason` as its `cause`. A run that has ended stays as it ended.
   */
  async abort(reason?: unknown): Promise<void> {
    this.#run.abort(reason);
  }

  /**
   * Answers an input request: the steps that accept `blazen::InputResponseEvent` receive
   * `{ request_id, response }`.
   *
   * Rejects with `ERR_BLAZEN_UNKNOWN_REQUEST` if no such request is open, or it has been answered; with
   * `ERR_BLAZEN_PAUSED` while the run is paused; and with `ERR_BLAZEN_RUN_ENDED`.
   */
  async respondToInput(requestId: string, response: unknown): Promise<void> {
    checkString(requestId, "the request id");
    this.#run.respond(requestId, response);
  }

  /**
   * Calls `callback` for every event of the run's stream, from the first on (of a resumed run: from the resume on), in
   * order. The stream is kept for readers who come late, as long as the handler is. If it returns a promise, the
   * next event waits for it, and the run does not.
   *
   * @returns at once, a promise of the subscription; its `done` is when the callback has had everything
   */
  async streamEvents(callback: StreamCallback): Promise<StreamSubscription> {
    checkFunction(callback, "the callback");
    return this.#run.stream.subscribe(callback);
  }

  static {
    publicClass(WorkflowHandler, { isOurs: (value) => #run in value, rejects: true });
  }
}

function checkGrace(graceMs: unknown): void {
  checkDuration(graceMs, "graceMs", "milliseconds");
  if (graceMs < 0) throw new InvalidArgumentError(`graceMs must be zero or more, and is ${graceMs}`);
}
