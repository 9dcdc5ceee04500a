// The input requests of one run that have been told and not answered, and who else hears of them.

/** Told of a request: an event. */
export type Hear = (request: object) => void;

export class OpenRequests {
  readonly #events = new Map<string, object>();
  #hear: Hear | undefined;

  told(request: object): void {
    this.#events.set((request as { request_id: string }).request_id, request);
    this.#hear?.(request);
  }

  answered(requestId: string): void {
    this.#events.delete(requestId);
  }

  has(requestId: string): boolean {
    return this.#events.has(requestId);
  }

  /** Tells somebody else as well, of those that are open too. */
  alsoTell(hear: Hear): void {
    this.#hear = hear;
    for (const request of this.#events.values()) hear(request);
  }
}
