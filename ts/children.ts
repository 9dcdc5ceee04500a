// The children of one run: which handlers have run them, and what becomes of them when something becomes of these.
//
// A delivery has its children until it has settled for good, so that an attempt finds what an earlier one has run. An
// attempt is known here from its first child on, or from its beginning if an earlier one has run some.

import { AsyncResource } from "node:async_hooks";
import { abandonment, Child, type ParentRun, type RestingChild } from "./child.js";
import type { ChildHost } from "./child_host.js";
import { MigrationError, RunStateError, StoreError } from "./errors.js";
import { native } from "./native.js";
import type { Run } from "./run.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { RunResult } from "./types.js";

/** A run that has children, as far as they need it. */
export interface RunWithChildren extends ParentRun {
  /** The number by which the functions of the hot path name it. */
  readonly key: number;
  /** How many runs are above it. */
  readonly depth: number;
  /** @throws RunStateError if nothing is taken from this invocation any more */
  expectInFlight(invocation: number): void;
  /** Its pause does not wait for this handler. */
  cutShort(invocation: number): void;
  /** A child is unfinished in the store that they share, and does not go on here: so this run does not either. */
  childIsLost(failure: StoreError | MigrationError): void;
}

interface Attempt {
  readonly delivery: number;
  /** How many children it has run. */
  count: number;
  /** Those that it waits for. */
  readonly calls: Set<Call>;
}

interface Call {
  readonly child: Child;
  /** Makes the child begin, if it has not since the run is about to pause. */
  begin: (() => void) | undefined;
  readonly cutShort: (reason: unknown) => void;
}

/** Who asks for a child. */
export interface Asker {
  readonly invocation: number;
  /** 1 for the first. */
  readonly attempt: number;
}

export class Children {
  readonly #run: RunWithChildren;
  /** By delivery and position. */
  readonly #deliveries = new Map<number, Map<number, Child>>();
  /** By invocation. */
  readonly #attempts = new Map<number, Attempt>();
  /** While the run is about to pause: when all children rest. */
  #resting: Promise<unknown> | undefined;

  constructor(run: RunWithChildren) {
    this.#run = run;
  }

  // What a handler asks for.

