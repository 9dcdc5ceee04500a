// The events that one run has on their way, under the small numbers by which the engine names them: the objects
// themselves, or, of a stored run, what `event_data.ts` makes of them.

const NONE = -1;

/** Numbers are used again once they are released. */
export class PayloadTable {
  /** An event, or, where there is none, the next number that is free. */
  #slots: (object | string | number)[] = [];
  #firstFree = NONE;

  keep(event: object | string): number {
    const number = this.#firstFree;
    if (number === NONE) return this.#slots.push(event) - 1;
    this.#firstFree = this.#slots[number] as number;
    this.#slots[number] = event;
    return number;
  }

  get(number: number): object | string {
    return this.#slots[number] as object | string;
  }

  release(number: number): void {
    this.#slots[number] = this.#firstFree;
    this.#firstFree = number;
  }

  clear(): void {
    this.#slots = [];
    this.#firstFree = NONE;
  }
}
