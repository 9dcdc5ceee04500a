// The stream of a run as its store has it: read in pages, by whoever is behind what is kept in memory.
//
// A reader has one page at a time, and nothing of a stream that it has not reached. What a live run has told its
// readers its store has, or (`durability: "async"`) is about to have.

import { isEvent } from "./emission.js";
import { StoreError, StreamGoneError } from "./errors.js";
import type { StoreConnection } from "./store_connection.js";
import type { AnyEvent } from "./types.js";

/** How many events a page has at most. */
const PAGE = 256;

export interface StoredStreamOptions {
  readonly connection: StoreConnection;
  readonly runId: () => string;
  /** How many events the store had before this process wrote any. */
  readonly length: number;
  /** When the store has what the run has changed so far, if it goes on here. */
  readonly whenDurable?: () => Promise<void>;
}

export class StoredStream {
  readonly length: number;
  readonly #connection: StoreConnection;
  readonly #runId: () => string;
  readonly #whenDurable: (() => Promise<void>) | undefined;

  constructor({ connection, runId, length, whenDurable }: StoredStreamOptions) {
    this.length = length;
    this.#connection = connection;
    this.#runId = runId;
    this.#whenDurable = whenDurable;
  }

  /**
   * Events from an offset on, at which there is one: at least that.
   *
   * @throws StoreError, or StreamGoneError if the run was pruned, as a rejection
   */
  async read(from: number): Promise<AnyEvent[]> {
    let texts = await this.#page(from);
    if (texts.length === 0 && this.#whenDurable !== undefined) {
      await this.#whenDurable();
      texts = await this.#page(from);
    }
    if (texts.length === 0) throw this.#damaged(`has no event at offset ${from}`);
    return texts.map((text, at) => this.#event(text, from + at));
  }

  async #page(from: number): Promise<readonly string[]> {
    const texts = await this.#connection.stream(this.#runId(), from, PAGE);
    if (texts !== null) return texts;
    throw new StreamGoneError(
      `the event at offset ${from} is not kept any more: the store has forgotten its run`,
      from,
      from,
    );
  }

  #event(text: string, offset: number): AnyEvent {
    const event = parsed(text);
    if (isEvent(event)) return event;
    throw this.#damaged(`has something at offset ${offset} that is no event`);
  }

  #damaged(what: string): StoreError {
    return new StoreError("ERR_BLAZEN_STORE_CORRUPT", `the stream of run ${this.#runId()} in the store ${what}`);
  }
}

/** The page that one reader is at. */
export class StreamPage {
  readonly #stream: StoredStream;
  readonly #turned: () => void;
  #first = 0;
  #events: AnyEvent[] = [];
  #isTurning = false;
  #failure: { readonly error: unknown } | undefined;

  /** @param turned called when another page is there, or cannot be had */
  constructor(stream: StoredStream, turned: () => void) {
    this.#stream = stream;
    this.#turned = turned;
  }

  /** Whether another page is being read. */
  get isTurning(): boolean {
    return this.#isTurning;
  }

  /**
   * The event at an offset, at which the stream has one; undefined if its page is being read.
   *
   * @throws what reading the page failed with
   */
  at(offset: number): AnyEvent | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const event = this.#events[offset - this.#first];
    if (event === undefined && !this.#isTurning) void this.#turnTo(offset);
    return event;
  }

  async #turnTo(offset: number): Promise<void> {
    this.#isTurning = true;
    this.#events = [];
    try {
      this.#events = await this.#stream.read(offset);
      this.#first = offset;
    } catch (error) {
      this.#failure = { error };
    }
    this.#isTurning = false;
    this.#turned();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
