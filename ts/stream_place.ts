// The place of one reader in the stream of a run: which event is the next for it, and whether that is still there.
//
// It knows nothing of how the reader is given events. A reader that has asked for lifecycle events has a second place,
// among those; each comes when all events before it have been read. What is kept in memory no more is read from the
// store, where that has the stream, a page at a time.

import { StreamGoneError } from "./errors.js";
import type { EventStream } from "./event_stream.js";
import type { LifecycleEvent } from "./lifecycle.js";
import { type StoredStream, StreamPage } from "./stored_stream.js";
import type { AnyEvent } from "./types.js";

/** An event of a stream, and its offset: how many events of the run came before it. */
export interface StreamEntry {
  offset: number;
  event: AnyEvent;
}

/** A lifecycle event among the events of a stream: it has no offset of its own. */
export interface LifecycleEntry {
  offset: null;
  event: LifecycleEvent;
}

export class StreamPlace {
  readonly #stream: EventStream;
  #offset: number;
  /** Of the next lifecycle event, if the reader has asked for them. */
  #lifecycleOffset: number | undefined;
  /** Where it is in what the store has, while it is behind what is kept in memory. */
  #page: StreamPage | undefined;

  constructor(stream: EventStream, offset: number, lifecycleOffset: number | undefined) {
    this.#stream = stream;
    this.#offset = offset;
    this.#lifecycleOffset = lifecycleOffset;
  }

  get offset(): number {
    return this.#offset;
  }

  get hearsLifecycle(): boolean {
    return this.#lifecycleOffset !== undefined;
  }

  /** Whether an event that there is has to be read first: the reader is woken when it has been. */
  get isReading(): boolean {
    return this.#page?.isTurning === true;
  }

  /**
   * Goes on by one event; gives undefined if there is none yet, or it has to be read first.
   *
   * @throws StreamGoneError if it has been let go of, and StoreError if it cannot be read
   */
  take(): StreamEntry | LifecycleEntry | undefined {
    if (this.#lifecycleOffset !== undefined) {
      const told = this.#takeLifecycle(this.#lifecycleOffset);
      if (told !== undefined) return told;
    }
    const { events, stored } = this.#stream;
    const offset = this.#offset;
    if (offset === events.next) return undefined;
    if (offset < events.oldest) {
      if (stored === undefined) throw StreamGoneError.behind("events", offset, events);
      return this.#takeStored(stored, offset);
    }
    this.#page = undefined;
    this.#offset += 1;
    return { offset, event: events.at(offset) };
  }

  #takeStored(stored: StoredStream, offset: number): StreamEntry | undefined {
    this.#page ??= new StreamPage(stored, () => this.#stream.wakeAt(this));
    const event = this.#page.at(offset);
    if (event === undefined) return undefined;
    this.#offset += 1;
    return { offset, event };
  }

  #takeLifecycle(offset: number): LifecycleEntry | undefined {
    const { ended, events, lifecycle } = this.#stream;
    if (lifecycle === undefined || offset === lifecycle.next) return undefined;
    if (offset < lifecycle.oldest) throw StreamGoneError.behind("lifecycle events", offset, lifecycle);
    const { before, event } = lifecycle.at(offset);
    // What was announced, and was lost with its store, is not waited for.
    const comesNoMore = ended !== undefined && this.#offset === events.next;
    if (before > this.#offset && !comesNoMore) return undefined;
    this.#lifecycleOffset = offset + 1;
    return { offset: null, event };
  }
}
