// Holds a run still between two portions of its steps, so that two runs can be timed in turns.

import { microsecondsEach } from "../harness/statistics.mjs";

export class Pace {
  #limit = 0;
  #reached = deferred();
  #gate = deferred();

  /** To be awaited by step `n` before it does anything: goes on once `n` steps have been asked for. */
  before = async (n) => {
    if (n >= this.#limit) {
      this.#reached.resolve();
      await this.#gate.promise;
    }
  };

  /** Resolves when `count` more steps have settled and the next one's handler has been invoked. */
  async advance(count) {
    await this.#reached.promise;
    this.#limit += count;
    this.#reached = deferred();
    this.#openGate();
    await this.#reached.promise;
  }

  /** Microseconds of each of the next `count` steps. */
  async time(count) {
    await this.#reached.promise;
    return microsecondsEach(count, () => this.advance(count));
  }

  /** Lets the run go to its end. */
  release() {
    this.#limit = Number.POSITIVE_INFINITY;
    this.#openGate();
  }

  #openGate() {
    const opened = this.#gate;
    this.#gate = deferred();
    opened.resolve();
  }
}

function deferred() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
