// The events that one run has on their way, under the small numbers by which the engine names them.

/** Numbers are used again once they are released. */
export class PayloadTable {
  readonly #events: object[] = [];
  readonly #free: number[] = [];

  keep(event: object): number {
    const number = this.#free.pop();
    if (number === undefined) return this.#events.push(event) - 1;
    this.#events[number] = event;
    return number;
  }

  get(number: number): object {
    return this.#events[number] as object;
  }

  release(number: number): void {
    this.#events[number] = RELEASED;
    this.#free.push(number);
  }

  clear(): void {
    this.#events.length = 0;
    this.#free.length = 0;
  }
}

const RELEASED = Object.freeze({});
