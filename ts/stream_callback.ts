// A callback that reads the stream of a run.
//
// It is called while the event is being written, if it has nothing else to do: a callback that takes no time has had
// everything when the run has ended. While a promise that it returned is pending it is not called.

import { AsyncResource } from "node:async_hooks";
import { summary } from "./describe.js";
import { type BlazenError, StreamCallbackError, StreamGoneError } from "./errors.js";
import type { EventStream, ReadingOptions, StreamReader } from "./event_stream.js";
import type { LifecycleEntry, StreamEntry, StreamPlace } from "./stream_place.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { AnyEvent } from "./types.js";

/** A callback for the events of a stream. The next event waits until the promise that it returns is settled. */
export type StreamCallback = (event: AnyEvent) => unknown;

/** A callback that reads a stream. */
export interface StreamSubscription {
  /**
   * Resolves when the run has ended, however, and the callback has had every event, or after `unsubscribe()`; rejects
   * if the callback failed, or has fallen so far behind that what it would read next is not kept any more
   * (`ERR_BLAZEN_STREAM_GONE`). Whether the run failed is told by its `result()`.
   */
  readonly done: Promise<void>;
  /** The callback gets nothing more. */
  unsubscribe(): void;
}

/** @throws StreamGoneError or InvalidArgumentError */
export function subscribe(
  stream: EventStream,
  callback: StreamCallback,
  options: ReadingOptions = {},
): StreamSubscription {
  const reader = new CallbackReader(stream, stream.placeFor(options), AsyncResource.bind(callback));
  stream.add(reader);
  reader.wake();
  return reader;
}

class CallbackReader implements StreamReader, StreamSubscription {
  readonly place: StreamPlace;
  readonly done: Promise<void>;
  readonly #stream: EventStream;
  readonly #callback: StreamCallback;
  /** While the callback is at work. */
  #busy = false;
  #closed = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(stream: EventStream, place: StreamPlace, callback: StreamCallback) {
    this.#stream = stream;
    this.place = place;
    this.#callback = callback;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    toldElsewhere(this.done);
  }

  wake(): void {
    if (!this.#busy) this.#read();
  }

  unsubscribe(): void {
    this.#close();
  }

  /** Reads until the callback needs time, or there is nothing left. */
  #read(): void {
    this.#busy = true;
    while (!this.#closed) {
      let next: StreamEntry | LifecycleEntry | undefined;
      try {
        next = this.place.take();
      } catch (gone) {
        const { message } = gone as BlazenError;
        const why = gone instanceof StreamGoneError ? "is too slow and reads" : "reads";
        this.#fail(gone as BlazenError, `A stream callback ${why} no further: ${message}`);
        return;
      }
      if (next === undefined) break;
      let outcome: unknown;
      try {
        outcome = this.#callback(next.event);
      } catch (error) {
        this.#threw(error);
        return;
      }
      if ((typeof outcome === "object" && outcome !== null) || typeof outcome === "function") {
        void this.#readOnAfter(outcome);
        return;
      }
    }
    this.#busy = false;
    if (this.#stream.ended !== undefined && !this.place.isReading) this.#close();
  }

  async #readOnAfter(outcome: unknown): Promise<void> {
    try {
      await outcome;
    } catch (error) {
      this.#threw(error);
      return;
    }
    this.#read();
  }

  #threw(error: unknown): void {
    this.#fail(new StreamCallbackError(error), `A stream callback failed and reads no further: ${summary(error)}`);
  }

  #fail(error: BlazenError, warning: string): void {
    if (this.#closed) return;
    process.emitWarning(warning, "BlazenWarning");
    this.#reject(error);
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.remove(this);
    this.#resolve();
  }
}
