// When an event that is sent is delivered.

import { types } from "node:util";
import { readOptions, refuse } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import { LONGEST_WAIT_MS } from "./retry_options.js";

const MOST_TRIES = 100;
/** Looks at two clocks that are no further apart tell one time. */
const AT_ONE_TIME_MS = 0.5;
/** `Date.now()` leaves out fractions, so that a measure may be short by a millisecond, and too much by the time between looks. */
const MEASURED_WITHIN_MS = 1 + AT_ONE_TIME_MS;

/** When an event is delivered: after a wait, or at a point in time. At once unless one of the two is given. */
export interface SendOptions {
  /** How long to wait, in milliseconds. It is a durable timer: in a stored run, time that passes while no process is there counts. */
  delayMs?: number;
  /** When, by the clock of the system. What has passed already is now. */
  at?: Date;
}

/**
 * @returns the time on the clock of `performance.now()`; undefined for at once
 * @throws InvalidArgumentError
 */
export function readDue(options: SendOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  const { delayMs, at } = readOptions(options, "the options of sendEvent()", ["delayMs", "at"]);
  if (at !== undefined) {
    if (delayMs !== undefined) throw new InvalidArgumentError("sendEvent() takes delayMs or at, and was given both");
    const time = types.isDate(at) ? Date.prototype.getTime.call(at) : Number.NaN;
    if (Number.isNaN(time)) refuse("at", "a valid Date", at);
    return onTheMonotonicClock(time);
  }
  if (delayMs === undefined) return undefined;
  if (typeof delayMs !== "number" || !(delayMs >= 0 && delayMs <= LONGEST_WAIT_MS)) {
    refuse("delayMs", "a number of milliseconds, 0 or more", delayMs);
  }
  return delayMs > 0 ? performance.now() + delayMs : undefined;
}

/** How far the wall clock is ahead of `performance.now()`, a little less, so that nothing is early by it. */
let lead = Number.NEGATIVE_INFINITY;

/** What is due at one time is due at one time here too: the lead is measured anew only when the clock was set. */
function onTheMonotonicClock(time: number): number {
  const measured = measureLead();
  if (measured < lead || measured - lead > 2 * MEASURED_WITHIN_MS) lead = measured - MEASURED_WITHIN_MS;
  // What has passed waits behind all that came due before it, which need not have been delivered yet.
  return Math.max(time - lead, performance.now());
}

/**
 * A process may lose the processor between two looks at a clock: then it looks again. In the end it keeps what it knew, unless
 * the clock is ahead of that for certain.
 */
function measureLead(): number {
  for (let tries = 1; ; tries += 1) {
    const before = performance.now();
    const wall = Date.now();
    const after = performance.now();
    if (after - before < AT_ONE_TIME_MS) return wall - before;
    if (tries === MOST_TRIES) return Math.max(wall - after, lead);
  }
}
