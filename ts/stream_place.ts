// The place of one reader in the stream of a run: which event is the next for it, and whether that is still there.
//
// It knows nothing of how the reader is given events. A reader that has asked for lifecycle events has a second place,
// among those; each comes when all events before it have been read.

import { StreamGoneError } from "./errors.js";
import type { EventStream } from "./event_stream.js";
import type { LifecycleEvent } from "./lifecycle.js";
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

  /**
   * Goes on by one event; gives undefined if there is none yet.
   *
   * @throws StreamGoneError if it has been let go of
   */
  take(): StreamEntry | LifecycleEntry | undefined {
    if (this.#lifecycleOffset !== undefined) {
      const told = this.#takeLifecycle(this.#lifecycleOffset);
      if (told !== undefined) return told;
    }
    const { events } = this.#stream;
    const offset = this.#offset;
    if (offset === events.next) return undefined;
    if (offset < events.oldest) throw StreamGoneError.behind("events", offset, events);
    this.#offset += 1;
    return { offset, event: events.at(offset) };
  }

  #takeLifecycle(offset: number): LifecycleEntry | undefined {
    const { lifecycle } = this.#stream;
    if (lifecycle === undefined || offset === lifecycle.next) return undefined;
    if (offset < lifecycle.oldest) throw StreamGoneError.behind("lifecycle events", offset, lifecycle);
    const { before, event } = lifecycle.at(offset);
    if (before > this.#offset) return undefined;
    this.#lifecycleOffset = offset + 1;
    return { offset: null, event };
  }
}
