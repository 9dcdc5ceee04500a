// Rings at a point in time: the end of a run's time, or of the grace of a pause, or when something of a run is due. The timer
// holds the event loop: each is a promise to whoever waits.

/** The longest time that `setTimeout` takes. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Alarm {
  #timer: NodeJS.Timeout | undefined;

  /** @param due on the clock of `performance.now()` */
  set(due: number, ring: () => void): void {
    this.stop();
    const delay = Math.min(Math.max(Math.ceil(due - performance.now()), 1), LONGEST_TIMER);
    this.#timer = setTimeout(() => {
      if (performance.now() < due) this.set(due, ring);
      else ring();
    }, delay);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
