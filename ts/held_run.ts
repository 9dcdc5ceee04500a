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

/** Whoever has found runs at rest, and knows what is to be done with them. */
export interface KeeperOfResting {
  /** The name of their workflow. */
  readonly workflow: string;
  /** Takes the run up, or finds what has become of it. */
  find(run: RestingRun): Promise<HeldRun>;
  /** Ends the run where it is. */
  cancel(runId: string, reason: unknown): Promise<unknown>;
}

/**
 * A run that a store has, and that is taken up when it is asked for something, or when its time comes. There may be very many,
 * so it has nothing that it need not have.
 */
export class RestingRun implements HeldRun {
  readonly id: string;
  readonly stream = undefined;
  here: Run | undefined;
  readonly #keeper: KeeperOfResting;
  #alarm: Alarm | undefined;
  #arriving: Promise<HeldRun> | undefined;
  /** Known, or to be known by `#resolve`, if somebody has asked. */
  #result: Promise<RunResult> | undefined;
  #resolve: ((result: Promise<RunResult>) => void) | undefined;

  constructor(id: string, keeper: KeeperOfResting) {
    this.id = id;
    this.#keeper = keeper;
  }

  get workflow(): string {
    return this.#keeper.workflow;
  }

  get result(): Promise<RunResult> {
    if (this.#result === undefined) {
      this.#result = new Promise((resolve) => {
        this.#resolve = resolve;
      });
      toldElsewhere(this.#result);
    }
    return this.#result;
  }

  /** Unless it is taken up before, `wake` is called after so many milliseconds. */
  sleep(milliseconds: number, wake: () => void): void {
    this.#alarm = new Alarm();
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
    await (this.here === undefined ? this.#keeper.cancel(this.id, reason) : this.here.abort(reason));
  }

  lost(error: BlazenError): void {
    this.#alarm?.stop();
    this.#settle(Promise.reject(ofCode(error.code, error.message)));
  }

  async #follow(): Promise<HeldRun> {
    this.#alarm?.stop();
    try {
      const found = await this.#keeper.find(this);
      this.here = found.here;
      this.#settle(found.result);
      return found;
    } catch (error) {
      this.#settle(Promise.reject(error));
      throw error;
    }
  }

  #settle(result: Promise<RunResult>): void {
    toldElsewhere(result);
    this.#resolve?.(result);
    this.#result ??= result;
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
