// What `runWithHandler` and `resume` give: one run, for whoever looks after it.

import { checkDuration, checkFunction, checkString, readOptions } from "./arguments.js";
import { InvalidArgumentError, isBlazenError } from "./errors.js";
import type { StreamCallback, StreamSubscription } from "./event_stream.js";
import type { HeldRun } from "./held_run.js";
import { INTERNAL, publicClass } from "./public_class.js";
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
  readonly #run: HeldRun;

  /** @internal */
  constructor(by: typeof INTERNAL, run: HeldRun) {
    if (by !== INTERNAL) {
      throw new InvalidArgumentError(
        "a WorkflowHandler is not made with new: use runWithHandler(), resume(), attach() or recover()",
      );
    }
    this.#run = run;
  }

  /** The id of the run, a UUID. */
  get runId(): string {
    return this.#run.id;
  }

  /**
   * The result of the run, however often it is asked for. Stays pending while the run is paused. Of a stored run it is
   * given when the store has it.
   *
   * Rejects with a `RunFailedError` if the run fails (what a handler threw is its `cause`), with an
   * `InvalidEventError` if a handler returned what is no event, and with a `StoreError` if the store fails: then the run
   * is unfinished in it, and `Workflow.recover` or `attach` goes on with it.
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
    const run = this.#run.here ?? (await this.#run.live());
    return run.pause(graceMs);
  }

  /** The snapshot of the paused run. Rejects with `ERR_BLAZEN_NOT_PAUSED` or `ERR_BLAZEN_RUN_ENDED`. */
  async snapshot(): Promise<string> {
    const run = this.#run.here ?? (await this.#run.live());
    return run.snapshot();
  }

  /** Goes on with the paused run, here. Rejects with `ERR_BLAZEN_NOT_PAUSED` or `ERR_BLAZEN_RUN_ENDED`. */
  async resumeInPlace(): Promise<void> {
    const run = this.#run.here ?? (await this.#run.live());
    await run.resumeInPlace();
  }

  /**
   * Ends the run: handlers at work have their `ctx.signal` aborted, and `result()` rejects with `ERR_BLAZEN_ABORTED`
   * and `reason` as its `cause`; a store has it as cancelled. A run that has ended stays as it ended. Whether the store
   * has it is told by `result()`.
   */
  async abort(reason?: unknown): Promise<void> {
    const run = this.#run.here ?? (await this.#run.live().catch(nobody));
    await run?.abort(reason);
  }

  /**
   * Answers an input request: the steps that accept `blazen::InputResponseEvent` receive
   * `{ request_id, response }`. Resolves when the store of the run, if it has one, has the answer.
   *
   * Rejects with `ERR_BLAZEN_UNKNOWN_REQUEST` if no such request is open, or it has been answered; with
   * `ERR_BLAZEN_PAUSED` while the run is paused; and with `ERR_BLAZEN_RUN_ENDED`.
   */
  async respondToInput(requestId: string, response: unknown): Promise<void> {
    checkString(requestId, "the request id");
    const run = this.#run.here ?? (await this.#run.live());
    await run.respond(requestId, response);
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
    const stream = this.#run.stream ?? (await this.#run.live()).stream;
    return stream.subscribe(callback);
  }

  static {
    publicClass(WorkflowHandler, { isOurs: (value) => #run in value, rejects: true });
  }
}

/** A run that has ended stays as it ended. */
function nobody(error: unknown): undefined {
  if (isBlazenError(error) && error.code === "ERR_BLAZEN_RUN_ENDED") return undefined;
  throw error;
}

function checkGrace(graceMs: unknown): void {
  checkDuration(graceMs, "graceMs", "milliseconds");
  if (graceMs < 0) throw new InvalidArgumentError(`graceMs must be zero or more, and is ${graceMs}`);
}
