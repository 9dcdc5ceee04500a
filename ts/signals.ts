// The abort signals of the handlers of one run. One is made only when a handler asks for it.

export class Signals {
  readonly #controllers = new Map<number, AbortController>();
  /** Invocations that were cut short: their handlers may ask late. */
  readonly #interrupted = new Map<number, unknown>();

  /** The signal of an invocation that has asked before, or was cut short. */
  known(invocation: number): AbortSignal | undefined {
    if (this.#interrupted.has(invocation)) return AbortSignal.abort(this.#interrupted.get(invocation));
    return this.#controllers.get(invocation)?.signal;
  }

  controllerOf(invocation: number): AbortController | undefined {
    return this.#controllers.get(invocation);
  }

  make(invocation: number): AbortSignal {
    const controller = new AbortController();
    this.#controllers.set(invocation, controller);
    return controller.signal;
  }

  /** The handler has returned or thrown: nobody will be told. */
  forget(invocation: number): void {
    this.#controllers.delete(invocation);
    this.#interrupted.delete(invocation);
  }

  interrupt(invocations: readonly number[], reason: unknown): void {
    for (const invocation of invocations) {
      this.#interrupted.set(invocation, reason);
      const controller = this.#controllers.get(invocation);
      this.#controllers.delete(invocation);
      controller?.abort(reason);
    }
  }

  /** The run is over: tells every handler that is still at work. */
  abortAll(reason: unknown): void {
    const controllers = [...this.#controllers.values()];
    this.#controllers.clear();
    for (const controller of controllers) controller.abort(reason);
  }
}
