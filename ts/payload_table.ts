// The events that one run has on their way, under the small numbers by which the engine names them: the objects
// themselves, or the texts of a stored run.
//
// A text may come with a copy of what it says, for the first who receives it. A copy may keep alive what was read into memory
// to make the event, so it is not for what waits long.

const NONE = -1;

/** Numbers are used again once they are released. */
export class PayloadTable {
  /** An event, or, where there is none, the next number that is free. */
  #slots: (object | string | number)[] = [];
  #firstFree = NONE;
  /** By number. */
  #copies: (object | undefined)[] | undefined;

  keep(event: object | string, copy?: object): number {
    const number = this.#keep(event);
    if (copy !== undefined) {
      this.#copies ??= [];
      this.#copies[number] = copy;
    }
    return number;
  }

  #keep(event: object | string): number {
    const number = this.#firstFree;
    if (number === NONE) return this.#slots.push(event) - 1;
    this.#firstFree = this.#slots[number] as number;
    this.#slots[number] = event;
    return number;
  }

  get(number: number): object | string {
    return this.#slots[number] as object | string;
  }

  /** The copy that came with a text, once. */
  takeCopy(number: number): object | undefined {
    const copy = this.#copies?.[number];
    if (copy !== undefined) (this.#copies as (object | undefined)[])[number] = undefined;
    return copy;
  }

  letGoOfCopies(): void {
    this.#copies = undefined;
  }

  release(number: number): void {
    this.takeCopy(number);
    this.#slots[number] = this.#firstFree;
    this.#firstFree = number;
  }

  clear(): void {
    this.#slots = [];
    this.#firstFree = NONE;
    this.#copies = undefined;
  }
}
