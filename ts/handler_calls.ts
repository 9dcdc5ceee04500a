// What a handler asks of its run beside reading and writing: to send an event, to collect events, and to expect one.

import type { Definition, Step } from "./definition.js";
import { emissionOf, observe } from "./emission.js";
import { InvalidArgumentError, InvalidEventError, translated } from "./errors.js";
import { type ExpiryOptions, readExpiry } from "./expiry.js";
import { keepExpiry } from "./kept_expiry.js";
import { native } from "./native.js";
import { typeOfExpected } from "./outside_events.js";
import type { RunEnd } from "./run_end.js";
import type { RunWriting } from "./run_writing.js";
import { readDue, type SendOptions } from "./send_options.js";
import type { NativeContext, StepDriver } from "./step_driver.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { AnyEvent } from "./types.js";
import type { Undoing } from "./undoing.js";
import { Wanted, type WantedEvents } from "./wanted_events.js";

/** A run, as its handlers meet it. */
export interface CalledRun {
  /** The number by which the functions of the hot path name the run. */
  readonly key: number;
  readonly native: NativeContext;
  readonly definition: Definition;
  readonly driver: StepDriver;
  readonly end: RunEnd;
  readonly writing: RunWriting | undefined;
  /** What it undoes, once it does. */
  readonly undoing: Undoing | undefined;
  /** Whether the engine undoes what the run has done; hears of it, if so. */
  isUndoing(): boolean;
  /** @throws RunStateError if nothing is taken from this invocation any more */
  expectInFlight(invocation: number): void;
  lookAtTheClock(): void;
  /** When the run may go on after what has happened so far. */
  whenStored(): Promise<void> | undefined;
}

/** Who asks. */
export interface Caller {
  readonly invocation: number;
  readonly step: Step;
}

/** Rejects with InvalidEventError, RunStateError, or the failure of the run if nobody accepts the event. */
export function send(run: CalledRun, caller: Caller, value: unknown, options: SendOptions | undefined): Promise<void> {
  let sent: Promise<void> | undefined;
  try {
    sent = sendAt(run, caller, value, readDue(options));
  } catch (refusal) {
    return Promise.reject(refusal);
  }
  if (sent === undefined) return Promise.resolve();
  // A run that fails, or is lost, says so itself: whoever does not wait for this promise need not be told twice.
  toldElsewhere(sent);
  return sent;
}

function sendAt(
  run: CalledRun,
  { invocation, step }: Caller,
  value: unknown,
  due: number | undefined,
): Promise<void> | undefined {
  run.undoing?.refuseToSend(invocation, step);
  const emission = emissionOf(value, run.definition, "sendEvent() was given");
  run.expectInFlight(invocation);
  const { eventType, name } = emission;
  if (due !== undefined && !mayBeDelayed(eventType)) {
    const type = eventType === native.STOP_EVENT ? "a stop event" : "an input request";
    throw new InvalidEventError(`sendEvent() was given ${type} to deliver later, and only events for steps may wait`);
  }
  const { payload, until } = run.driver.keepEmission(emission);
  observe(step, emission);
  if (until !== undefined) {
    translated(() => run.native.ask(invocation, payload, name as string, until));
    run.lookAtTheClock();
    return run.whenStored();
  }
  // One that nobody accepts fails the run now: it would at its time.
  if (due !== undefined && name === undefined) {
    translated(() => run.native.sendLater(invocation, eventType, payload, due));
    run.lookAtTheClock();
    return run.whenStored();
  }
  if (!translated(() => native.send(run.key, invocation, eventType, payload, name))) return hearOfTheEnd(run);
  run.driver.comeBack();
  return run.whenStored();
}

/** What was sent has ended the run: rejects with its failure, if that is how it ended. */
async function hearOfTheEnd(run: CalledRun): Promise<void> {
  if (run.isUndoing()) {
    await run.whenStored();
    throw run.undoing?.failure;
  }
  run.driver.readTheEnd();
  if (run.writing !== undefined) {
    await run.writing.whenDurable();
    run.driver.readTheEnd();
  }
  if (run.end.failure !== undefined) throw run.end.failure;
}

/**
 * The event of an invocation waits for others; gives all of them once they are there.
 *
 * @throws InvalidArgumentError or RunStateError
 */
export function collect(
  run: CalledRun,
  { invocation, step }: Caller,
  event: object,
  wanted: WantedEvents,
  key: string,
): object[] | null {
  run.undoing?.refuseToWait(invocation, step, "collectEvents()");
  const whole = new Wanted(wanted, step, run.definition);
  const { type } = event as AnyEvent;
  const eventType = run.definition.eventTypes.get(type);
  if (eventType === undefined || !whole.includes(eventType)) {
    throw new InvalidArgumentError(
      `collectEvents() was given a ${JSON.stringify(type)} event, which is not among those that it is to wait for`,
    );
  }
  const payloads = run.end.sayWhy(() =>
    native.collect(run.key, invocation, key, eventType, whole.lent(), whole.counts.length),
  );
  return payloads === null ? null : whole.inOrder(payloads).map((payload) => run.driver.event(payload));
}

/** Rejects with InvalidArgumentError or RunStateError. */
export async function expect(
  run: CalledRun,
  { invocation, step }: Caller,
  type: string,
  options: ExpiryOptions,
): Promise<void> {
  const { definition, driver } = run;
  run.undoing?.refuseToWait(invocation, step, "expectEvent()");
  const eventType = typeOfExpected(type, definition);
  const expiry = readExpiry(options, "expectEvent()", definition);
  run.expectInFlight(invocation);
  const until = expiry && keepExpiry(expiry, { expected: type }, definition, driver);
  translated(() => run.native.expect(invocation, crypto.randomUUID(), eventType, until));
  run.lookAtTheClock();
  await run.whenStored();
}

function mayBeDelayed(eventType: number): boolean {
  return eventType !== native.STOP_EVENT && eventType !== native.INPUT_REQUEST_EVENT;
}
