// How many handlers of one step are at work at a time, across all runs of its workflow.
//
// For each key there are so many slots. A run that finds none free waits in a line of its own; a slot that is given back
// goes to the next attempt of the line whose turn it is, and the turn to the next line. So a run with a thousand events
// takes one slot while each of the others takes one. Nothing here calls a handler, or knows what a run is.
//
// Always true: lines wait only while all slots of their key are taken, and something waits in each; a key is known only
// while one of its slots is taken.

import type { KeyOfEvent, LimitPolicy } from "./limit_options.js";

/** An attempt at a step, before its handler is called. */
export interface Attempt {
  readonly invocation: number;
  /** The number of its step. */
  readonly step: number;
  /** The number of its event. */
  readonly payload: number;
  /** 1 for the first. */
  readonly attempt: number;
}

/** The slots of a step that has a `limit`. Shared by all that goes by the step: runs, and copies of the definition. */
export class StepLimiter {
  /** Undefined if all events share one limit. */
  readonly keyOf: KeyOfEvent | undefined;
  readonly #concurrency: number;
  readonly #inUse = new Map<string, Slots>();

  constructor({ concurrency, key }: LimitPolicy) {
    this.#concurrency = concurrency;
    this.keyOf = key;
  }

  /** The slots of a key, for somebody who takes one now or waits for one. */
  slotsOf(key: string): Slots {
    const known = this.#inUse.get(key);
    if (known !== undefined) return known;
    const slots = new Slots(this.#concurrency, () => this.#inUse.delete(key));
    this.#inUse.set(key, slots);
    return slots;
  }
}

/** The slots of one key. */
export class Slots {
  readonly #count: number;
  readonly #whenUnused: () => void;
  #taken = 0;
  /** The line whose turn it is. The lines are a ring: before it stands the one whose turn is last. */
  #next: Line | undefined;

  constructor(count: number, whenUnused: () => void) {
    this.#count = count;
    this.#whenUnused = whenUnused;
  }

  /** Takes a slot, if one is free. */
  take(): boolean {
    if (this.#taken === this.#count) return false;
    this.#taken += 1;
    return true;
  }

  /** A slot is not needed any more: it goes to whoever is next. */
  giveBack(): void {
    const line = this.#next;
    if (line === undefined) {
      this.#taken -= 1;
      if (this.#taken === 0) this.#whenUnused();
      return;
    }
    this.#next = line.after;
    line.serveFirst();
    if (line.isEmpty) this.leave(line);
  }

  /** A line waits from now on; its turn is last. */
  join(line: Line): void {
    if (this.#next === undefined) this.#next = line;
    else line.standBefore(this.#next);
  }

  /** A line waits no more. */
  leave(line: Line): void {
    if (this.#next === line) this.#next = line.isAlone ? undefined : line.after;
    line.stepOut();
  }
}

interface Waiting {
  readonly attempt: Attempt;
  behind: Waiting | undefined;
}

/** The attempts of one run that wait for a slot of one key, in the order in which they came. */
export class Line {
  readonly #give: (attempt: Attempt) => void;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  // Its neighbours in the ring; itself while it is alone.
  #before: Line = this;
  #after: Line = this;

  /** @param give gives a slot to an attempt that has waited here */
  constructor(give: (attempt: Attempt) => void) {
    this.#give = give;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** The invocations that wait here. */
  *invocations(): Generator<number> {
    for (let waiting = this.#first; waiting !== undefined; waiting = waiting.behind) yield waiting.attempt.invocation;
  }

  add(attempt: Attempt): void {
    const waiting: Waiting = { attempt, behind: undefined };
    if (this.#first === undefined || this.#last === undefined) this.#first = waiting;
    else this.#last.behind = waiting;
    this.#last = waiting;
  }

  serveFirst(): void {
    const first = this.#first;
    if (first === undefined) return;
    this.#first = first.behind;
    this.#give(first.attempt);
  }

  // Its place among the lines of a key.

  get after(): Line {
    return this.#after;
  }

  get isAlone(): boolean {
    return this.#after === this;
  }

  standBefore(line: Line): void {
    this.#before = line.#before;
    this.#after = line;
    line.#before.#after = this;
    line.#before = this;
  }

  stepOut(): void {
    this.#before.#after = this.#after;
    this.#after.#before = this.#before;
    this.#before = this;
    this.#after = this;
  }
}
