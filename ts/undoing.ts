// How a run undoes what it has done, before it fails or is cancelled.
//
// The engine decides what is undone next, and when nothing is left. Here stands which handler is a compensation, what it
// may not do, and what becomes of one that throws.

import type { Step } from "./definition.js";
import { summary } from "./describe.js";
import { type BlazenError, InvalidArgumentError, InvalidEventError } from "./errors.js";
import { type FailedAttempt, type FailingRun, outlookOf, thrownBy, triesAgain } from "./failed_attempt.js";

/** A run that undoes what it has done. */
export interface UndoingRun extends FailingRun {
  readonly id: string;
  /** What a store keeps of an error. */
  textFor(error: BlazenError): string | undefined;
}

export class Undoing {
  /** With which the run ends when all is undone. */
  readonly failure: BlazenError;
  /** The last compensation that was called: there is one at a time. */
  #invocation: number | undefined;

  constructor(failure: BlazenError) {
    this.failure = failure;
  }

  /** A compensation is called. */
  begins(invocation: number): void {
    this.#invocation = invocation;
  }

  compensates(invocation: number): boolean {
    return invocation === this.#invocation;
  }

  /** What a compensation has returned, if it is not nothing, as an error. */
  refusalOf(invocation: number, { name }: Step, value: unknown): BlazenError | undefined {
    if (value === undefined || value === null || !this.compensates(invocation)) return undefined;
    return new InvalidEventError(
      `the compensation of step ${JSON.stringify(name)} returned ${summary(value)}: it must return nothing, since a ` +
        "compensation emits no events",
    );
  }

  /** @throws InvalidEventError if a compensation wants to send */
  refuseToSend(invocation: number, { name }: Step): void {
    if (!this.compensates(invocation)) return;
    throw new InvalidEventError(
      `sendEvent() was called by the compensation of step ${JSON.stringify(name)}: a compensation emits no events`,
    );
  }

  /** @throws InvalidArgumentError if a compensation wants to wait for events */
  refuseToWait(invocation: number, { name }: Step, asked: string): void {
    if (!this.compensates(invocation)) return;
    throw new InvalidArgumentError(
      `${asked} was called by the compensation of step ${JSON.stringify(name)}: a run that is about to end waits for no events`,
    );
  }

  /**
   * A compensation has thrown: it is called again, or the others go on without it. So do they if it is a handler that was
   * only waited for: it has done nothing.
   *
   * @throws RunStateError if nothing is taken from the attempt any more
   */
  decide(run: UndoingRun, failed: FailedAttempt): void {
    const { invocation, step, attempt, error } = failed;
    const { compensationRetry } = run.definition.steps[step] as Step;
    if (!this.compensates(invocation) || compensationRetry === undefined) {
      run.native.failStep(invocation, undefined);
      run.lifecycle?.stepFailed("step", step, invocation, attempt, error, false);
    } else {
      const outlook = outlookOf(error, compensationRetry);
      const isRetried = triesAgain(run, invocation, outlook);
      if (!isRetried) this.#leaveUndone(run, failed, outlook.error);
      run.lifecycle?.stepFailed("compensation", step, invocation, attempt, outlook.error, isRetried);
      run.lookAtTheClock();
    }
    run.driver.comeBack();
  }

  #leaveUndone(run: UndoingRun, { invocation, step }: FailedAttempt, error: BlazenError): void {
    run.expectInFlight(invocation);
    const { name } = run.definition.steps[step] as Step;
    const thrown = thrownBy(error);
    const { failure } = this;
    failure.compensationErrors = [...(failure.compensationErrors ?? []), { step: name, error: thrown }];
    run.native.failStep(invocation, run.textFor(failure));
    process.emitWarning(
      `Step ${JSON.stringify(name)} of run ${run.id} could not be undone: ${summary(thrown)}`,
      "BlazenWarning",
    );
  }
}
