// The abort signals of the handlers of one run. One is made only when a handler asks for it.

export class Signals {
  readonly #controllers = new Map<number, AbortController>();
  /** Deliveries whose handlers were told, or would have been: they may ask late. */
  readonly #interrupted = new Map<number, unknown>();
  #over: { reason: unknown } | undefined;

  of(delivery: number): AbortSignal {
    const known = this.#controllers.get(delivery);
    if (known !== undefined) return known.signal;
    if (this.#over !== undefined) return AbortSignal.abort(this.#over.reason);
    if (this.#interrupted.has(delivery)) return AbortSignal.abort(this.#interrupted.get(delivery));
    const controller = new AbortController();
    this.#controllers.set(delivery, controller);
    return controller.signal;
  }

  /** The delivery has settled: nobody will be told. */
  forget(delivery: number): void {
    this.#controllers.delete(delivery);
    this.#interrupted.delete(delivery);
  }

  interrupt(deliveries: readonly number[], reason: unknown): void {
    for (const delivery of deliveries) {
      this.#interrupted.set(delivery, reason);
      const controller = this.#controllers.get(delivery);
      this.#controllers.delete(delivery);
      controller?.abort(reason);
    }
  }

  /** The run is over: tells every handler that is still at work. */
  abortAll(reason: unknown): void {
    this.#over = { reason };
    const controllers = [...this.#controllers.values()];
    this.#controllers.clear();
    for (const controller of controllers) controller.abort(reason);
  }
}
