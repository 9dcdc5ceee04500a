// The changes of one run that its store does not have yet, for those who wait until it does.

import type { NativeContext } from "./step_driver.js";

interface Waiter {
  readonly change: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class ChangesOnTheirWay {
  readonly #run: NativeContext;
  #waiters: Waiter[] = [];

  constructor(run: NativeContext) {
    this.#run = run;
  }

  /** When all that has changed so far is durable, but for the last `ahead` changes. */
  whenDurable(ahead = 0): Promise<void> {
    const change = this.#run.lastChange - ahead;
    if (this.#run.durableChange >= change) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ change, resolve, reject });
    });
  }

  /** Some changes have become durable. */
  stored(): void {
    if (this.#waiters.length === 0) return;
    const durable = this.#run.durableChange;
    for (const { change, resolve } of this.#waiters) if (change <= durable) resolve();
    this.#waiters = this.#waiters.filter(({ change }) => change > durable);
  }

  /** The run has ended, and nobody need wait any more. */
  end(failure: unknown): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve, reject } of waiters) {
      if (failure === undefined) resolve();
      else reject(failure);
    }
  }
}
