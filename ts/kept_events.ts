// What has been written to the stream of a run, by offset: 0, 1, 2, ...
//
// Kept once, however many read it; a reader is a place in it. No more than so many are kept: the oldest are let go of,
// and their offsets are known to be gone. An offset never comes to mean another event.

/** Whatever is let go of is left in the array until there is as much of it as of what is kept, and more than this. */
const FEW = 64;

export class KeptEvents<Event> {
  readonly #most: number;
  /** The first `#gone` places are empty. */
  #events: (Event | undefined)[] = [];
  #gone = 0;
  #oldest = 0;

  /**
   * @param most how many are kept; may be infinite
   * @param first the offset of the first that will be added
   */
  constructor(most: number, first = 0) {
    this.#most = most;
    this.#oldest = first;
  }

  get most(): number {
    return this.#most;
  }

  /** The offset of the oldest that is kept; `next` if none is. */
  get oldest(): number {
    return this.#oldest;
  }

  /** The offset that the next one gets: how many there have been. */
  get next(): number {
    return this.#oldest + this.#events.length - this.#gone;
  }

  add(event: Event): void {
    // Most runs that wait have one event to keep, and an array that is pushed to has room for many.
    if (this.#events.length === 0) this.#events = [event];
    else this.#events.push(event);
    if (this.next - this.#oldest > this.#most) this.letGoBefore(this.#oldest + 1);
  }

  /** @param offset of one that is kept */
  at(offset: number): Event {
    return this.#events[offset - this.#oldest + this.#gone] as Event;
  }

  letGoBefore(offset: number): void {
    while (this.#oldest < offset && this.#gone < this.#events.length) {
      this.#events[this.#gone] = undefined;
      this.#gone += 1;
      this.#oldest += 1;
    }
    if (this.#gone === this.#events.length) this.#events = [];
    else if (this.#gone > FEW && this.#gone * 2 > this.#events.length) this.#events = this.#events.slice(this.#gone);
    else return;
    this.#gone = 0;
  }
}
