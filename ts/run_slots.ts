// What one run has to do with slots: which of its attempts have one, and which wait for one.

import { type Attempt, Line, type Slots } from "./step_limits.js";

export class RunSlots {
  /** By invocation. */
  readonly #taken = new Map<number, Slots>();
  readonly #lines = new Map<Slots, Line>();
  /** Those that have waited and have a slot now, and whose handlers are to be called. */
  #ready: Attempt[] = [];
  readonly #whenReady: () => void;

  /** @param whenReady told that there is something to call; called by another run, so nothing is called there and then */
  constructor(whenReady: () => void) {
    this.#whenReady = whenReady;
  }

  /** Takes a slot for an attempt, which waits if there is none. Says whether it has one. */
  enter(attempt: Attempt, slots: Slots): boolean {
    if (slots.take()) {
      this.#taken.set(attempt.invocation, slots);
      return true;
    }
    this.#lineFor(slots).add(attempt);
    return false;
  }

  /** The next attempt to call, of those that have waited. */
  takeReady(): Attempt | undefined {
    return this.#ready.shift();
  }

  /** An attempt is over. It need not have had a slot. */
  giveBack(invocation: number): void {
    const slots = this.#taken.get(invocation);
    if (slots === undefined) return;
    this.#taken.delete(invocation);
    slots.giveBack();
  }

  /** Nothing waits any more, nor is to be called; gives the invocations that have not been called. */
  withdraw(): number[] {
    const invocations: number[] = [];
    for (const [slots, line] of this.#lines) {
      slots.leave(line);
      for (const invocation of line.invocations()) invocations.push(invocation);
    }
    this.#lines.clear();
    const ready = this.#ready;
    this.#ready = [];
    for (const { invocation } of ready) {
      invocations.push(invocation);
      this.giveBack(invocation);
    }
    return invocations;
  }

  /** The run has ended. */
  clear(): void {
    this.withdraw(); // first, so that it is given none of its own
    for (const slots of this.#taken.values()) slots.giveBack();
    this.#taken.clear();
  }

  #lineFor(slots: Slots): Line {
    const known = this.#lines.get(slots);
    if (known !== undefined) return known;
    const line = new Line((attempt) => {
      if (line.isEmpty) this.#lines.delete(slots);
      this.#taken.set(attempt.invocation, slots);
      this.#ready.push(attempt);
      this.#whenReady();
    });
    slots.join(line);
    this.#lines.set(slots, line);
    return line;
  }
}
