// One run as this process holds it: what users may ask of it, and how it answers them.

import { Alarm } from "./alarm.js";
import { type AnyContext, Context } from "./context.js";
import type { Definition } from "./definition.js";
import { checkEvent, emissionOf } from "./emission.js";
import {
  AbortedError,
  type BlazenError,
  type BlazenErrorCode,
  fromNative,
  InternalError,
  InvalidEventError,
  isBlazenError,
  ofCode,
  RunFailedError,
  RunStateError,
  translated,
} from "./errors.js";
import { EventStream } from "./event_stream.js";
import { native } from "./native.js";
import { PauseInProgress } from "./pause_in_progress.js";
import { type SessionPausePolicy, toNative } from "./pause_policy.js";
import type { PayloadTable } from "./payload_table.js";
import { INTERNAL } from "./public_class.js";
import { Signals } from "./signals.js";
import { takeSnapshot } from "./snapshot.js";
import { type DrivenRun, isLate, type NativeContext, StepDriver } from "./step_driver.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { AnyEvent, RunResult } from "./types.js";

type NativeState = InstanceType<typeof native.StateNamespace>;
type NativeSession = InstanceType<typeof native.SessionNamespace>;

export interface RunOptions {
  readonly definition: Definition;
  readonly pausePolicy: SessionPausePolicy;
  /** Whether somebody holds the run: to answer it, and to read its stream from the beginning at any time. */
  readonly hasHandler: boolean;
  /** Whether the run must be told the time. */
  readonly timeLimited: boolean;
  /** Begins the run in the engine; its first events go into the table. */
  readonly begin: (payloads: PayloadTable, now: number) => NativeContext;
}

export class Run implements DrivenRun {
  /** The number by which the functions of the hot path name the run. */
  readonly key: number;
  readonly native: NativeContext;
  readonly stream: EventStream;
  readonly result: Promise<RunResult>;

  readonly #definition: Definition;
  readonly #pausePolicy: SessionPausePolicy;
  readonly #hasHandler: boolean;
  readonly #driver: StepDriver;
  #resolve!: (result: RunResult) => void;
  #reject!: (error: unknown) => void;

  #id: string | undefined;
  #state: NativeState | undefined;
  #session: NativeSession | undefined;
  #ended = false;
  #failure: BlazenError | undefined;
  #pause: PauseInProgress | undefined;
  #snapshot: string | undefined;
  #signals: Signals | undefined;
  #timeLimit: Alarm | undefined;

