// One place at which a handler runs a child, over all attempts at its delivery: which run is there, and what has come of it.
//
// Always true: a run that has completed is not begun again, and one that is at work is found again. A run that has failed
// gives way to another one, of the next generation, once a handler has been told: a retry is a retry.

import type { EndAtOnce } from "./arrivals.js";
import type { Adopt, ChildHost } from "./child_host.js";
import { type ChildPlace, childRunId } from "./child_id.js";
import { AbortedError, type BlazenError, isBlazenError, RunStateError, SnapshotError, StoreError } from "./errors.js";
import type { HeldRun } from "./held_run.js";
import { toJson } from "./json.js";
import type { Run } from "./run.js";
import type { ParentRun as StoredParent } from "./run_commit.js";
import { errorFromText, errorText } from "./stored_error.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { RunResult } from "./types.js";

/** A child of a run at rest. */
export interface RestingChild extends ChildPlace {
  readonly generation: number;
  /** `told` of one that has failed, if a handler has been told. */
  readonly status: "paused" | "completed" | "failed" | "told";
  /** Its snapshot, its result or its error: a JSON text. */
  readonly text?: string;
}

/** The run that children belong to. */
export interface ParentRun {
  readonly id: string;
  /** What a store keeps of it with its children, if it has one. */
  readonly asParent: StoredParent | undefined;
  /** Resolves when a store has all that has happened in the run so far, if it is to have that before the run ends. */
  whenDurable(): Promise<void>;
  /** Is told of a child that begins or goes on. */
  adopt(child: Run): void;
}

class AtWork {
  readonly is = "at work";
  /** The run, once it has begun or been found. */
  arriving!: Promise<HeldRun>;
  /** The same, from when it begins here or is found at work. */
  run: Run | undefined;
  /** Ends it where it is here, or on its way. */
  endWhereItIs: ((end: EndAtOnce) => void) | undefined;
  /** Whether it is to be paused, or is. */
  pause: "no" | "wanted" | "reached" = "no";
  /** Nobody waits for it. */
  isAbandoned = false;
}

/** Nothing has been asked of the run yet. */
type NotAtWork = { readonly is: "unknown" } | { readonly is: "resting"; readonly snapshot: string };

type Standing =
  | NotAtWork
  | AtWork
  | { readonly is: "completed"; readonly result: RunResult }
  /** It has failed, and no handler has been told. */
  | { readonly is: "failed"; readonly failure: BlazenError }
  /** It has failed and a handler has been told, or no handler waits for it any more. */
  | { readonly is: "told" };

const UNKNOWN: NotAtWork = { is: "unknown" };
const TOLD: Standing = { is: "told" };

export class Child {
  readonly #parent: ParentRun;
  readonly #place: ChildPlace;
  #generation = 0;
  #standing: Standing = UNKNOWN;

  constructor(parent: ParentRun, place: ChildPlace) {
    this.#parent = parent;
    this.#place = place;
  }

  /** A child that its parent came with. */
  static resting(parent: ParentRun, { delivery, position, generation, status, text }: RestingChild): Child {
    const child = new Child(parent, { delivery, position });
    child.#generation = generation;
    child.#standing = standingOf(status, text, child.#id);
    return child;
  }

  get #id(): string {
    return childRunId(this.#parent.id, this.#place, this.#generation);
  }

  /** The run, if it is at work here. */
  get run(): Run | undefined {
    return this.#standing.is === "at work" ? this.#standing.run : undefined;
  }

  get isAtWork(): boolean {
    return this.#standing.is === "at work";
  }

  get isPaused(): boolean {
    return this.#standing.is === "at work" && this.#standing.pause === "reached";
  }

  /** Whether there is nothing yet that could be waited for. */
  get isToBegin(): boolean {
    return this.#standing.is === "unknown" || this.#standing.is === "resting" || this.#standing.is === "told";
  }

