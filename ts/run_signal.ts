// Runs that end when a signal says so.
//
// A signal may outlive any number of runs, and concern many at once: while there are some it has one listener of ours,
// which tells all of them, and none when the last of them has ended.

import { reading, refuse } from "./arguments.js";
import { AbortedError } from "./errors.js";
import { toldElsewhere } from "./told_elsewhere.js";

/** A run that may be told to end. */
interface AbortableRun {
  readonly result: Promise<unknown>;
  abort(reason: unknown): Promise<void>;
}

/**
 * Checks that a value behaves like an `AbortSignal`, of whatever realm or library it is, and is not aborted.
 *
 * @throws InvalidArgumentError or AbortedError
 */
export function checkSignal(value: unknown, what: string): asserts value is AbortSignal {
  const isAborted = reading(what, () => {
    if (typeof value !== "object" || value === null) refuse(what, "an AbortSignal", value);
    const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
    const isSignal =
      typeof aborted === "boolean" &&
      typeof addEventListener === "function" &&
      typeof removeEventListener === "function";
    if (!isSignal) refuse(what, "an AbortSignal", value);
    return aborted;
  });
  if (isAborted) throw new AbortedError(reasonOf(value as AbortSignal));
}

const LISTENERS = new WeakMap<AbortSignal, SignalListener>();

/** Aborts the run when the signal is aborted, at once if it is. Nothing is left with the signal when the run has ended. */
export function abortOn(signal: AbortSignal, run: AbortableRun): void {
  try {
    if (signal.aborted) {
      abort(run, reasonOf(signal));
      return;
    }
    const known = LISTENERS.get(signal);
    const listener = known ?? new SignalListener(signal);
    if (known === undefined) LISTENERS.set(signal, listener);
    listener.add(run);
    const forget = () => listener.forget(run);
    run.result.then(forget, forget);
  } catch (error) {
    // A signal that cannot be listened to would never end the run.
    abort(run, error);
  }
}

class SignalListener {
  readonly #signal: AbortSignal;
  readonly #runs = new Set<AbortableRun>();
  readonly #listener = () => this.#aborted();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(run: AbortableRun): void {
    if (this.#runs.size === 0) this.#signal.addEventListener("abort", this.#listener);
    this.#runs.add(run);
  }

  forget(run: AbortableRun): void {
    if (!this.#runs.delete(run) || this.#runs.size > 0) return;
    this.#signal.removeEventListener("abort", this.#listener);
  }

  #aborted(): void {
    const reason = reasonOf(this.#signal);
    // Handlers that hear of it are user code, and may begin and end runs of the same signal.
    for (const run of [...this.#runs]) abort(run, reason);
  }
}

/** Whether it ends so, and is stored so, is told by its result. */
function abort(run: AbortableRun, reason: unknown): void {
  toldElsewhere(run.abort(reason));
}

/** Some signals have none. */
function reasonOf(signal: AbortSignal): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}
