// What `runWithHandler` and `resume` give: one run, for whoever looks after it.

import { checkDuration, checkFunction, checkString, readOptions } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import type { EventStream } from "./event_stream.js";
import type { HeldRun } from "./held_run.js";
import { type IncomingOptions, readIncomingOptions } from "./outside_events.js";
import { INTERNAL, publicClass } from "./public_class.js";
import { responseOf } from "./server_sent_events.js";
import { type StreamCallback, type StreamSubscription, subscribe } from "./stream_callback.js";
import { StreamIterator } from "./stream_iterator.js";
import {
  readResponseOptions,
  readStreamOptions,
  type Streamed,
  type StreamOptions,
  type StreamResponseOptions,
} from "./stream_options.js";
import type { LifecycleEntry, StreamEntry } from "./stream_place.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { AnyEvent, AnyEvents, Incoming, RunData, RunResult } from "./types.js";

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
   * given when the store has it, and of a run that undoes what it has done when that is undone: what could not be undone
   * is in `compensationErrors` of the error.
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
   * which `Workflow.resume` goes on anywhere. Its children are paused as well; a handler that only waits for these is not
   * waited for, and is invoked again on resume. Pausing a paused run gives the same snapshot. Do not await it in a handler
   * of the run itself: it waits for that handler.
   *
   * If it rejects, the run goes on as if nobody had asked: with `ERR_BLAZEN_SESSION_NOT_EMPTY` under the policy
   * `HardError`, and with `ERR_BLAZEN_NOT_SERIALIZABLE` if an event that is on its way is not JSON. Rejects with
   * `ERR_BLAZEN_RUN_ENDED` if the run has ended, or ends before it has paused or begins then to undo what it has done; and
   * with `ERR_BLAZEN_NOT_PAUSED` if it is resumed before it has paused.
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
    return run.snapshotOnceHeard();
  }

  /** Goes on with the paused run, here. Rejects with `ERR_BLAZEN_NOT_PAUSED` or `ERR_BLAZEN_RUN_ENDED`. */
  async resumeInPlace(): Promise<void> {
    const run = this.#run.here ?? (await this.#run.live());
    await run.resumeInPlace();
  }

  /**
   * Ends the run and its children: handlers at work have their `ctx.signal` aborted, and `result()` rejects with
   * `ERR_BLAZEN_ABORTED` and `reason` as its `cause`; a store has it as cancelled. A run that has ended stays as it ended.
   * Whether the store has it is told by `result()`. If steps that have a `compensate` are done, they are undone first:
   * `result()` rejects after that, and a further `abort()` changes nothing. `Workflow.cancel` ends a run by its id, and
   * says whether it did.
   */
  async abort(reason?: unknown): Promise<void> {
    await this.#run.abort(reason);
  }

  /**
   * Answers an input request: the steps that accept `blazen::InputResponseEvent` receive
   * `{ request_id, response }`. If the run has not asked this, a child that has is answered. Resolves when the store of the run, if it has one, has the answer.
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
   * Gives the run an event from outside. It goes to the steps that accept it if the run expects one of its type
   * (`ctx.expectEvent`); else it is kept until the run does, or, with `{ unexpected: "deliver" }`, goes to them at once.
   * Resolves when the store of the run, if it has one, has the event: to whether it has gone to steps.
   *
   * Rejects with `ERR_BLAZEN_INVALID_EVENT` if it is no event for steps, or no step accepts it (the run goes on), with
   * `ERR_BLAZEN_SCHEMA`, with `ERR_BLAZEN_PAUSED` while the run is paused, and with `ERR_BLAZEN_RUN_ENDED`.
   */
  async sendEvent(event: Incoming<Events>, options: IncomingOptions = {}): Promise<boolean> {
    const atOnce = readIncomingOptions(options);
    const run = this.#run.here ?? (await this.#run.live());
    return run.receive(event, atOnce);
  }

  /**
   * Calls `callback` for every event of the run's stream, from the oldest that is kept on (of a resumed run: from the
   * resume on; with `persistStream`: from the first on), in order. If it returns a promise, the next event waits for it, and the run does not.
   *
   * @returns at once, a promise of the subscription; its `done` is when the callback has had everything
   */
  async streamEvents(callback: StreamCallback): Promise<StreamSubscription> {
    checkFunction(callback, "the callback");
    const stream = this.#stream();
    return subscribe(stream instanceof Promise ? await stream : stream, callback);
  }

  /** The events of the run's stream: `for await (const event of handler)`. As `stream()`. */
  [Symbol.asyncIterator](): AsyncIterator<AnyEvent, undefined> {
    return this.stream()[Symbol.asyncIterator]();
  }

  /**
   * The events of the run's stream, in order, for `for await`. Each loop reads for itself, from the oldest event that is
   * kept or `from` an offset; leaving it holds nothing. It ends when the run has ended, however: whether the run failed is
   * told by its `result()`.
   *
   * A loop that is slower than the run holds nobody up and costs no memory: events are kept once per run, the last
   * `streamBuffer` of them. If what it would read next is not kept any more, it throws a `StreamGoneError`
   * (`ERR_BLAZEN_STREAM_GONE`); nothing is ever left out in silence. Of a workflow with `persistStream` it is read from the
   * store instead, from any offset, also when the run has ended.
   *
   * @throws InvalidArgumentError
   */
  stream<const Options extends StreamOptions = Record<never, never>>(
    options?: Options,
  ): AsyncIterable<Streamed<Options>> {
    const settings = readStreamOptions(options === undefined ? {} : options, "the options of stream()");
    return { [Symbol.asyncIterator]: () => this.#read<Options>(settings) };
  }

  /**
   * The same as a `ReadableStream` of events, which reads on when it is read. Cancelling it stops reading.
   *
   * @throws InvalidArgumentError
   */
  toReadableStream<const Options extends StreamOptions = Record<never, never>>(
    options?: Options,
  ): ReadableStream<Streamed<Options>> {
    const events = this.#read<Options>(
      readStreamOptions(options === undefined ? {} : options, "the options of toReadableStream()"),
    );
    return new ReadableStream<Streamed<Options>>(
      {
        async pull(controller) {
          const { done, value } = await events.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        },
        async cancel() {
          await events.return?.();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * The same as a `Response` of server-sent events, for a route of a server: `id` is the offset, `event` the type, and
   * `data` the event as JSON. The end of the run is an event `blazen::end`, at which a client closes its `EventSource`.
   * With the `request`, a client that comes back goes on where it was; one that has had the end is answered with 204.
   *
   * An event that JSON cannot hold fails the response with a `SerializationError`. Rejects, before anything is sent, with
   * `ERR_BLAZEN_STREAM_GONE` if what the client asks for is not kept any more (answer 410), and with
   * `ERR_BLAZEN_INVALID_ARGUMENT` if it has not been written yet or its `Last-Event-ID` is no offset (answer 400).
   */
  async toResponse(options: StreamResponseOptions = {}): Promise<Response> {
    const settings = readResponseOptions(options);
    return responseOf(await this.#stream(), settings);
  }

  #stream(): EventStream | Promise<EventStream> {
    return this.#run.stream ?? this.#run.live().then(({ stream }) => stream);
  }

  #read<Options>(settings: StreamOptions): AsyncIterator<Streamed<Options>, undefined> {
    const stream = this.#stream();
    if (stream instanceof Promise) toldElsewhere(stream);
    const give = (entry: StreamEntry | LifecycleEntry) => (settings.withOffsets === true ? entry : entry.event);
    return new StreamIterator(stream, settings, give) as AsyncIterator<Streamed<Options>, undefined>;
  }

  static {
    publicClass(WorkflowHandler, {
      isOurs: (value) => #run in value,
      rejects: true,
      except: ["stream", "toReadableStream", Symbol.asyncIterator],
    });
  }
}

function checkGrace(graceMs: unknown): void {
  checkDuration(graceMs, "graceMs", "milliseconds");
  if (graceMs < 0) throw new InvalidArgumentError(`graceMs must be zero or more, and is ${graceMs}`);
}
