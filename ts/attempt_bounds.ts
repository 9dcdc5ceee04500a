// What the attempts of one run are bounded by: how long each may take, and the slots that they have or wait for. A run of
// which no step has a `timeout` or a `limit` has none of this.

import { RunSlots } from "./run_slots.js";
import { StepDeadlines } from "./step_deadlines.js";

export class AttemptBounds {
  readonly deadlines = new StepDeadlines();
  readonly slots: RunSlots;

  /** @param whenReady told that an attempt that has waited for a slot has one; nothing is called there and then */
  constructor(whenReady: () => void) {
    this.slots = new RunSlots(whenReady);
  }

  /** An attempt is over. */
  forget(invocation: number): void {
    this.deadlines.forget(invocation);
    this.slots.giveBack(invocation);
  }

  /** The run has ended. */
  clear(): void {
    this.deadlines.clear();
    this.slots.clear();
  }
}