  constructor(options: RunOptions) {
    this.#definition = options.definition;
    this.#pausePolicy = options.pausePolicy;
    this.#hasHandler = options.hasHandler;
    this.stream = new EventStream(options.hasHandler);
    this.#driver = new StepDriver(options.definition, this);
    this.native = options.begin(this.#driver.payloads, performance.now());
    this.key = this.native.key;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (options.timeLimited) this.#lookAtTheClock();
    this.#driver.drive(this.native);
  }

  get id(): string {
    this.#id ??= this.native.id;
    return this.#id;
  }

  /** The native state. */
  get state(): NativeState {
    this.#state ??= this.native.openState();
    return this.#state;
  }

  /** The native session. */
  get session(): NativeSession {
    this.#session ??= this.native.openSession();
    return this.#session;
  }

  // What handlers ask for.

  /** Rejects with InvalidEventError, RunStateError, or the failure of the run if nobody accepts the event. */
  send(invocation: number, value: unknown): Promise<void> {
    const sent = this.#send(invocation, value);
    // A run that has failed says so itself: whoever does not wait for this promise need not be told twice.
    if (this.#failure !== undefined) toldElsewhere(sent);
    return sent;
  }

  async #send(invocation: number, value: unknown): Promise<void> {
    const { event, eventType, name } = emissionOf(value, this.#definition, "sendEvent() was given");
    this.expectInFlight(invocation);
    const payload = this.#driver.payloads.keep(event);
    const goesOn = translated(() => native.send(this.key, invocation, eventType, payload, name));
    if (goesOn) {
      this.#driver.comeBack();
      return;
    }
    this.#driver.readTheEnd();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** @throws InvalidEventError or RunStateError */
  writeToStream(invocation: number, event: unknown): void {
    const checked = checkEvent(event, "writeEventToStream() was given");
    this.expectInFlight(invocation);
    this.stream.write(checked.event as AnyEvent);
  }

  signalFor(invocation: number): AbortSignal {
    if (this.#ended) return AbortSignal.abort(this.#endReason());
    this.#signals ??= new Signals();
    const known = this.#signals.known(invocation);
    if (known !== undefined) return known;
    try {
      this.expectInFlight(invocation);
    } catch (settled) {
      return AbortSignal.abort(settled);
    }
    return this.#signals.make(invocation);
  }

  /** @throws RunStateError if nothing is taken from this invocation any more */
  expectInFlight(invocation: number): void {
    this.#ask(() => native.expectInFlight(this.key, invocation));
  }

  // What the holder of the run asks for.

  respond(requestId: string, response: unknown): void {
    const event = { type: "blazen::InputResponseEvent", request_id: requestId, response };
    const payload = this.#driver.payloads.keep(event);
    try {
      this.#ask(() => this.native.respond(requestId, payload));
    } catch (error) {
      this.#driver.payloads.release(payload);
      throw error;
    }
    this.#driver.comeBack();
  }

  async pause(graceMs: number | undefined): Promise<string> {
    if (this.#snapshot !== undefined) return this.#snapshot;
    this.#ask(() => this.native.pause(toNative(this.#pausePolicy)));
    // An abort listener may end the pause while it begins.
    const pause = this.#pause ?? new PauseInProgress();
    this.#pause = pause;
    if (graceMs !== undefined) pause.waitNoLongerThan(graceMs, () => this.#interrupt());
    this.#driver.comeBack();
    return pause.snapshot;
  }

  /** @throws RunStateError unless the run is paused */
  snapshot(): string {
    if (this.#snapshot !== undefined) return this.#snapshot;
    throw this.#ended
      ? new RunStateError(
          "ERR_BLAZEN_RUN_ENDED",
          "the run has ended, so there is no snapshot of it",
          this.#whyItEnded(),
        )
      : new RunStateError(
          "ERR_BLAZEN_NOT_PAUSED",
          "the run is not paused, so there is no snapshot of it; pause() it first",
        );
  }

  /** @throws RunStateError unless the run is paused or pausing */
  resumeInPlace(): void {
    this.#ask(() => this.native.resumeInPlace(performance.now()));
    this.#snapshot = undefined;
    this.#endPause()?.fail(new RunStateError("ERR_BLAZEN_NOT_PAUSED", "the run was resumed before it had paused"));
    this.#lookAtTheClock();
    this.#driver.comeBack();
  }

  abort(reason: unknown): void {
    if (this.#ended) return;
    if (this.native.abort()) this.#fail(new AbortedError(reason));
    else this.#driver.comeBack(); // it has ended in another way, which has not been read yet
  }

  // What the driver meets.

  contextFor(invocation: number, attempt: number): AnyContext {
    return new Context(INTERNAL, this, invocation, attempt);
  }

  settled(invocation: number): void {
    this.#signals?.forget(invocation);
  }

  failed(invocation: number, error: BlazenError): void {
    try {
      this.native.failStep(invocation);
    } catch (refusal) {
      const reason = fromNative(refusal);
      // If a pause did not wait for the handler, it will be invoked again.
      if (!isLate(reason)) this.broken(reason);
      return;
    }
    this.#fail(error);
  }

  published(request: object): void {
    this.stream.write(request as AnyEvent);
    if (this.#hasHandler || !this.native.abort()) return;
    this.#fail(
      new RunFailedError(
        "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
        "the run asks for input, and nobody has a handler to answer it with; begin it with runWithHandler()",
      ),
    );
  }

  paused(): void {
    try {
      this.#snapshot = takeSnapshot(this.native, this.#driver.payloads, this.#pausePolicy);
    } catch (error) {
      const pause = this.#endPause();
      // A toJSON may have resumed or ended the run, and then that stands. Else it goes on as if nobody had asked.
      if (pause === undefined) return;
      this.native.resumeInPlace(performance.now());
      pause.fail(fromNative(error));
      this.#lookAtTheClock();
      this.#driver.comeBack();
      return;
    }
    this.#timeLimit?.stop();
    this.#endPause()?.succeed(this.#snapshot);
  }

  ended(stop: number): void {
    if (stop === native.NO_STOP_EVENT) this.#fail(this.#failureOfEngine());
    else this.#complete(stop);
  }

  broken(error: unknown): void {
    if (this.#ended) return;
    try {
      this.native.abort();
    } catch {
      // It is the engine that has failed: nothing more is asked of it.
    }
    this.#fail(isBlazenError(error) ? error : new InternalError("the engine failed", { cause: error }));
  }

  /** Calls the engine; a refusal because the run has ended says what ended it. */
  #ask<Result>(callNative: () => Result): Result {
    try {
      return callNative();
    } catch (error) {
      const refusal = fromNative(error);
      if (isBlazenError(refusal) && refusal.code === "ERR_BLAZEN_RUN_ENDED") {
        throw new RunStateError(refusal.code, refusal.message, this.#whyItEnded());
      }
      throw refusal;
    }
  }

  #whyItEnded(): ErrorOptions | undefined {
    return this.#failure === undefined ? undefined : { cause: this.#failure };
  }

  #failureOfEngine(): BlazenError {
    const { code, message } = this.native.outcome();
    return ofCode(code as BlazenErrorCode, message as string);
  }

  #interrupt(): void {
    const invocations = this.native.interrupt();
    this.#driver.cutShort(invocations);
    this.#signals ??= new Signals();
    this.#signals.interrupt(
      invocations,
      new RunStateError(
        "ERR_BLAZEN_PAUSED",
        "the run was paused and did not wait for this handler; it will be invoked again",
      ),
    );
    this.#driver.comeBack();
  }

  #endPause(): PauseInProgress | undefined {
    const pause = this.#pause;
    this.#pause = undefined;
    return pause;
  }

  #lookAtTheClock(): void {
    const due = this.native.timeIsNow(performance.now());
    if (due === null) {
      this.#driver.comeBack(); // the time may just have run out
      return;
    }
    this.#timeLimit ??= new Alarm();
    this.#timeLimit.set(due, () => this.#lookAtTheClock());
  }

  #complete(stop: number): void {
    let data: unknown;
    try {
      data = (this.#driver.payloads.get(stop) as { result?: unknown }).result;
    } catch (error) {
      this.#fail(new InvalidEventError("the result of the stop event cannot be read", { cause: error }));
      return;
    }
    this.#end();
    this.#resolve({ type: "blazen::StopEvent", data, runId: this.id });
    this.#signals?.abortAll(this.#endReason());
  }

  #fail(failure: BlazenError): void {
    if (this.#ended) return;
    failure.runId = this.id;
    this.#failure = failure;
    this.#end();
    this.#reject(failure);
    this.#signals?.abortAll(failure);
  }

  /** What comes of every end. Whoever listens to a signal is user code, and is told when all is settled. */
  #end(): void {
    this.#ended = true;
    this.#snapshot = undefined;
    this.#timeLimit?.stop();
    this.#driver.stop();
    this.#endPause()?.fail(
      new RunStateError("ERR_BLAZEN_RUN_ENDED", "the run ended before it had paused", this.#whyItEnded()),
    );
    this.stream.end();
  }

  #endReason(): unknown {
    return this.#failure ?? new RunStateError("ERR_BLAZEN_RUN_ENDED", "the run has ended");
  }
}
