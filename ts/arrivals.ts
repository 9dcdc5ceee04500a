// Runs that are on their way to this thread: looked for, begun or taken up, each once at a time.

import type { BlazenError } from "./errors.js";
import type { HeldRun } from "./held_run.js";
import type { Run } from "./run.js";

/** Ends a run that is here. */
export type EndAtOnce = (run: Run) => void;

/** User code that is waited for. */
interface Wait {
  readonly isNeededToEnd: boolean;
  readonly leave: () => void;
  readonly lose: (why: BlazenError) => void;
}

export class Arrival {
  /** The workflow that waits for it. */
  readonly workflow: string;
  /** What comes of it. */
  held!: Promise<HeldRun>;
  #end: EndAtOnce | undefined;
  #wait: Wait | undefined;
  #lost: BlazenError | undefined;

  constructor(workflow: string) {
    this.workflow = workflow;
  }

  /** Whether the run is only taken up to be ended. */
  get isToEnd(): boolean {
    return this.#end !== undefined;
  }

  /** The run is to be ended as soon as it is here. Who says so first is heard, and nobody once it has come. */
  endAtOnce(end: EndAtOnce): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    if (this.#wait?.isNeededToEnd === false) this.#wait.leave();
  }

  /** The store was closed: nothing is waited for any more. */
  lose(why: BlazenError): void {
    this.#lost = why;
    this.#wait?.lose(why);
  }

  /**
   * Waits for user code, which may take as long as it likes.
   *
   * @param isNeededToEnd whether it must be waited for although the run is to be ended
   * @returns whether it has come to its end
   */
  async waitFor(work: () => Promise<void>, isNeededToEnd: boolean): Promise<boolean> {
    if (this.#lost !== undefined) throw this.#lost;
    const left = new Promise<false>((resolve, lose) => {
      this.#wait = { isNeededToEnd, leave: () => resolve(false), lose };
    });
    try {
      return await Promise.race([work().then(() => true), left]);
    } finally {
      this.#wait = undefined;
    }
  }

  /** The run is here. */
  meet(run: Run): Run {
    this.#end?.(run);
    return run;
  }
}
