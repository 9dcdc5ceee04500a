// One run as this process holds it: what users may ask of it, and how it answers them.

import { Alarm } from "./alarm.js";
import { ChangesOnTheirWay } from "./changes_on_their_way.js";
import { type AnyContext, Context } from "./context.js";
import type { Definition } from "./definition.js";
import type { Durability } from "./durability.js";
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
import type { HeldRun } from "./held_run.js";
import { native } from "./native.js";
import { PauseInProgress } from "./pause_in_progress.js";
import { type SessionPausePolicy, toNative } from "./pause_policy.js";
import type { PayloadTable } from "./payload_table.js";
import { INTERNAL } from "./public_class.js";
import { Signals } from "./signals.js";
import { pendingTexts, takeSnapshot } from "./snapshot.js";
import { type DrivenRun, type EventTravel, isLate, type NativeContext, StepDriver } from "./step_driver.js";
import type { StoreConnection, WrittenRun } from "./store_connection.js";
import { errorText } from "./stored_error.js";
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
  /** Where the run is written to, if it is. */
  readonly writing: Writing | undefined;
}

/** Where a run is written to, and when. */
export interface Writing {
  readonly connection: StoreConnection;
  readonly durability: Durability;
}

export class Run implements DrivenRun, HeldRun, WrittenRun {
  /** The number by which the functions of the hot path name the run. */
  readonly key: number;
  readonly native: NativeContext;
  readonly stream: EventStream;
  readonly result: Promise<RunResult>;

  readonly #definition: Definition;
  readonly #pausePolicy: SessionPausePolicy;
  readonly #hasHandler: boolean;
  readonly #writing: Writing | undefined;
  /** Told when it has ended, however. */
  #whenEnded: (() => void) | undefined;
  readonly #driver: StepDriver;
  #resolve!: (result: RunResult) => void;
  #reject!: (error: unknown) => void;

  #id: string | undefined;
  #state: NativeState | undefined;
  #session: NativeSession | undefined;
  #ended = false;
  #failure: BlazenError | undefined;
  /** Why the run has failed, while its store does not have that yet. */
  #failing: BlazenError | undefined;
  readonly #changes: ChangesOnTheirWay | undefined;
  #pause: PauseInProgress | undefined;
  #snapshot: string | undefined;
  #signals: Signals | undefined;
  #timeLimit: Alarm | undefined;

