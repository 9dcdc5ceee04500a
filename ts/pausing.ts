// How one run is brought to rest, and back to work.
//
// Made when a run is first paused. The engine decides when it has paused; here stands who waits for that, and what the
// run rests as. A run that has ended rests no more.

import type { Children } from "./children.js";
import { fromNative, RunStateError } from "./errors.js";
import type { Lifecycle } from "./lifecycle.js";
import { native } from "./native.js";
import { PauseInProgress } from "./pause_in_progress.js";
import { type SessionPausePolicy, toNative } from "./pause_policy.js";
import type { RunEnd } from "./run_end.js";
import type { RunWriting } from "./run_writing.js";
import { takeSnapshot } from "./snapshot.js";
import type { NativeContext, StepDriver } from "./step_driver.js";

/** A run as it is paused. */
export interface PausableRun {
  readonly key: number;
  readonly native: NativeContext;
  readonly driver: StepDriver;
  readonly end: RunEnd;
  readonly pausePolicy: SessionPausePolicy;
  readonly writing: RunWriting | undefined;
  /** The runs that its handlers wait for, if there have been any. */
  readonly children: Children | undefined;
  /** Told of it, if somebody wants to hear of it. */
  readonly lifecycle: Lifecycle | undefined;
  /** Why it is about to end, a JSON text, if it undoes what it has done. */
  endingText(): string | undefined;
  /** Tells handlers at work that what they do is not taken any more. */
  interruptSignals(invocations: readonly number[], reason: unknown): void;
  /** Its time is not running. */
  stopTheClock(): void;
  /** Its time is running again. */
  lookAtTheClock(): void;
}

const AT_WORK = undefined;

/** A run is at work, or about to rest, or it rests as a snapshot. */
type Rest = typeof AT_WORK | PauseInProgress | string;

export class Pausing {
  readonly #run: PausableRun;
  #rest: Rest = AT_WORK;

  constructor(run: PausableRun) {
    this.#run = run;
  }

  get isAtWork(): boolean {
    return this.#rest === AT_WORK;
  }

  // What the holder of the run asks for.

  async pause(graceMs: number | undefined): Promise<string> {
    if (typeof this.#rest === "string") return this.#rest;
    this.#run.end.sayWhy(() => this.#run.native.pause(toNative(this.#run.pausePolicy)));
    this.#run.driver.putBack();
    // An abort listener may end the pause while it begins.
    const pause = this.#rest ?? new PauseInProgress();
    this.#becomes(pause);
    this.#run.children?.pause(graceMs, (refusal) => this.#goOnAfter(refusal));
    if (graceMs !== undefined) pause.waitNoLongerThan(graceMs, () => this.#interrupt());
    this.#run.driver.comeBack();
    return pause.snapshot;
  }

  /** @throws RunStateError unless the run is paused */
  snapshot(): string {
    if (typeof this.#rest === "string") return this.#rest;
    const { end } = this.#run;
    throw end.isReached
      ? new RunStateError("ERR_BLAZEN_RUN_ENDED", "the run has ended, so there is no snapshot of it", end.why)
      : new RunStateError(
          "ERR_BLAZEN_NOT_PAUSED",
          "the run is not paused, so there is no snapshot of it; pause() it first",
        );
  }

  /** The same, also of a run that has been taken up as it rests and has not heard of that yet. */
  async snapshotOnceHeard(): Promise<string> {
    const isToHear = this.#rest === AT_WORK && !this.#run.end.isReached && this.#run.native.isPaused;
    return isToHear ? this.pause(undefined) : this.snapshot();
  }

  /** @throws RunStateError unless the run is paused or pausing */
  resume(): void {
    this.#run.end.sayWhy(() => this.#run.native.resumeInPlace(performance.now()));
    if (typeof this.#rest === "string") this.#run.lifecycle?.runResumed();
    this.#becomes(AT_WORK)?.fail(
      new RunStateError("ERR_BLAZEN_NOT_PAUSED", "the run was resumed before it had paused"),
    );
    this.#goOn();
  }

  // What the run meets.

  /** The engine has paused the run. */
  paused(): void {
    const resting = this.#run.children?.resting;
    if (resting === undefined) this.#takeSnapshot();
    else void this.#takeSnapshotOnceAllRest(resting, this.#rest);
  }

  /** Its children may take longer; in the meantime it may be resumed, or end. */
  async #takeSnapshotOnceAllRest(resting: Promise<unknown>, pause: Rest): Promise<void> {
    await resting;
    if (this.#rest === pause && this.#run.native.isPaused) this.#takeSnapshot();
  }

  #takeSnapshot(): void {
    const pause = this.#rest;
    let snapshot: string;
    try {
      const { native: run, driver, pausePolicy, children } = this.#run;
      snapshot = takeSnapshot(run, driver, pausePolicy, children?.atRest() ?? [], this.#run.endingText());
    } catch (error) {
      this.#goOnAfter(error);
      return;
    }
    this.#run.stopTheClock();
    const { writing } = this.#run;
    if (writing?.isOnlyAtRest && pause instanceof PauseInProgress) void this.#restOnceWritten(pause, snapshot, writing);
    else this.#restAs(snapshot);
  }

  /** The run has ended, or is about to: whatever a pause was for is over. */
  ended(why: ErrorOptions | undefined): void {
    this.#becomes(AT_WORK)?.fail(new RunStateError("ERR_BLAZEN_RUN_ENDED", "the run ended before it had paused", why));
  }

  /** Every change of what the run does stands here; gives the pause that was waited for, if it is over now. */
  #becomes(next: Rest): PauseInProgress | undefined {
    const before = this.#rest;
    this.#rest = next;
    return before instanceof PauseInProgress && before !== next ? before : undefined;
  }

  /** The pause does not wait for these handlers. */
  cutShort(invocations: number[]): void {
    this.#areCutShort(this.#run.native.cutShort(invocations));
  }

  #interrupt(): void {
    this.#areCutShort(this.#run.native.interrupt());
  }

  #areCutShort(invocations: readonly number[]): void {
    const reason = new RunStateError(
      "ERR_BLAZEN_PAUSED",
      "the run was paused and did not wait for this handler; it will be invoked again",
    );
    this.#run.driver.cutShort(invocations);
    this.#run.children?.areCutShort(invocations, reason);
    this.#run.interruptSignals(invocations, reason);
    this.#run.driver.comeBack();
  }

  /** No snapshot could be taken: the run goes on as if nobody had asked. */
  #goOnAfter(error: unknown): void {
    // A toJSON may have resumed or ended the run, and then that stands.
    if (!(this.#rest instanceof PauseInProgress)) return;
    const pause = this.#becomes(AT_WORK);
    this.#run.native.resumeInPlace(performance.now());
    pause?.fail(fromNative(error));
    this.#goOn();
  }

  #goOn(): void {
    this.#run.children?.goOn();
    this.#run.lookAtTheClock();
    this.#run.driver.comeBack();
  }

  #restAs(snapshot: string): void {
    this.#run.lifecycle?.runPaused();
    this.#becomes(snapshot)?.succeed(snapshot);
  }

  /** A run that is only written when it is paused is written now; in the meantime it may be resumed, or end. */
  async #restOnceWritten(pause: PauseInProgress, snapshot: string, writing: RunWriting): Promise<void> {
    const { key, native: run, driver } = this.#run;
    for (const payload of run.pendingPayloads()) native.handOver(key, payload, driver.text(payload));
    run.writeWhole();
    try {
      await writing.whenDurable();
    } catch {
      return; // the run is lost, and that has ended the pause
    }
    if (this.#rest === pause) this.#restAs(snapshot);
  }
}
