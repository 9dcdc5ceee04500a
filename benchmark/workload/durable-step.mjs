// The work of a durable step: an event of 200 bytes comes in, one key of the state is set to 64 bytes, the next event
// goes out. Events count the steps that are done; `last` is how many the run has.

import { STOP } from "./ping-pong.mjs";

export const STEP = "Step";

export const EVENT_BYTES = 200;
const PROGRESS_BYTES = 64;
const QUOTES = 2;
const NOTE = "n".repeat(EVENT_BYTES - JSON.stringify({ type: STEP, n: 1_000, last: 1_000, note: "" }).length);
const KILOBYTE = "k".repeat(1_024 - QUOTES);

/** The fields of a run's first event; its type is the engine's. */
export const firstEvent = (last) => ({ n: 0, last, note: NOTE });
export const nextEvent = ({ n, last }) => ({ type: STEP, n: n + 1, last, note: NOTE });
export const isLast = ({ n, last }) => n + 1 === last;

/** What a step writes to the state: one key, 64 bytes as JSON. */
export const writeProgress = (n) => ({ progress: String(n).padEnd(PROGRESS_BYTES - QUOTES, ".") });

/** The same, but a new key each time, of 1 KB. */
export const addKilobyte = (n) => ({ [`key-${n}`]: KILOBYTE });

/**
 * The handler of the one step of a run.
 *   write   what step `n` sets in the state: { key: value }
 *   before  async (n, last), awaited before step `n` of a run of `last` does anything; may be left out
 *   end     the event that the last step returns, told the number of steps
 */
export function durableStep({ write = writeProgress, before, end = stop } = {}) {
  return async (event, ctx) => {
    await before?.(event.n, event.last);
    for (const [key, value] of Object.entries(write(event.n))) {
      await ctx.set(key, value);
    }
    return isLast(event) ? end(event.last) : nextEvent(event);
  };
}

const stop = (steps) => ({ type: STOP, result: steps });