  /**
   * What comes of the child, which begins if it has not.
   *
   * @param isAgain whether an earlier attempt may have run it, in another process
   */
  async result(host: ChildHost, input: unknown, isAgain: boolean): Promise<RunResult> {
    for (;;) {
      const standing = this.#standing;
      switch (standing.is) {
        case "completed":
          return standing.result;
        case "failed":
          throw standing.failure;
        case "told":
          this.#generation += 1;
          this.#standing = UNKNOWN;
          break;
        case "at work":
          this.goOn();
          await this.#follow(standing);
          break;
        default:
          await this.#arrive(host, input, isAgain, standing);
      }
    }
  }

  /** A handler has been told that it has failed. */
  isTold(): void {
    if (this.#standing.is === "failed") this.#standing = TOLD;
  }

  /** Pauses the run; if that ends first, what comes of it is told otherwise. */
  async pause(graceMs: number | undefined): Promise<void> {
    const standing = this.#standing;
    if (standing.is !== "at work") return;
    standing.pause = "wanted";
    try {
      // One that is here is paused at once: it does nothing that its parent does not.
      const run = standing.run ?? (await standing.arriving).here;
      if (run === undefined || standing.pause !== "wanted") return;
      await run.pause(graceMs);
      if (standing.pause === "wanted") standing.pause = "reached";
    } catch (error) {
      if (standing.pause !== "wanted" || standing.run === undefined) return;
      if (!isBlazenError(error) || error.code !== "ERR_BLAZEN_RUN_ENDED") throw error;
      // Those who wait for it hear of its end first, and then it is known what has come of it.
      await standing.run.result.catch(() => undefined);
    }
  }

  /** Goes on with a run that has been paused, or is about to be. */
  goOn(): void {
    if (this.#standing.is !== "at work" || this.#standing.pause === "no") return;
    this.#standing.pause = "no";
    const { run } = this.#standing;
    // What becomes of it is told by its result.
    if (run?.isPaused === true) toldElsewhere(run.resumeInPlace());
  }

  /**
   * Nobody waits for it any more.
   *
   * @param decided when it is certain that nobody will, if it is not yet; a rejection with a StoreError says that somebody
   *   may, elsewhere
   */
  abandon(reason: unknown, decided?: Promise<void>): void {
    const standing = this.#standing;
    if (standing.is !== "at work") return;
    standing.isAbandoned = true;
    this.#standing = TOLD;
    if (decided === undefined && standing.run !== undefined) toldElsewhere(standing.run.abort(reason));
    else void abort(standing, reason, decided);
  }

  /**
   * The child as its parent rests with it, if there is anything to say.
   *
   * @throws SerializationError if its result is not JSON
   */
  atRest(): RestingChild | undefined {
    const { delivery, position } = this.#place;
    const known = { delivery, position, generation: this.#generation };
    const standing = this.#standing;
    switch (standing.is) {
      case "unknown":
        return undefined;
      case "resting":
        return { ...known, status: "paused", text: standing.snapshot };
      case "at work":
        if (standing.run === undefined || standing.pause !== "reached") return undefined;
        return { ...known, status: "paused", text: standing.run.snapshot() };
      case "completed": {
        const { data } = standing.result;
        if (data === undefined) return { ...known, status: "completed" };
        return { ...known, status: "completed", text: toJson(data, () => "the result of a child") };
      }
      case "failed":
        return { ...known, status: "failed", text: errorText(standing.failure) };
      case "told":
        return { ...known, status: "told" };
    }
  }

  /** Begins the run, or finds it. */
  async #arrive(host: ChildHost, input: unknown, isAgain: boolean, before: NotAtWork): Promise<void> {
    const atWork = new AtWork();
    this.#standing = atWork;
    atWork.arriving = this.#findOrBegin(host, input, isAgain, before, atWork);
    try {
      await atWork.arriving;
      // Whoever asks for a child wants it to go on, and not only this one who has paused it.
      if (atWork.run?.isPaused === true && atWork.pause === "no") await atWork.run.resumeInPlace();
    } catch (error) {
      if (this.#standing === atWork) this.#standing = before;
      throw error;
    }
    await this.#follow(atWork);
  }

  async #findOrBegin(
    host: ChildHost,
    input: unknown,
    isAgain: boolean,
    before: NotAtWork,
    atWork: AtWork,
  ): Promise<HeldRun> {
    const adopt: Adopt = (run) => {
      atWork.run = run;
      this.#parent.adopt(run);
    };
    // After a crash another delivery could have the number of one that no store had.
    await this.#parent.whenDurable();
    if (before.is === "unknown" && isAgain && host.connection !== undefined) await this.#findGeneration(host);
    if (atWork.isAbandoned) throw abandonment(undefined);
    const id = this.#id;
    atWork.endWhereItIs = (end) => host.endWhereItIs(id, end);
    const held = await (before.is === "resting"
      ? host.resume(id, before.snapshot, adopt)
      : host.begin(id, input, adopt, this.#parent.asParent));
    if (held.here !== undefined) adopt(held.here);
    return held;
  }

  /** The last generation that a store has: those before it have failed. */
  async #findGeneration(host: ChildHost): Promise<void> {
    while (await host.knows(childRunId(this.#parent.id, this.#place, this.#generation + 1))) this.#generation += 1;
  }

  /** Waits for the run, and remembers what has come of it. */
  async #follow(atWork: AtWork): Promise<void> {
    let next: Standing;
    try {
      const held = await atWork.arriving;
      next = { is: "completed", result: await held.result };
    } catch (failure) {
      // It is unfinished in its store, and can be found there.
      if (failure instanceof StoreError && this.#standing === atWork) this.#standing = UNKNOWN;
      if (failure instanceof StoreError || atWork.isAbandoned) throw failure;
      next = wasAbandoned(failure as BlazenError) ? TOLD : { is: "failed", failure: failure as BlazenError };
    }
    if (atWork.isAbandoned) throw abandonment(undefined);
    if (this.#standing === atWork) this.#standing = next;
  }
}

/** What an abandoned run is aborted with. */
export function abandonment(cause: unknown): RunStateError {
  return new RunStateError(
    "ERR_BLAZEN_DELIVERY_SETTLED",
    "the handler that has run it has settled, and does not wait for it",
    cause === undefined ? undefined : { cause },
  );
}

function wasAbandoned(failure: BlazenError): boolean {
  if (!(failure instanceof AbortedError)) return false;
  const cause = failure.cause as { code?: unknown } | undefined;
  return cause?.code === "ERR_BLAZEN_DELIVERY_SETTLED";
}

async function abort(atWork: AtWork, reason: unknown, decided: Promise<void> | undefined): Promise<void> {
  try {
    await decided;
  } catch (error) {
    if (error instanceof StoreError) return;
  }
  atWork.endWhereItIs?.((run) => toldElsewhere(run.abort(reason)));
  try {
    await (await atWork.arriving).here?.abort(reason);
  } catch {
    // It has not begun.
  }
}

/** @throws SnapshotError */
function standingOf(status: RestingChild["status"], text: string | undefined, id: string): Standing {
  switch (status) {
    case "paused": {
      const snapshot = text as string;
      if ((JSON.parse(snapshot) as { run_id: string }).run_id === id) return { is: "resting", snapshot };
      throw notOurs("a child in it is another run's");
    }
    case "completed": {
      const data: unknown = text === undefined ? undefined : JSON.parse(text);
      return { is: "completed", result: { type: "blazen::StopEvent", data, runId: id } };
    }
    case "failed": {
      const { code, message } = JSON.parse(text as string) as Partial<BlazenError>;
      if (typeof code !== "string" || typeof message !== "string") throw notOurs("the error of a child in it is none");
      return { is: "failed", failure: errorFromText(text as string, id) };
    }
    default:
      return TOLD;
  }
}

function notOurs(reason: string): SnapshotError {
  return new SnapshotError("ERR_BLAZEN_SNAPSHOT_INVALID", `this is not a snapshot of a run: ${reason}`);
}
