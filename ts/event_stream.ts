// What a run tells the world while it runs.
//
// A reader gets every event in order, from the first on if the stream keeps them. One that takes its time holds up
// nobody: what it has not read waits for it.

import { AsyncResource } from "node:async_hooks";
import { StreamCallbackError, summary } from "./errors.js";
import type { AnyEvent } from "./types.js";

/** A callback for the events of a stream. The next event waits until the promise that it returns is settled. */
export type StreamCallback = (event: AnyEvent) => unknown;

/** A callback that reads a stream. */
export interface StreamSubscription {
  /** Resolves when the run has ended and the callback has had every event, or after `unsubscribe()`; rejects if the callback failed. */
  readonly done: Promise<void>;
  /** The callback gets nothing more. */
  unsubscribe(): void;
}

export class EventStream {
  readonly #keep: boolean;
  #kept: AnyEvent[] = [];
  #readers: readonly Reader[] = [];
  #ended = false;

  /** @param keep whether a reader that comes late gets the events from the first on */
  constructor(keep: boolean) {
    this.#keep = keep;
  }

  write(event: AnyEvent): void {
    // Most runs that wait have one event to keep, and an array that is pushed to has room for many.
    if (this.#keep && this.#kept.length === 0) this.#kept = [event];
    else if (this.#keep) this.#kept.push(event);
    for (const reader of this.#readers) reader.take(event);
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers = [];
  }

  subscribe(callback: StreamCallback): StreamSubscription {
    const reader: Reader = new Reader(AsyncResource.bind(callback), () => this.#remove(reader));
    this.#readers = [...this.#readers, reader];
    for (const event of this.#kept) reader.take(event);
    if (this.#ended) reader.end();
    return reader;
  }

  #remove(reader: Reader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
  }
}

class Reader implements StreamSubscription {
  readonly done: Promise<void>;
  readonly #callback: StreamCallback;
  readonly #leave: () => void;
  #unread: AnyEvent[] = [];
  #busy = false;
  #closed = false;
  #ended = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(callback: StreamCallback, leave: () => void) {
    this.#callback = callback;
    this.#leave = leave;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => {});
  }

  take(event: AnyEvent): void {
    if (this.#closed) return;
    this.#unread.push(event);
    if (!this.#busy) this.#read();
  }

  end(): void {
    this.#ended = true;
    if (!this.#busy) this.#close();
  }

  unsubscribe(): void {
    this.#close();
  }

  /** Reads until the callback needs time, or there is nothing left. */
  #read(): void {
    this.#busy = true;
    let next = 0;
    while (!this.#closed && next < this.#unread.length) {
      let pending: unknown;
      try {
        pending = this.#callback(this.#unread[next++] as AnyEvent);
      } catch (error) {
        this.#fail(error);
        return;
      }
      if (typeof pending === "object" && pending !== null && "then" in pending) {
        this.#unread = this.#unread.slice(next);
        Promise.resolve(pending).then(
          () => this.#read(),
          (error) => this.#fail(error),
        );
        return;
      }
    }
    this.#unread = [];
    this.#busy = false;
    if (this.#ended) this.#close();
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    process.emitWarning(`A stream callback failed and reads no further: ${summary(error)}`, "BlazenWarning");
    this.#reject(new StreamCallbackError(error));
    this.#close();
  }

  #close(): void {
    this.#closed = true;
    this.#unread = [];
    this.#leave();
    this.#resolve();
  }
}