  /**
   * The result of a child of a handler, which begins or is found.
   *
   * @throws RunStateError
   */
  run({ invocation, attempt }: Asker, host: ChildHost, input: unknown): Promise<RunResult> {
    const asking = this.#attemptOf(invocation);
    if (this.#run.depth >= native.MAX_RUN_DEPTH) {
      throw new RunStateError(
        "ERR_BLAZEN_TOO_DEEP",
        `there are ${native.MAX_RUN_DEPTH} runs above this one, which is as many as may be: it cannot run workflow ${JSON.stringify(host.workflow)}`,
      );
    }
    const child = this.#childAt(asking.delivery, asking.count);
    asking.count += 1;
    const result = new Promise<RunResult>((resolve, reject) => {
      const call: Call = { child, begin: undefined, cutShort: reject };
      asking.calls.add(call);
      const begin = () => {
        call.begin = undefined;
        const told = child.result(host, input, attempt > 1);
        told.then(resolve, (failure: unknown) => {
          if (failure instanceof StoreError || failure instanceof MigrationError) this.#run.childIsLost(failure);
          // An attempt that was cut short is told nothing.
          if (asking.calls.has(call)) child.isTold();
          reject(failure);
        });
        const isOver = () => {
          if (asking.calls.delete(call)) this.#lookAt(invocation, asking);
        };
        told.then(isOver, isOver);
      };
      if (this.#resting === undefined || !child.isToBegin) {
        begin();
        return;
      }
      // It may begin when the pause is taken back, and then in the context of who asks now.
      call.begin = AsyncResource.bind(begin);
      // A pause cuts handlers short, and this one is just asking.
      queueMicrotask(() => this.#lookAt(invocation, asking));
    });
    // A handler that does not wait for its child is told by its outcome.
    toldElsewhere(result);
    return result;
  }

  #attemptOf(invocation: number): Attempt {
    const known = this.#attempts.get(invocation);
    if (known !== undefined) return known;
    this.#run.expectInFlight(invocation);
    const attempt: Attempt = { delivery: native.deliveryOf(this.#run.key, invocation), count: 0, calls: new Set() };
    this.#attempts.set(invocation, attempt);
    return attempt;
  }

  #childAt(delivery: number, position: number): Child {
    const siblings = this.#siblings(delivery);
    const known = siblings.get(position);
    if (known !== undefined) return known;
    const child = new Child(this.#run, { delivery, position });
    siblings.set(position, child);
    return child;
  }

  #siblings(delivery: number): Map<number, Child> {
    const known = this.#deliveries.get(delivery);
    if (known !== undefined) return known;
    const siblings = new Map<number, Child>();
    this.#deliveries.set(delivery, siblings);
    return siblings;
  }

  // What becomes of handlers.

  /** Another attempt begins at what may have children. */
  begins(invocation: number): void {
    if (this.#deliveries.size > 0) this.#attemptOf(invocation);
  }

  /**
   * An attempt is over: children that are at work are aborted.
   *
   * @param error what it has failed with
   * @param isRetried whether there will be another, which finds those that have completed
   */
  attemptIsOver(invocation: number, error: unknown, isRetried: boolean): void {
    const attempt = this.#attempts.get(invocation);
    if (attempt === undefined) return;
    this.#attempts.delete(invocation);
    const children = [...(this.#deliveries.get(attempt.delivery)?.values() ?? [])];
    if (!isRetried) this.#deliveries.delete(attempt.delivery);
    if (!children.some(({ isAtWork }) => isAtWork)) return;
    const reason = abandonment(error);
    abandonAll(children, reason, this.#run.whenDurable());
  }

  /** Handlers that a pause does not wait for: their children rest, for the next attempts to find. */
  areCutShort(invocations: readonly number[], reason: unknown): void {
    for (const invocation of invocations) {
      const attempt = this.#attempts.get(invocation);
      this.#attempts.delete(invocation);
      if (attempt === undefined) continue;
      const calls = [...attempt.calls];
      attempt.calls.clear();
      for (const { cutShort } of calls) cutShort(reason);
    }
  }

  /**
   * The run has ended, and with it its children.
   *
   * @param reason what they are told
   * @param isUnfinished whether it is unfinished in its store, and its children are in theirs
   * @param decided when that it ends is certain, if it is not yet
   */
  end(reason: unknown, isUnfinished: boolean, decided?: Promise<void>): void {
    const children = this.#all();
    const calls = [...this.#attempts.values()].flatMap((attempt) => [...attempt.calls]);
    this.#deliveries.clear();
    this.#attempts.clear();
    this.#resting = undefined;
    for (const { begin, cutShort } of calls) if (begin !== undefined) cutShort(reason);
    if (isUnfinished) return;
    abandonAll(children, reason, decided);
  }

  // What its pause does.

  /** When all children rest, if the run is about to pause and has any. */
  get resting(): Promise<unknown> | undefined {
    return this.#resting;
  }

  /** Pauses all children. A handler whose children rest is not waited for. `refused` is told of one that cannot be paused. */
  pause(graceMs: number | undefined, refused: (error: unknown) => void): void {
    const pauses = new Map(this.#all().map((child) => [child, child.pause(graceMs)]));
    for (const [invocation, attempt] of this.#attempts) {
      const own = [...attempt.calls].map(({ child }) => pauses.get(child));
      void Promise.allSettled(own).then(() => this.#lookAt(invocation, attempt));
    }
    this.#resting = Promise.all(pauses.values()).catch(refused);
  }

  /** The run is not about to pause any more, or goes on. */
  goOn(): void {
    this.#resting = undefined;
    for (const { calls } of this.#attempts.values()) {
      for (const { child, begin } of [...calls]) {
        if (begin === undefined) child.goOn();
        else begin();
      }
    }
  }

  /** A handler of a run that is about to pause is cut short once nothing but paused children is left for it to wait for. */
  #lookAt(invocation: number, attempt: Attempt): void {
    if (this.#resting === undefined || this.#attempts.get(invocation) !== attempt || attempt.calls.size === 0) return;
    for (const { child, begin } of attempt.calls) if (begin === undefined && !child.isPaused) return;
    this.#run.cutShort(invocation);
  }

  /**
   * The children as the run rests with them.
   *
   * @throws SerializationError if a result is not JSON
   */
  atRest(): RestingChild[] {
    return this.#all().flatMap((child) => child.atRest() ?? []);
  }

  /**
   * The children that the run came with.
   *
   * @throws SnapshotError
   */
  comeWith(resting: readonly RestingChild[]): void {
    for (const one of resting) this.#siblings(one.delivery).set(one.position, Child.resting(this.#run, one));
  }

  // What others ask for.

  /** The run below that waits for an answer to this request. */
  whoAsks(requestId: string): Run | undefined {
    for (const { run } of this.#all()) {
      const asks = run?.hasAsked(requestId) === true ? run : run?.children?.whoAsks(requestId);
      if (asks !== undefined) return asks;
    }
    return undefined;
  }

  #all(): Child[] {
    return [...this.#deliveries.values()].flatMap((siblings) => [...siblings.values()]);
  }
}

/** Not before that is certain: after a crash, a handler that is called again must find them as they were. */
function abandonAll(children: readonly Child[], reason: unknown, decided: Promise<void> | undefined): void {
  if (decided !== undefined) toldElsewhere(decided);
  for (const child of children) child.abandon(reason, decided);
}
