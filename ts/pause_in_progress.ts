// A pause that waits for what is in flight.

import { Alarm } from "./alarm.js";
import { toldElsewhere } from "./told_elsewhere.js";

export class PauseInProgress {
  readonly snapshot: Promise<string>;
  readonly #grace = new Alarm();
  #graceEnds = Number.POSITIVE_INFINITY;
  #resolve!: (snapshot: string) => void;
  #reject!: (error: unknown) => void;

  constructor() {
    this.snapshot = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever called pause() is told through a promise that follows this one.
    toldElsewhere(this.snapshot);
  }

  /** Of several graces the one that ends first counts. */
  waitNoLongerThan(graceMs: number, interrupt: () => void): void {
    const ends = performance.now() + graceMs;
    if (ends >= this.#graceEnds) return;
    this.#graceEnds = ends;
    if (graceMs === 0) interrupt();
    else this.#grace.set(ends, interrupt);
  }

  succeed(snapshot: string): void {
    this.#grace.stop();
    this.#resolve(snapshot);
  }

  fail(error: unknown): void {
    this.#grace.stop();
    this.#reject(error);
  }
}
