// What the handler of a step has emitted in this process: learned on the way, for the graph.
//
// It is asked at every hop, so what is known already costs one look at an array.

/** Event types that no step accepts may be made up as a program goes; no more than these are kept. */
const MOST_UNROUTED = 100;

export class ObservedEmissions {
  /** By the number of the event type; no holes, which would be slower to read. */
  readonly #types: boolean[] = [];
  readonly #unrouted = new Set<string>();

  /** An event was emitted of the type of that number. */
  add(eventType: number): void {
    if (this.#types[eventType] !== true) this.#addFirst(eventType);
  }

  /** An event was emitted of a type that no step accepted. */
  addUnrouted(type: string): void {
    if (this.#unrouted.size < MOST_UNROUTED) this.#unrouted.add(type);
  }

  /** The types that were emitted. */
  types(eventTypes: ReadonlyMap<string, number>): Set<string> {
    const known = [...eventTypes].filter(([, eventType]) => this.#types[eventType] === true);
    return new Set([...known.map(([type]) => type), ...this.#unrouted]);
  }

  #addFirst(eventType: number): void {
    while (this.#types.length <= eventType) this.#types.push(false);
    this.#types[eventType] = true;
  }
}
