// What a run tells the world while it runs.
//
// A reader gets every event in order, from the first on if the stream keeps them. One that takes its time holds up
// nobody: what it has not read waits for it. A callback may write to the very stream that it reads: what it writes
// comes after what is being handed out.

import { AsyncResource } from "node:async_hooks";
import { summary } from "./describe.js";
import { StreamCallbackError } from "./errors.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { AnyEvent } from "./types.js";

/** A callback for the events of a stream. The next event waits until the promise that it returns is settled. */
export type StreamCallback = (event: AnyEvent) => unknown;

/** A callback that reads a stream. */
export interface StreamSubscription {
  /**
   * Resolves when the run has ended, however, and the callback has had every event, or after `unsubscribe()`; rejects
   * if the callback failed. Whether the run failed is told by its `result()`.
   */
  readonly done: Promise<void>;
  /** The callback gets nothing more. */
  unsubscribe(): void;
}

export class EventStream {
  readonly #keep: boolean;
  #kept: AnyEvent[] = [];
  #readers: readonly Reader[] = [];
  /** Written while another event is being handed out. */
  #next: AnyEvent[] = [];
  #handingOut = false;
  #ended = false;

  /** @param keep whether a reader that comes late gets the events from the first on */
  constructor(keep: boolean) {
    this.#keep = keep;
  }

  write(event: AnyEvent): void {
    if (this.#handingOut) {
      this.#next.push(event);
      return;
    }
    this.#handingOut = true;
    this.#handOut(event);
    while (this.#next.length > 0) {
      const written = this.#next;
      this.#next = [];
      for (const later of written) this.#handOut(later);
    }
    this.#handingOut = false;
    if (this.#ended) this.#endReaders();
  }

  end(): void {
    this.#ended = true;
    if (!this.#handingOut) this.#endReaders();
  }

  subscribe(callback: StreamCallback): StreamSubscription {
    const reader: Reader = new Reader(AsyncResource.bind(callback), this.#kept, () => this.#remove(reader));
    this.#readers = [...this.#readers, reader];
    reader.begin();
    if (this.#ended && !this.#handingOut) reader.end();
    return reader;
  }

  #handOut(event: AnyEvent): void {
    // Most runs that wait have one event to keep, and an array that is pushed to has room for many.
    if (this.#keep && this.#kept.length === 0) this.#kept = [event];
    else if (this.#keep) this.#kept.push(event);
    for (const reader of this.#readers) reader.take(event);
  }

  #endReaders(): void {
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) reader.end();
  }

  #remove(reader: Reader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
  }
}

class Reader implements StreamSubscription {
  readonly done: Promise<void>;
  readonly #callback: StreamCallback;
  readonly #leave: () => void;
  #unread: AnyEvent[];
  /** Until it begins, and while the callback is at work. */
  #busy = true;
  #closed = false;
  #ended = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(callback: StreamCallback, kept: readonly AnyEvent[], leave: () => void) {
    this.#callback = callback;
    this.#unread = [...kept];
    this.#leave = leave;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    toldElsewhere(this.done);
  }

  begin(): void {
    this.#read();
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
      let outcome: unknown;
      try {
        outcome = this.#callback(this.#unread[next++] as AnyEvent);
      } catch (error) {
        this.#fail(error);
        return;
      }
      if ((typeof outcome === "object" && outcome !== null) || typeof outcome === "function") {
        this.#unread = this.#unread.slice(next);
        void this.#readOnAfter(outcome);
        return;
      }
    }
    this.#unread = [];
    this.#busy = false;
    if (this.#ended) this.#close();
  }

  async #readOnAfter(outcome: unknown): Promise<void> {
    try {
      await outcome;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#read();
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
