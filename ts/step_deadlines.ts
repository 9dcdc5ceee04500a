// How long handlers may take, of steps that have a `timeout`.

import { Alarm } from "./alarm.js";

export class StepDeadlines {
  readonly #alarms = new Map<number, Alarm>();

  /** Calls `ring` when the handler of `invocation` has had its time. */
  set(invocation: number, timeoutMs: number, ring: () => void): void {
    const alarm = new Alarm();
    this.#alarms.set(invocation, alarm);
    alarm.set(performance.now() + timeoutMs, () => {
      this.#alarms.delete(invocation);
      ring();
    });
  }

  /** The handler has returned or thrown. */
  forget(invocation: number): void {
    this.#alarms.get(invocation)?.stop();
    this.#alarms.delete(invocation);
  }

  /** Nothing is called any more. */
  clear(): void {
    for (const alarm of this.#alarms.values()) alarm.stop();
    this.#alarms.clear();
  }
}
