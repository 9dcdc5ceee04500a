// Whoever reads the stream of a run by asking for the next event.
//
// Between two questions it is a place in the stream and nothing else: nobody calls it and nothing is put aside for it.
// Leaving ends it, also while it waits; what was asked for then is answered with the end.

import type { EventStream, ReadingOptions, StreamReader } from "./event_stream.js";
import type { LifecycleEntry, StreamEntry, StreamPlace } from "./stream_place.js";
import { toldElsewhere } from "./told_elsewhere.js";

type Entry = StreamEntry | LifecycleEntry;

interface Question<Given> {
  readonly resolve: (answer: IteratorResult<Given, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE = { done: true, value: undefined } as const;

export class StreamIterator<Given> implements AsyncIterator<Given, undefined> {
  #reader: PullReader<Given> | undefined;
  readonly #arriving: Promise<PullReader<Given>> | undefined;
  #left = false;

  /**
   * @param stream or what finds it: that of a run that is taken up first
   * @param give what is given of each entry
   */
  constructor(stream: EventStream | Promise<EventStream>, options: ReadingOptions, give: (entry: Entry) => Given) {
    try {
      if (stream instanceof Promise) this.#arriving = stream.then((found) => this.#begin(found, options, give));
      else this.#begin(stream, options, give);
    } catch (error) {
      this.#arriving = Promise.reject(error);
    }
    if (this.#arriving !== undefined) toldElsewhere(this.#arriving);
  }

  next(): Promise<IteratorResult<Given, undefined>> {
    if (this.#reader !== undefined) return this.#reader.next();
    return this.#nextOnceBegun();
  }

  async return(): Promise<IteratorResult<Given, undefined>> {
    this.#left = true;
    this.#reader?.close();
    return DONE;
  }

  #begin(stream: EventStream, options: ReadingOptions, give: (entry: Entry) => Given): PullReader<Given> {
    this.#reader = new PullReader(stream, options, give);
    if (this.#left) this.#reader.close();
    return this.#reader;
  }

  async #nextOnceBegun(): Promise<IteratorResult<Given, undefined>> {
    if (this.#left) return DONE;
    try {
      await this.#arriving;
    } catch (error) {
      // It is told once: an iterator that has failed has ended.
      if (this.#left) return DONE;
      this.#left = true;
      throw error;
    }
    return (this.#reader as PullReader<Given>).next();
  }
}

class PullReader<Given> implements StreamReader {
  readonly place: StreamPlace;
  readonly #stream: EventStream;
  readonly #give: (entry: Entry) => Given;
  #questions: Question<Given>[] = [];
  /** Whether the stream wakes it: while it waits, and throughout if it hears of the lifecycle. */
  #isAdded = false;
  #closed = false;

  /** @throws StreamGoneError or InvalidArgumentError */
  constructor(stream: EventStream, options: ReadingOptions, give: (entry: Entry) => Given) {
    this.#stream = stream;
    this.#give = give;
    this.place = stream.placeFor(options);
    if (this.place.hearsLifecycle) this.#add();
  }

  next(): Promise<IteratorResult<Given, undefined>> {
    return new Promise((resolve, reject) => {
      this.#questions.push({ resolve, reject });
      this.wake();
      if (this.#questions.length > 0) this.#add();
    });
  }

  /** Answers what can be answered. */
  wake(): void {
    while (this.#questions.length > 0) {
      const { resolve, reject } = this.#questions[0] as Question<Given>;
      try {
        const answer = this.#answer();
        if (answer === undefined) return;
        resolve(answer);
      } catch (gone) {
        reject(gone);
        this.#closed = true;
      }
      this.#questions.shift();
    }
    if (this.#closed || !this.place.hearsLifecycle) this.#remove();
  }

  close(): void {
    this.#closed = true;
    this.wake();
  }

  #answer(): IteratorResult<Given, undefined> | undefined {
    if (this.#closed) return DONE;
    const entry = this.place.take();
    if (entry !== undefined) return { done: false, value: this.#give(entry) };
    if (this.place.isReading || this.#stream.ended === undefined) return undefined;
    this.#closed = true;
    return DONE;
  }

  #add(): void {
    if (this.#isAdded) return;
    this.#isAdded = true;
    this.#stream.add(this);
  }

  #remove(): void {
    if (!this.#isAdded) return;
    this.#isAdded = false;
    this.#stream.remove(this);
  }
}
