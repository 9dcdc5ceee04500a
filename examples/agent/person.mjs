// The person at the keyboard, who is asked before something is done that could do harm.

import { createInterface } from "node:readline";
import { printable } from "./screen.mjs";

export class Person {
  #standingAnswer;
  #keyboard;
  #lines;

  /** @param {boolean} [standingAnswer] the answer to every question, if it is known beforehand */
  constructor(standingAnswer) {
    this.#standingAnswer = standingAnswer;
  }

  /** @returns {Promise<boolean | undefined>} undefined if nobody is there to answer */
  async agreesTo(prompt) {
    process.stdout.write(`${printable(prompt)} [yes/no] `);
    if (this.#standingAnswer !== undefined) {
      console.log(this.#standingAnswer ? "yes" : "no");
      return this.#standingAnswer;
    }
    // One reader for all questions: with this answer it may have read the next one already.
    this.#keyboard ??= createInterface({ input: process.stdin });
    this.#lines ??= this.#keyboard[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: line } = await this.#lines.next();
      if (done) break;
      if (/^\s*y(es)?\s*$/i.test(line)) return true;
      if (/^\s*no?\s*$/i.test(line)) return false;
      process.stdout.write("Please answer yes or no: ");
    }
    console.log();
    return undefined;
  }

  /** Lets go of the keyboard, which would keep the process. */
  leave() {
    this.#keyboard?.close();
  }
}
