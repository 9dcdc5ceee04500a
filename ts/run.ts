// One run as this process holds it: what users may ask of it, and how it answers them.

import { Alarm } from "./alarm.js";
import type { ParentRun, RestingChild } from "./child.js";
import { Children, type RunWithChildren } from "./children.js";
import { type AnyContext, Context } from "./context.js";
import type { Definition, Step } from "./definition.js";
import { checkEvent, emissionOf } from "./emission.js";
import {
  AbortedError,
  type BlazenError,
  type BlazenErrorCode,
  fromNative,
  InternalError,
  isBlazenError,
  type MigrationError,
  ofCode,
  RunFailedError,
  StoreError,
} from "./errors.js";
import { EventStream, type StreamEnd, type StreamOwner } from "./event_stream.js";
import { decide, type FailedAttempt, type FailingRun } from "./failed_attempt.js";
import type { CalledRun } from "./handler_calls.js";
import type { HeldRun } from "./held_run.js";
import { Lifecycle } from "./lifecycle.js";
import { native } from "./native.js";
import { OpenRequests } from "./open_requests.js";
import { checkIncoming } from "./outside_events.js";
import type { SessionPausePolicy } from "./pause_policy.js";
import { type PausableRun, Pausing } from "./pausing.js";
import type { PayloadTable } from "./payload_table.js";
import { INTERNAL } from "./public_class.js";
import type { ParentRun as StoredParent } from "./run_commit.js";
import { type EndingRun, RunEnd } from "./run_end.js";
import { RunWriting, travelOf, type Writing } from "./run_writing.js";
import { Signals } from "./signals.js";
import { type DrivenRun, isLate, type NativeContext, StepDriver } from "./step_driver.js";
import type { StoreConnection, WrittenRun } from "./store_connection.js";
import { errorFromText, errorText } from "./stored_error.js";
import { StoredStream } from "./stored_stream.js";
import { type StreamingRun, StreamWriting } from "./stream_writing.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { AnyEvent, InputRequestEvent, RunResult } from "./types.js";
import { Undoing, type UndoingRun } from "./undoing.js";

type NativeState = InstanceType<typeof native.StateNamespace>;
type NativeSession = InstanceType<typeof native.SessionNamespace>;

export interface RunOptions {
  readonly definition: Definition;
  readonly pausePolicy: SessionPausePolicy;
  /** Whether somebody holds the run: to answer it, and to read its stream from the beginning at any time. */
  readonly hasHandler: boolean;
  /** How many events of its stream are kept. */
  readonly streamBuffer: number;
  /** How many events of its stream the store has. */
  readonly streamed: number;
  /** How many runs are above it, as far as its store knows. */
  readonly depth: number;
  /** Whether the run must be told the time. */
  readonly timeLimited: boolean;
  /** Begins the run in the engine; its first events go into the table. */
  readonly begin: (payloads: PayloadTable, now: number) => NativeContext;
  /** Where the run is written to, if it is. */
  readonly writing: Writing | undefined;
}

