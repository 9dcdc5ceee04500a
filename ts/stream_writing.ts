// What handlers write to a stream that is kept with its run, on its way to the store.
//
// It goes with whatever the run changes next; if nothing else has come by the next turn of the event loop, as a change
// of its own. So a burst makes few commits, and a handler need not wait for the disk between two events. It waits when
// so much is on its way that a slow disk would cost memory.

import type { EventStream } from "./event_stream.js";
import { eventText } from "./event_text.js";
import { native } from "./native.js";
import type { PayloadTable } from "./payload_table.js";
import { toldElsewhere } from "./told_elsewhere.js";

// As it is now: a test that puts a mock in its place must not stop the runs of the process.
const { setImmediate } = globalThis;

/** How many events, and how many characters of them, may be on their way before a handler is to wait. */
const MOST_EVENTS: number = native.MOST_AHEAD;
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** The run whose handlers write. */
export interface StreamingRun {
  readonly key: number;
  readonly stream: EventStream;
  readonly payloads: PayloadTable;
  /** What was sealed may have become something to do. */
  comeBack(): void;
  /** When the store has all that has changed so far. */
  whenDurable(): Promise<void>;
  /** The engine itself has failed. */
  broken(error: unknown): void;
}

export class StreamWriting {
  readonly #run: StreamingRun;
  #sealsSoon = false;
  /** On their way to the store, or not known to be there. */
  #events = 0;
  #characters = 0;
  #room: Promise<void> | undefined;

  constructor(run: StreamingRun) {
    this.#run = run;
  }

  /**
   * Takes an event, and says whether to wait before the next.
   *
   * @throws SerializationError, or the engine's refusal
   */
  write(invocation: number, event: object): Promise<void> | undefined {
    const text = eventText(event);
    const payload = this.#run.payloads.keep(text);
    try {
      native.writeToStream(this.#run.key, invocation, payload, text);
    } catch (refusal) {
      this.#run.payloads.release(payload);
      throw refusal;
    }
    this.#run.stream.announce();
    this.#events += 1;
    this.#characters += text.length;
    this.#sealSoon();
    if (this.#events < MOST_EVENTS && this.#characters < MOST_CHARACTERS) return undefined;
    this.#room ??= this.#makeRoom();
    return this.#room;
  }

  #sealSoon(): void {
    if (this.#sealsSoon) return;
    this.#sealsSoon = true;
    setImmediate(() => {
      this.#sealsSoon = false;
      this.seal();
    });
  }

  /** What was written goes to the store now. */
  seal(): void {
    try {
      native.sealStream(this.#run.key);
    } catch (error) {
      this.#run.broken(error);
      return;
    }
    this.#run.comeBack();
  }

  #makeRoom(): Promise<void> {
    this.seal();
    const [events, characters] = [this.#events, this.#characters];
    const room = this.#run.whenDurable().finally(() => {
      this.#events -= events;
      this.#characters -= characters;
      this.#room = undefined;
    });
    // A run that is lost says so itself: whoever does not wait for this promise need not be told twice.
    toldElsewhere(room);
    return room;
  }
}