  constructor(options: RunOptions) {
    this.#definition = options.definition;
    this.#pausePolicy = options.pausePolicy;
    this.#writing = options.writing;
    // Whoever knows the id of a stored run can have a handler of it at any time.
    this.#hasHandler = options.hasHandler || options.writing !== undefined;
    this.stream = new EventStream(this.#hasHandler);
    this.#driver = new StepDriver(options.definition, this, travel(options.writing));
    this.native = options.begin(this.#driver.payloads, performance.now());
    this.key = this.native.key;
    options.writing?.connection.writes(this.key, this);
    this.#changes = options.writing && new ChangesOnTheirWay(this.native);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever knows its id can ask, and nobody need.
    if (options.writing !== undefined) toldElsewhere(this.result);
    if (options.timeLimited) this.#lookAtTheClock();
    this.#driver.drive(this.native);
  }

  /** When the run may go on after what has happened so far: `"async"` is some way ahead of its store, `"exit"` all the way. */
  whenStored(): Promise<void> | undefined {
    const durability = this.#writing?.durability;
    if (durability === undefined || durability === "exit") return undefined;
    return this.#whenDurable(durability === "async" ? native.MOST_AHEAD : 0);
  }

  #whenDurable(ahead?: number): Promise<void> | undefined {
    return this.#failure === undefined ? this.#changes?.whenDurable(ahead) : Promise.reject(this.#failure);
  }

  // What the store tells.

  stored(): void {
    this.#changes?.stored();
    this.#driver.comeBack();
  }

  lost(error: BlazenError): void {
    if (this.#ended) return;
    this.native.abandon();
    // Each run has an error of its own, which knows the run.
    this.#fail(ofCode(error.code, error.message));
  }

  // As a held run, it is here.

  get here(): Run {
    return this;
  }

  /** Calls `tell` when the run has ended; at once if it has. */
  whenEnded(tell: () => void): void {
    if (this.#ended) tell();
    else this.#whenEnded = tell;
  }

  async live(): Promise<Run> {
    return this;
  }

  get workflow(): string {
    return this.#definition.workflow;
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

  /** Whether it is paused, or about to be. */
  get isPaused(): boolean {
    return this.#pause !== undefined || this.#snapshot !== undefined || (!this.#ended && this.native.isPaused);
  }

  // What handlers ask for.

  /** Rejects with InvalidEventError, RunStateError, or the failure of the run if nobody accepts the event. */
  send(invocation: number, value: unknown): Promise<void> {
    let sent: Promise<void> | undefined;
    try {
      sent = this.#send(invocation, value);
    } catch (refusal) {
      return Promise.reject(refusal);
    }
    if (sent === undefined) return Promise.resolve();
    // A run that fails, or is lost, says so itself: whoever does not wait for this promise need not be told twice.
    toldElsewhere(sent);
    return sent;
  }

  #send(invocation: number, value: unknown): Promise<void> | undefined {
    const { event, eventType, name } = emissionOf(value, this.#definition, "sendEvent() was given");
    this.expectInFlight(invocation);
    const payload = this.#driver.keep(event, eventType);
    if (!translated(() => native.send(this.key, invocation, eventType, payload, name))) return this.#hearOfTheEnd();
    this.#driver.comeBack();
    return this.whenStored();
  }

  /** What was sent has ended the run: rejects with its failure, if that is how it ended. */
  async #hearOfTheEnd(): Promise<void> {
    this.#driver.readTheEnd();
    if (this.#writing !== undefined) {
      await this.#whenDurable();
      this.#driver.readTheEnd();
    }
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

  async respond(requestId: string, response: unknown): Promise<void> {
    const event = { type: "blazen::InputResponseEvent", request_id: requestId, response };
    const payload = this.#driver.keep(event, native.INPUT_RESPONSE_EVENT);
    try {
      this.#ask(() => this.native.respond(requestId, payload));
    } catch (error) {
      this.#driver.payloads.release(payload);
      throw error;
    }
    this.#driver.comeBack();
    await this.whenStored();
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
  async resumeInPlace(): Promise<void> {
    this.#ask(() => this.native.resumeInPlace(performance.now()));
    this.#snapshot = undefined;
    this.#endPause()?.fail(new RunStateError("ERR_BLAZEN_NOT_PAUSED", "the run was resumed before it had paused"));
    this.#lookAtTheClock();
    this.#driver.comeBack();
    await this.whenStored();
  }

  async abort(reason: unknown): Promise<void> {
    if (this.#ended) return;
    this.#endWith(new AbortedError(reason));
    // How it ends, or why that is not stored, is told by its result.
    await this.whenStored()?.catch(() => undefined);
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
      this.native.failStep(invocation, this.#textFor(error));
    } catch (refusal) {
      const reason = fromNative(refusal);
      // If a pause did not wait for the handler, it will be invoked again.
      if (!isLate(reason)) this.broken(reason);
      return;
    }
    this.#failOnceStored(error);
  }

  published(request: object): void {
    this.stream.write(request as AnyEvent);
    if (this.#hasHandler || !this.native.abort(undefined)) return;
    this.#fail(
      new RunFailedError(
        "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
        "the run asks for input, and nobody has a handler to answer it with; begin it with runWithHandler()",
      ),
    );
  }

  paused(): void {
    const pause = this.#pause;
    let snapshot: string;
    try {
      snapshot = takeSnapshot(this.native, this.#driver.payloads, this.#pausePolicy);
    } catch (error) {
      // A toJSON may have resumed or ended the run, and then that stands. Else it goes on as if nobody had asked.
      if (this.#endPause() === undefined) return;
      this.native.resumeInPlace(performance.now());
      pause?.fail(fromNative(error));
      this.#lookAtTheClock();
      this.#driver.comeBack();
      return;
    }
    this.#timeLimit?.stop();
    if (this.#writing?.durability === "exit" && pause !== undefined) void this.#restOnceWritten(pause, snapshot);
    else this.#rest(snapshot);
  }

  #rest(snapshot: string): void {
    this.#snapshot = snapshot;
    this.#endPause()?.succeed(snapshot);
  }

  /** A run that is only written when it is paused is written now; in the meantime it may be resumed, or end. */
  async #restOnceWritten(pause: PauseInProgress, snapshot: string): Promise<void> {
    const texts = pendingTexts(this.native, this.#driver.payloads);
    this.native.pendingPayloads().forEach((payload, index) => {
      native.handOver(this.key, payload, texts[index]);
    });
    this.native.writeWhole();
    try {
      await this.#whenDurable();
    } catch {
      return; // the run is lost, and that has ended the pause
    }
    if (this.#pause === pause) this.#rest(snapshot);
  }

  ended(stop: number): void {
    if (stop === native.NO_STOP_EVENT) this.#fail(this.#failing ?? this.#failureOfEngine());
    else this.#complete(stop);
  }

  broken(error: unknown): void {
    if (this.#ended) return;
    try {
      this.native.abandon();
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

  /** Ends the run unless it has ended: then how has not been read yet. */
  #endWith(error: BlazenError): void {
    if (this.native.abort(this.#textFor(error))) this.#failOnceStored(error);
    else this.#driver.comeBack();
  }

  /** What a store keeps of an error. */
  #textFor(error: BlazenError): string | undefined {
    return this.#writing === undefined ? undefined : errorText(error);
  }

  /** The engine has ended a run because of `error`. If it has a store, that must know before anybody else. */
  #failOnceStored(error: BlazenError): void {
    if (this.#writing === undefined) this.#fail(error);
    else {
      this.#failing = error;
      this.#driver.comeBack();
    }
  }

  #whyItEnded(): ErrorOptions | undefined {
    const failure = this.#failure ?? this.#failing;
    return failure === undefined ? undefined : { cause: failure };
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
      const kept = this.#driver.payloads.get(stop);
      if (typeof kept !== "string") data = (kept as { result?: unknown }).result;
      else data = kept === "" ? undefined : JSON.parse(kept);
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
    this.#changes?.end(this.#failure);
    this.#writing?.connection.forget(this.key);
    this.#whenEnded?.();
  }

  #endReason(): unknown {
    return this.#failure ?? new RunStateError("ERR_BLAZEN_RUN_ENDED", "the run has ended");
  }
}

function travel(writing: Writing | undefined): EventTravel {
  if (writing === undefined) return "by-reference";
  return writing.durability === "exit" ? "as-text-until-paused" : "as-text";
}