export class Run
  implements
    CalledRun,
    DrivenRun,
    EndingRun,
    FailingRun,
    HeldRun,
    ParentRun,
    PausableRun,
    RunWithChildren,
    StreamOwner,
    StreamingRun,
    UndoingRun,
    WrittenRun
{
  /** The number by which the functions of the hot path name the run. */
  readonly key: number;
  readonly native: NativeContext;
  readonly stream: EventStream;
  readonly driver: StepDriver;
  readonly end: RunEnd;
  readonly pausePolicy: SessionPausePolicy;
  readonly writing: RunWriting | undefined;
  /** What it undoes, once it does. */
  undoing: Undoing | undefined;

  readonly definition: Definition;
  readonly #hasHandler: boolean;
  /** There if the stream is kept with the run. */
  readonly #streamWriting: StreamWriting | undefined;
  #id: string | undefined;
  #state: NativeState | undefined;
  #session: NativeSession | undefined;
  #pausing: Pausing | undefined;
  #signals: Signals | undefined;
  #alarm: Alarm | undefined;
  #requests: OpenRequests | undefined;
  #parent: Run | undefined;
  #children: Children | undefined;
  readonly #storedDepth: number;

  constructor(options: RunOptions) {
    this.definition = options.definition;
    this.#storedDepth = options.depth;
    this.pausePolicy = options.pausePolicy;
    // Whoever knows the id of a stored run can have a handler of it at any time.
    this.#hasHandler = options.hasHandler || options.writing !== undefined;
    this.driver = new StepDriver(options.definition, this, travelOf(options.writing));
    this.native = options.begin(this.driver.payloads, performance.now());
    this.key = this.native.key;
    this.writing = options.writing && new RunWriting(options.writing, this.native, this.key, this);
    const stored = this.#storedStream(options);
    this.stream = new EventStream(this.#hasHandler, options.streamBuffer, this, stored);
    if (stored !== undefined) this.#streamWriting = new StreamWriting(this);
    this.end = new RunEnd(this);
    // Whoever knows its id can ask, and nobody need.
    if (options.writing !== undefined) toldElsewhere(this.result);
    if (options.timeLimited) this.lookAtTheClock();
    this.driver.drive(this.native, this.key);
  }

  /** It has been resumed from a snapshot or a store. */
  isTakenUp(): void {
    const ending = this.native.takeEnding();
    if (ending !== null) this.#undo(errorFromText(ending, this.id));
    this.lookAtTheClock();
  }

  /** When the run may go on after what has happened so far. */
  whenStored(): Promise<void> | undefined {
    return this.writing?.whenStored();
  }

  // What the store tells.

  stored(): void {
    this.writing?.stored();
    this.driver.comeBack();
  }

  hurry(): void {
    this.#streamWriting?.seal();
  }

  lost(error: BlazenError): void {
    // Each run has an error of its own, which knows the run.
    this.#endHere(ofCode(error.code, error.message));
  }

  childIsLost(failure: StoreError | MigrationError): void {
    // Of one that is written when it rests, the store has nothing to go on with until it has rested.
    if (this.writing === undefined || this.native.durableChange === 0) return;
    const code = failure instanceof StoreError ? failure.code : "ERR_BLAZEN_RUN_MISMATCH";
    this.#endHere(new StoreError(code, `a child of the run does not go on: ${failure.message}`, { cause: failure }));
  }

  /** The run ends here and not in its store, which has it as unfinished. */
  #endHere(error: BlazenError): void {
    if (this.end.isReached) return;
    this.native.abandon();
    this.end.fail(error);
  }

  /** When the store has all that has changed so far. */
  async whenDurable(): Promise<void> {
    await this.writing?.whenDurable();
  }

  // As a held run, it is here.

  get here(): Run {
    return this;
  }

  get result(): Promise<RunResult> {
    return this.end.result;
  }

  /** Calls `tell` when the run has ended; at once if it has. */
  whenEnded(tell: () => void): void {
    this.end.whenReached(tell);
  }

  async live(): Promise<Run> {
    return this;
  }

  get workflow(): string {
    return this.definition.workflow;
  }

  /** Its store, if it has one. */
  get connection(): StoreConnection | undefined {
    return this.writing?.connection;
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
    return this.#pausing?.isAtWork === false || (!this.end.isReached && this.native.isPaused);
  }

  // What handlers ask for.

  /** Rejects with InvalidEventError, SerializationError or RunStateError. */
  writeToStream(invocation: number, value: unknown): Promise<void> {
    try {
      const { event } = checkEvent(value, "writeEventToStream() was given");
      const writing = this.#streamWriting;
      if (writing !== undefined) return this.end.sayWhy(() => writing.write(invocation, event)) ?? Promise.resolve();
      this.expectInFlight(invocation);
      this.stream.write(event as AnyEvent);
      return Promise.resolve();
    } catch (refusal) {
      return Promise.reject(refusal);
    }
  }

  signalFor(invocation: number): AbortSignal {
    if (this.end.isReached) return AbortSignal.abort(this.end.reason);
    if (this.undoing?.compensates(invocation) === false) return AbortSignal.abort(this.undoing.failure);
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
    this.end.sayWhy(() => native.expectInFlight(this.key, invocation));
  }

  // What the holder of the run asks for.

  async respond(requestId: string, response: unknown): Promise<void> {
    const below = this.hasAsked(requestId) ? undefined : this.#children?.whoAsks(requestId);
    if (below !== undefined) return below.respond(requestId, response);
    const answer = { type: "blazen::InputResponseEvent", request_id: requestId, response };
    const { schemas } = this.definition;
    const event = schemas?.applied(answer, answer.type, "respondToInput() was given") ?? answer;
    const payload = this.driver.keep(event, native.INPUT_RESPONSE_EVENT);
    try {
      this.end.sayWhy(() => this.native.respond(requestId, payload));
    } catch (error) {
      this.driver.payloads.release(payload);
      throw error;
    }
    this.#requests?.answered(requestId);
    this.driver.comeBack();
    await this.whenStored();
  }

  /** An event from outside; gives whether steps receive it now. */
  async receive(event: unknown, atOnce: boolean): Promise<boolean> {
    const emission = emissionOf(event, this.definition, "sendEvent() was given");
    checkIncoming(emission, this.definition);
    const payload = this.driver.keep(emission.event, emission.eventType);
    let isReceived: boolean;
    try {
      isReceived = this.end.sayWhy(() => this.native.receive(crypto.randomUUID(), emission.eventType, payload, atOnce));
    } catch (error) {
      this.driver.payloads.release(payload);
      throw error;
    }
    this.driver.comeBack();
    await this.writing?.whenDurable();
    return isReceived;
  }

  pause(graceMs: number | undefined): Promise<string> {
    return this.#forPause().pause(graceMs);
  }

  /** @throws RunStateError unless the run is paused */
  snapshot(): string {
    return this.#forPause().snapshot();
  }

  /** The same, also of a run that has been taken up as it rests and has not heard of that yet. */
  snapshotOnceHeard(): Promise<string> {
    return this.#forPause().snapshotOnceHeard();
  }

  /** @throws RunStateError unless the run is paused or pausing */
  async resumeInPlace(): Promise<void> {
    this.#forPause().resume();
    await this.whenStored();
  }

  async abort(reason: unknown): Promise<void> {
    this.#endAsAborted(reason);
    // How it ends, or why that is not stored, is told by its result.
    await this.whenStored()?.catch(() => undefined);
  }

  /** Ends the run, and says whether it was this that ended it, when its store has its end. Rejects if that fails. */
  async cancel(reason: unknown): Promise<boolean> {
    const isEndedByThis = this.#endAsAborted(reason);
    try {
      await this.result;
    } catch (failure) {
      if (failure instanceof StoreError) throw failure;
    }
    return isEndedByThis;
  }

  /** Ends the run now, whatever its store has yet, and says whether it was this that ended it. */
  #endAsAborted(reason: unknown): boolean {
    if (this.end.isReached) return false;
    const aborted = new AbortedError(reason);
    const isEndedByThis = this.native.abort(this.textFor(aborted));
    // If it has ended, then how has not been read yet.
    if (isEndedByThis) this.#failOnceStored(aborted);
    else if (this.undoing !== undefined && this.isPaused) this.#forPause().resume();
    else this.driver.comeBack();
    return isEndedByThis;
  }

  // As a parent, and as a child.

  /** The runs that its handlers wait for, if there have been any. */
  get children(): Children | undefined {
    return this.#children;
  }

  openChildren(): Children {
    if (this.#children === undefined) {
      this.#children = new Children(this);
      if (this.#pausing?.isAtWork === false) this.#children.pause(undefined, () => {});
    }
    return this.#children;
  }

  /** @throws SnapshotError, and the run does not go on, if one of them is none of its own */
  comeWith(children: readonly RestingChild[]): void {
    try {
      this.openChildren().comeWith(children);
    } catch (error) {
      this.broken(error);
      toldElsewhere(this.result);
      throw error;
    }
  }

  get depth(): number {
    return this.#parent === undefined ? this.#storedDepth : this.#parent.depth + 1;
  }

  get asParent(): StoredParent | undefined {
    return this.writing === undefined ? undefined : { runId: this.id, depth: this.depth + 1 };
  }

  adopt(child: Run): void {
    if (child.#parent === this) return;
    child.#parent = this;
    child.#openRequests().alsoTell((request) => this.#overhear(request));
  }

  hasAsked(requestId: string): boolean {
    return this.#requests?.has(requestId) === true;
  }

  cutShort(invocation: number): void {
    this.#forPause().cutShort([invocation]);
  }

  #openRequests(): OpenRequests {
    this.#requests ??= new OpenRequests();
    return this.#requests;
  }

  /** A run below asks: whoever holds this one can answer. A stream that is kept has only what this run has written. */
  #overhear(request: object): void {
    if (this.end.isReached) return;
    if (this.#streamWriting === undefined) this.stream.write(request as AnyEvent);
    if (this.#parent !== undefined) this.#parent.#overhear(request);
  }

  /** A child in memory is held by whoever holds its parent. */
  get #canBeAnswered(): boolean {
    if (this.writing !== undefined || this.#parent === undefined) return this.#hasHandler;
    return this.#parent.#canBeAnswered;
  }

  // What the readers of its stream ask for.

  lifecycleIsWanted(isWanted: boolean): void {
    const nameOf = (step: number) => (this.definition.steps[step] as Step).name;
    this.driver.lifecycle = isWanted ? new Lifecycle(this.stream, nameOf) : undefined;
  }

  /** Told what happens to the run, while somebody wants to hear of it. */
  get lifecycle(): Lifecycle | undefined {
    return this.driver.lifecycle;
  }

  // What the driver meets.

  contextFor(invocation: number, step: number, attempt: number, event: object): AnyContext {
    if (attempt > 1) this.#children?.begins(invocation);
    return new Context(INTERNAL, this, invocation, step, attempt, event);
  }

  settled(invocation: number): void {
    this.#signals?.forget(invocation);
  }

  taken(invocation: number): void {
    this.#children?.attemptIsOver(invocation, undefined, false);
  }

  failed(failed: FailedAttempt): void {
    try {
      const { invocation, error } = failed;
      if (this.isUndoing()) {
        this.undoing?.decide(this, failed);
        this.#children?.attemptIsOver(invocation, error, false);
        return;
      }
      const isRetried = decide(this, failed);
      // Those of a run that fails are told when its store knows.
      if (this.end.failing === undefined) this.#children?.attemptIsOver(invocation, error, isRetried);
    } catch (refusal) {
      const reason = fromNative(refusal);
      // If a pause did not wait for the handler, it will be invoked again.
      if (!isLate(reason)) this.broken(reason);
    }
  }

  failStep({ invocation, step, attempt }: FailedAttempt, failure: BlazenError): void {
    this.native.failStep(invocation, this.textFor(failure));
    this.lifecycle?.stepFailed("step", step, invocation, attempt, failure, false);
    this.#failOnceStored(failure);
  }

  controllerOf(invocation: number): AbortController | undefined {
    return this.#signals?.controllerOf(invocation);
  }

  published(request: object): void {
    this.stream.write(request as AnyEvent);
    if ((request as InputRequestEvent).expiresMs !== undefined) this.lookAtTheClock();
    this.#openRequests().told(request);
    if (this.#canBeAnswered || !this.native.abort(undefined)) return;
    this.#failOnceStored(
      new RunFailedError(
        "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
        "the run asks for input, and nobody has a handler to answer it with; begin it with runWithHandler()",
      ),
    );
  }

  streamed(event: object): void {
    this.stream.writeAnnounced(event as AnyEvent);
  }

  undoes(): void {
    this.isUndoing();
  }

  notCalled(invocation: number): void {
    try {
      this.native.failStep(invocation, undefined);
      this.driver.comeBack();
    } catch (error) {
      const reason = fromNative(error);
      if (!isLate(reason)) this.broken(reason);
    }
  }

  paused(): void {
    this.#forPause().paused();
  }

  ended(stop: number): void {
    if (stop === native.NO_STOP_EVENT) this.end.fail(this.end.failing ?? this.#failureOfEngine());
    else this.end.complete(this.driver.payloads.get(stop));
  }

  broken(error: unknown): void {
    if (this.end.isReached) return;
    try {
      this.native.abandon();
    } catch {
      // It is the engine that has failed: nothing more is asked of it.
    }
    this.end.fail(isBlazenError(error) ? error : new InternalError("the engine failed", { cause: error }));
  }

  // What the writing of its stream needs.

  get payloads(): PayloadTable {
    return this.driver.payloads;
  }

  comeBack(): void {
    this.driver.comeBack();
  }

  #storedStream({ writing, streamed }: RunOptions): StoredStream | undefined {
    if (writing?.keepsStreams !== true) return undefined;
    const { connection } = writing;
    const whenDurable = () => this.whenDurable();
    return new StoredStream({ connection, runId: () => this.id, length: streamed, whenDurable });
  }

  // What its pause does to it.

  endingText(): string | undefined {
    return this.undoing === undefined ? undefined : errorText(this.undoing.failure);
  }

  interruptSignals(invocations: readonly number[], reason: unknown): void {
    this.#signals ??= new Signals();
    this.#signals.interrupt(invocations, reason);
  }

  stopTheClock(): void {
    this.#alarm?.stop();
  }

  lookAtTheClock(): void {
    const due = this.native.timeIsNow(performance.now());
    this.driver.comeBack(); // its time may just have run out, or that of something that slept
    if (due === null) return;
    this.#alarm ??= new Alarm();
    this.#alarm.set(due, () => this.lookAtTheClock());
  }

  #forPause(): Pausing {
    this.#pausing ??= new Pausing(this);
    return this.#pausing;
  }

  // What its end does to it.

  letGo(): void {
    this.#alarm?.stop();
    this.driver.stop();
    this.#pausing?.ended(this.end.why);
    const how = this.#howItEnded();
    this.lifecycle?.runEnded(how, this.end.failure);
    this.stream.end(how);
    this.writing?.end(this.end.failure);
  }

  #howItEnded(): StreamEnd {
    const { failure } = this.end;
    if (failure === undefined) return { status: "completed" };
    // What its store has of it is unfinished.
    if (failure instanceof StoreError) return "lost";
    return { status: failure instanceof AbortedError ? "cancelled" : "failed", code: failure.code };
  }

  abortSignals(): void {
    this.#signals?.abortAll(this.end.reason);
    const isUnfinished = this.end.failure instanceof StoreError;
    this.#children?.end(this.end.reason, isUnfinished);
    if (!isUnfinished) this.connection?.endChildrenOf(this.id, () => this.end.reason);
  }

  /** What a store keeps of an error. */
  textFor(error: BlazenError): string | undefined {
    return this.writing === undefined ? undefined : errorText(error);
  }

  /**
   * Whether the engine undoes what the run has done; hears of it, if so.
   *
   * @param failure why, if the engine does not know it
   */
  isUndoing(failure?: BlazenError): boolean {
    if (this.undoing === undefined && this.definition.canUndo && this.native.isUndoing) {
      this.#undo(failure ?? this.#failureOfEngine());
    }
    return this.undoing !== undefined;
  }

  /** The run is to end with `failure`, when all is undone. */
  #undo(failure: BlazenError): void {
    failure.runId = this.id;
    this.undoing = new Undoing(failure);
    this.end.failsOnceStored(failure);
    this.#pausing?.ended(this.end.why);
    this.driver.comeBack();
    // Whoever listens is user code, and is told when all is settled.
    this.#signals?.abortAll(failure);
    const decided = this.writing?.whenDurable();
    this.#children?.end(failure, false, decided);
    if (decided !== undefined)
      toldElsewhere(decided.then(() => this.connection?.endChildrenOf(this.id, () => failure)));
  }

  /** The engine has ended a run because of `error`. If it has a store, that must know before anybody else. */
  #failOnceStored(error: BlazenError): void {
    if (this.isUndoing(error)) return;
    if (this.writing === undefined) {
      this.end.fail(error);
      return;
    }
    this.end.failsOnceStored(error);
    this.driver.comeBack();
  }

  #failureOfEngine(): BlazenError {
    const { code, message } = this.native.outcome();
    return ofCode(code as BlazenErrorCode, message as string);
  }
}
