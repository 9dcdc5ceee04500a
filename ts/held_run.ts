// What a handler stands for: a run that goes on here, one that a store has and that can be taken up, or one that has ended.

import { Alarm } from "./alarm.js";
import { type BlazenError, ofCode, RunStateError } from "./errors.js";
import { EventStream, type StreamEnd } from "./event_stream.js";
import type { Run } from "./run.js";
import type { StoredStream } from "./stored_stream.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { RunResult } from "./types.js";

export interface HeldRun {
  readonly id: string;
  /** The name of its workflow. */
  readonly workflow: string;
  readonly result: Promise<RunResult>;
  /** The run, if it is at work here. */
  readonly here: Run | undefined;
  /** What it tells the world, if that is known without taking it up. */
  readonly stream: EventStream | undefined;
  /**
   * The run at work here: if it is not, it is taken up.
   *
   * @throws StoreError or RunStateError, as a rejection
   */
  live(): Promise<Run>;
  /** Ends the run, unless it has ended. A run that is not at work here is ended without any handler being called. */
  abort(reason: unknown): Promise<void>;
  /** It is not at work here any more, and will not be. */
  lost(error: BlazenError): void;
}

/** What is done with a run that a store has. */
export interface RestingRunOptions {
  readonly id: string;
  /** The name of its workflow. */
  readonly workflow: string;
  /** Takes the run up, or finds what has become of it. */
  readonly find: () => Promise<HeldRun>;
  /** Ends the run where it is. */
  readonly cancel: (reason: unknown) => Promise<unknown>;
}

/** A run that a store has, and that is taken up when it is asked for something, or when its time comes. */
export class RestingRun implements HeldRun {
  readonly id: string;
  readonly workflow: string;
  readonly result: Promise<RunResult>;
  readonly stream = undefined;
  here: Run | undefined;
  readonly #alarm = new Alarm();
  readonly #find: RestingRunOptions["find"];
  readonly #cancel: RestingRunOptions["cancel"];
  #arriving: Promise<HeldRun> | undefined;
  #resolve!: (result: Promise<RunResult>) => void;
  #reject!: (error: unknown) => void;

  constructor({ id, workflow, find, cancel }: RestingRunOptions) {
    this.id = id;
    this.workflow = workflow;
    this.#find = find;
    this.#cancel = cancel;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    toldElsewhere(this.result);
  }

  /** Unless it is taken up before, `wake` is called after so many milliseconds. */
  sleep(milliseconds: number, wake: () => void): void {
    this.#alarm.set(performance.now() + milliseconds, wake);
  }

  /** What has become of the run: at work here, or ended. */
  arrive(): Promise<HeldRun> {
    this.#arriving ??= this.#follow();
    return this.#arriving;
  }

  async live(): Promise<Run> {
    return (await this.arrive()).live();
  }

  async abort(reason: unknown): Promise<void> {
    await (this.here === undefined ? this.#cancel(reason) : this.here.abort(reason));
  }

  lost(error: BlazenError): void {
    this.#alarm.stop();
    this.#reject(ofCode(error.code, error.message));
  }

  async #follow(): Promise<HeldRun> {
    this.#alarm.stop();
    try {
      const found = await this.#find();
      this.here = found.here;
      this.#resolve(found.result);
      return found;
    } catch (error) {
      this.#reject(error);
      throw error;
    }
  }
}

/** What has become of a run: it is at work here, or has ended. */
export async function arrived(held: HeldRun): Promise<HeldRun> {
  return held instanceof RestingRun ? held.arrive() : held;
}

/** A run of which only its end is left. */
export class EndedRun implements HeldRun {
  readonly id: string;
  readonly workflow: string;
  readonly result: Promise<RunResult>;
  readonly here = undefined;
  readonly stream: EventStream;

  /** @param stored its stream, if a store has that */
  constructor(id: string, workflow: string, result: Promise<RunResult>, how: StreamEnd, stored?: StoredStream) {
    this.stream = new EventStream(false, 1, undefined, stored);
    this.id = id;
    this.workflow = workflow;
    this.result = result;
    toldElsewhere(result);
    this.stream.end(how);
  }

  async abort(): Promise<void> {}

  lost(): void {}

  async live(): Promise<Run> {
    const failure = await this.result.then(
      () => undefined,
      (error: unknown) => error,
    );
    throw new RunStateError(
      "ERR_BLAZEN_RUN_ENDED",
      "the run has ended",
      failure === undefined ? undefined : { cause: failure },
    );
  }
}
