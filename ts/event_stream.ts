// What a run tells the world while it runs.
//
// Events are kept once per run, and each reader has a place of its own among them: one that takes its time holds up
// nobody, and one that falls so far behind that what it would read next has been let go of is told so. A callback may
// write to the very stream that it reads: what it writes comes after what is being handed out.
//
// A stream that a store has as well is kept here only as far as readers mostly need it: one that is behind reads on from
// the store. Its events come here when the store has them, and are announced when they are written.
//
// Lifecycle events are not written by users and not part of the stream: they are noted while somebody wants them, each
// with the number of events that came before it.

import { InvalidArgumentError, StreamGoneError } from "./errors.js";
import { KeptEvents } from "./kept_events.js";
import type { LifecycleEvent } from "./lifecycle.js";
import type { StoredStream } from "./stored_stream.js";
import { StreamPlace } from "./stream_place.js";
import type { AnyEvent } from "./types.js";

/** How many events of a run are kept for readers, unless its workflow says otherwise. */
export const DEFAULT_STREAM_BUFFER = 10_000;

/** How a stream has ended: with its run, or because its run does not go on here. */
export type StreamEnd = { readonly status: "completed" | "failed" | "cancelled"; readonly code?: string } | "lost";

/** Whoever reads. */
export interface StreamReader {
  readonly place: StreamPlace;
  /** There is something to read, or the stream has ended. */
  wake(): void;
}

/** Where a reader begins, and what it hears. */
export interface ReadingOptions {
  /** The offset of the first event; the oldest that is kept unless given, 0 if a store keeps all. */
  readonly from?: number | undefined;
  readonly lifecycle?: boolean | undefined;
}

/** Whoever knows what happens in the run. */
export interface StreamOwner {
  /** Whether lifecycle events are to be noted. */
  lifecycleIsWanted(isWanted: boolean): void;
}

interface Noted {
  /** How many events came before it. */
  readonly before: number;
  readonly event: LifecycleEvent;
}

export class EventStream {
  readonly events: KeptEvents<AnyEvent>;
  /** There while somebody wants them. */
  lifecycle: KeptEvents<Noted> | undefined;
  /** The store's part, if it has one. */
  readonly stored: StoredStream | undefined;
  readonly #keepsForLateReaders: boolean;
  readonly #owner: StreamOwner | undefined;
  #keepsLifecycle = false;
  #readers: readonly StreamReader[] = [];
  #wakingSoon = false;
  #end: StreamEnd | undefined;
  /** How many events were announced, and have not come. */
  #coming = 0;

  /**
   * @param keepsForLateReaders whether an event is kept that everybody who reads now has read
   * @param most how many events are kept
   */
  constructor(keepsForLateReaders: boolean, most: number, owner?: StreamOwner, stored?: StoredStream) {
    this.events = new KeptEvents(most, stored?.length);
    this.stored = stored;
    this.#keepsForLateReaders = keepsForLateReaders;
    this.#owner = owner;
  }

  /** How it has ended, if it has. */
  get ended(): StreamEnd | undefined {
    return this.#end;
  }

  // What the run does.

  write(event: AnyEvent): void {
    this.events.add(event);
    this.#wake();
    if (!this.#keepsForLateReaders) this.#letGoOfWhatIsRead();
  }

  /** An event was written, and readers will have it when the store does. */
  announce(): void {
    this.#coming += 1;
  }

  /** An event that was announced. */
  writeAnnounced(event: AnyEvent): void {
    this.#coming -= 1;
    this.write(event);
  }

  /** Readers are told soon, and not now: whoever notes something is in the middle of it. */
  note(event: LifecycleEvent): void {
    if (this.lifecycle === undefined) return;
    this.lifecycle.add({ before: this.events.next + this.#coming, event });
    this.#wakeSoon();
  }

  /** Lifecycle events are noted from here on, and kept for readers who come later. */
  keepLifecycle(): void {
    this.#keepsLifecycle = true;
    this.#noteLifecycle();
  }

  end(how: StreamEnd): void {
    this.#end = how;
    if (this.lifecycle === undefined) this.#wake();
    else this.#wakeSoon();
  }

  // What readers do.

  /**
   * A place to read from.
   *
   * @throws StreamGoneError or InvalidArgumentError
   */
  placeFor({ from, lifecycle }: ReadingOptions): StreamPlace {
    const { oldest, next } = this.events;
    const offset = from ?? (this.stored === undefined ? oldest : 0);
    if (offset < oldest && this.stored === undefined) throw StreamGoneError.beforeOldest(offset, this.events);
    if (offset > next) {
      throw new InvalidArgumentError(
        `there is no event at offset ${offset} yet: the stream has ${next} ${next === 1 ? "event" : "events"} so far, and can be read from ${next} or less`,
      );
    }
    return new StreamPlace(this, offset, lifecycle === true ? this.#firstLifecycle(from ?? 0) : undefined);
  }

  /** Wakes the reader that is there, if it waits. */
  wakeAt(place: StreamPlace): void {
    for (const reader of this.#readers) if (reader.place === place) reader.wake();
  }

  /** The reader is woken from now on. */
  add(reader: StreamReader): void {
    this.#readers = [...this.#readers, reader];
  }

  remove(reader: StreamReader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
    if (this.#keepsLifecycle || this.#readers.some(({ place }) => place.hearsLifecycle)) return;
    if (this.lifecycle === undefined) return;
    this.lifecycle = undefined;
    this.#owner?.lifecycleIsWanted(false);
  }

  #noteLifecycle(): void {
    if (this.lifecycle !== undefined || this.#end !== undefined) return;
    this.lifecycle = new KeptEvents(this.events.most);
    this.#owner?.lifecycleIsWanted(true);
  }

  #firstLifecycle(from: number): number {
    this.#noteLifecycle();
    const { lifecycle } = this;
    if (lifecycle === undefined) return 0;
    if (!this.#keepsLifecycle) return lifecycle.next;
    let first = lifecycle.oldest;
    while (first < lifecycle.next && lifecycle.at(first).before < from) first += 1;
    return first;
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
  }

  #wakeSoon(): void {
    if (this.#wakingSoon || this.#readers.length === 0) return;
    this.#wakingSoon = true;
    queueMicrotask(() => {
      this.#wakingSoon = false;
      this.#wake();
    });
  }

  #letGoOfWhatIsRead(): void {
    this.events.letGoBefore(
      this.#readers.reduce((least, { place }) => Math.min(least, place.offset), this.events.next),
    );
  }
}
