// The runs of a workflow by their ids: those that are at work here, and those that its store has.

import { Arrival, type EndAtOnce } from "./arrivals.js";
import { AbortedError, type BlazenError, RunStateError, StoreError } from "./errors.js";
import { arrived, EndedRun, type HeldRun, RestingRun } from "./held_run.js";
import { recoverRuns } from "./recovery.js";
import type { Run } from "./run.js";
import type { LoadedRun, StoreConnection } from "./store_connection.js";
import { errorFromText } from "./stored_error.js";
import { StoredStream } from "./stored_stream.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { RunResult } from "./types.js";

export interface RunsByIdOptions {
  /** The name of the workflow. */
  readonly workflow: string;
  /** The store, if there is one. */
  readonly connection: StoreConnection | undefined;
  /** Whether the store has the streams of its runs. */
  readonly keepsStreams: boolean;
  /** Takes up a run that has been loaded. Gives nothing if it is to be ended, and to be loaded anew for that. */
  readonly takeUp: (loaded: LoadedRun, arrival: Arrival) => Promise<Run | undefined>;
}

/** Begins a run, or goes on from a snapshot of one, and lets the arrival meet it. */
export type BeginRun = (arrival: Arrival) => Run | Promise<Run>;

export class RunsById {
  /** Shared by all workflows of a store. */
  readonly here: Map<string, HeldRun>;
  readonly #workflow: string;
  readonly #connection: StoreConnection | undefined;
  readonly #keepsStreams: boolean;
  readonly #takeUp: RunsByIdOptions["takeUp"];
  /** Runs that are being looked for or begun, so that none is twice; shared as well. */
  readonly #arriving: Map<string, Arrival>;

  constructor({ workflow, connection, keepsStreams, takeUp }: RunsByIdOptions) {
    this.here = connection?.held ?? new Map();
    this.#arriving = connection?.arriving ?? new Map();
    this.#workflow = workflow;
    this.#connection = connection;
    this.#keepsStreams = keepsStreams;
    this.#takeUp = takeUp;
  }

  /** The run of that id; if there is none, one is begun. Resolves when the store has it. */
  async beginOnce(runId: string, begin: BeginRun): Promise<HeldRun> {
    while (this.#arriving.has(runId)) await this.#arrived(runId);
    const findOrBegin = (arrival: Arrival) => this.#findOrBegin(runId, begin, arrival);
    return this.#ours(this.here.get(runId) ?? (await this.#once(runId, findOrBegin)));
  }

  async #findOrBegin(runId: string, begin: BeginRun, arrival: Arrival): Promise<HeldRun> {
    const loaded = await this.#connection?.load(runId);
    if (loaded != null) return this.#holdOrEnd(this.#ours(loaded), arrival);
    const run = await begin(arrival);
    await run.whenStored();
    return run;
  }

  /**
   * Begins a run that comes from elsewhere. Resolves when the store has it.
   *
   * @throws StoreError, as a rejection, if the store had it already: whoever holds it there would not know of this one
   */
  async beginAlone(runId: string, begin: BeginRun): Promise<HeldRun> {
    while (this.#arriving.has(runId)) await this.#arrived(runId);
    return this.#once(runId, async (arrival) => {
      if (this.here.has(runId) || (await this.#connection?.load(runId)) != null) {
        throw new StoreError("ERR_BLAZEN_RUN_EXISTS", `the store has a run ${runId} already`);
      }
      const run = await begin(arrival);
      await run.whenStored();
      return run;
    });
  }

  /** Goes on from a snapshot without a store, in the place of the run of that id if there is one. */
  async goOn(runId: string, begin: BeginRun): Promise<HeldRun> {
    while (this.#arriving.has(runId)) await this.#arrived(runId);
    return this.#once(runId, async (arrival) => begin(arrival));
  }

  /**
   * The run of that id: at work here, ended, or else taken up.
   *
   * @throws StoreError, as a rejection, if there is none
   */
  async find(runId: string): Promise<HeldRun> {
    while (this.#arriving.has(runId)) await this.#arrived(runId);
    const here = this.here.get(runId) ?? (await this.#once(runId, (arrival) => this.#find(runId, arrival)));
    return arrived(this.#ours(here));
  }

  /** Whether there is a run of that id: at work here, or in the store. */
  async knows(runId: string): Promise<boolean> {
    if (this.here.has(runId) || this.#arriving.has(runId)) return true;
    return (await this.#connection?.load(runId)) != null;
  }

  /**
   * Ends the run of that id as cancelled; if it is not at work here, no handler is called for that.
   *
   * @returns whether it was this that has ended it, when the store has its end
   * @throws StoreError, as a rejection, if there is none, or it could not be ended
   */
  async cancel(runId: string, reason: unknown): Promise<boolean> {
    let cancelled: Promise<boolean> | undefined;
    const cancel = (run: Run) => {
      cancelled = run.cancel(reason);
      toldElsewhere(cancelled);
    };
    let held = this.#oursIfKnown(runId);
    // One that is here may still be on its way to its store, or be called at any moment: it is not waited for.
    while (held?.here === undefined && this.#arriving.has(runId)) {
      const arrival = this.#arriving.get(runId) as Arrival;
      if (arrival.workflow === this.#workflow) arrival.endAtOnce(cancel);
      await this.#arrived(runId);
      if (cancelled !== undefined) return cancelled;
      held = this.#oursIfKnown(runId);
    }
    if (held?.here !== undefined) return held.here.cancel(reason);
    const found = this.#once(runId, async (arrival) => {
      arrival.endAtOnce(cancel);
      return this.#hold(await this.#load(runId), arrival);
    });
    if (held instanceof RestingRun) this.#tells(held, found);
    await found;
    return cancelled ?? false;
  }

  /** Whoever has a handler of a run at rest hears that it was ended, or why not if it is at rest no more. */
  #tells(resting: RestingRun, ended: Promise<HeldRun>): void {
    const lost = (error: unknown) => {
      if (this.here.get(resting.id) !== resting) resting.lost(error as BlazenError);
    };
    toldElsewhere(ended.then(() => resting.arrive(), lost));
  }

  /** Ends a run that is here, or on its way, before it does anything more. One that is neither is left alone. */
  endWhereItIs(runId: string, end: EndAtOnce): void {
    const here = this.here.get(runId)?.here;
    if (here === undefined) this.#arriving.get(runId)?.endAtOnce(end);
    else end(here);
  }

  /**
   * Takes up what is unfinished and not at work here.
   *
   * @param timeLimited whether the time that a run may take is limited
   */
  async recover(timeLimited: boolean): Promise<HeldRun[]> {
    const takeUp = async (runId: string) => {
      while (this.#arriving.has(runId)) await this.#arrived(runId);
      const here = this.here.get(runId)?.here;
      return here ?? this.#once(runId, (arrival) => this.#find(runId, arrival));
    };
    const cancel = (runId: string, reason: unknown) => this.cancel(runId, reason);
    return recoverRuns({
      connection: this.needStore("recover()"),
      workflow: this.#workflow,
      takeUp,
      cancel,
      parentHasEnded: (parentId) => this.#parentHasEnded(parentId),
      endWithParent: (runId) => this.#endWithParent(runId),
      timeLimited,
    });
  }

  /** A run that has begun here can be found by its id until it has ended. */
  register(run: Run): void {
    const { id } = run;
    this.here.set(id, run);
    run.whenEnded(() => {
      if (this.#connection !== undefined) this.#connection.letGoOf(run);
      else if (this.here.get(id) === run) this.here.delete(id);
      this.#connection?.children.forget(id);
    });
  }

  /** Waits for whoever is looking for the run or beginning it; what comes of that is theirs. */
  async #arrived(runId: string): Promise<void> {
    try {
      await this.#arriving.get(runId)?.held;
    } catch {
      // Whoever waits looks for it again.
    }
  }

  async #once(runId: string, arrive: (arrival: Arrival) => Promise<HeldRun>): Promise<HeldRun> {
    const known = this.#arriving.get(runId);
    if (known !== undefined) return known.held;
    const arrival = new Arrival(this.#workflow);
    arrival.held = arrive(arrival);
    this.#arriving.set(runId, arrival);
    try {
      return await arrival.held;
    } finally {
      this.#arriving.delete(runId);
    }
  }

  async #find(runId: string, arrival: Arrival): Promise<HeldRun> {
    return this.#holdOrEnd(await this.#load(runId), arrival);
  }

  /** A run that has been loaded; if it is a child, it ends if its parent has, or does meanwhile. */
  async #holdOrEnd(loaded: LoadedRun, arrival: Arrival): Promise<HeldRun> {
    // Before it is asked how its parent stands: if that ends meanwhile, it is told.
    this.#notesChild(loaded);
    if (await this.#isOrphan(loaded)) arrival.endAtOnce(endWithItsParent);
    return this.#hold(loaded, arrival);
  }

  /** Ends a child whose parent is known to have ended. */
  async #endWithParent(runId: string): Promise<HeldRun> {
    while (this.#arriving.has(runId)) await this.#arrived(runId);
    const here = this.here.get(runId)?.here;
    if (here !== undefined) {
      endWithItsParent(here);
      return here;
    }
    return this.#once(runId, async (arrival) => {
      arrival.endAtOnce(endWithItsParent);
      return this.#hold(await this.#load(runId), arrival);
    });
  }

  /**
   * Whether it goes on although the run that it is a child of has ended, or is about to: that process was lost before it
   * could tell.
   */
  async #isOrphan({ parent, status }: LoadedRun): Promise<boolean> {
    return parent != null && !hasEnded(status) && this.#parentHasEnded(parent.runId);
  }

  /** Whether a parent has ended, or is about to, maybe since its own parent has. */
  async #parentHasEnded(parentId: string): Promise<boolean> {
    const here = this.here.get(parentId)?.here;
    if (here !== undefined && here.undoing === undefined) return false;
    if (here !== undefined) {
      return here.whenDurable().then(
        () => true,
        () => false,
      );
    }
    const above = await this.#connection?.load(parentId);
    return above == null || hasEnded(above.status) || above.ending != null || this.#isOrphan(above);
  }

  /** @throws StoreError, as a rejection, if the store has no such run of this workflow, or there is no store */
  async #load(runId: string): Promise<LoadedRun> {
    const loaded = await this.#connection?.load(runId);
    if (loaded != null) return this.#ours(loaded);
    throw new StoreError(
      "ERR_BLAZEN_UNKNOWN_RUN",
      this.#connection === undefined
        ? `workflow ${JSON.stringify(this.#workflow)} has no run ${runId} at work here, and without a store runs are known while they are`
        : `the store has no run ${runId}: it never began, or it was pruned`,
    );
  }

  /** A run that has been loaded: taken up, or what is left of it. */
  async #hold(loaded: LoadedRun, arrival: Arrival): Promise<HeldRun> {
    const { runId } = loaded;
    const ended = endOf(loaded, this.#streamOf(loaded));
    if (ended !== undefined) return ended;
    const run = await this.#takeUp(loaded, arrival).catch((error: unknown) => {
      this.#connection?.children.forget(runId);
      throw error;
    });
    return run ?? this.#hold(await this.#load(runId), arrival);
  }

  /** An unfinished child ends with its parent, whoever has asked for it. */
  #notesChild({ runId, parent, status }: LoadedRun): void {
    if (parent != null && !hasEnded(status)) this.#connection?.children.note(runId, parent.runId);
  }

  #streamOf({ runId, streamed }: LoadedRun): StoredStream | undefined {
    if (this.#connection === undefined || !this.#keepsStreams) return undefined;
    return new StoredStream({ connection: this.#connection, runId: () => runId, length: streamed });
  }

  /** @throws StoreError if the run is of another workflow */
  #oursIfKnown(runId: string): HeldRun | undefined {
    const held = this.here.get(runId);
    return held && this.#ours(held);
  }

  /** @throws StoreError if the run is of another workflow */
  #ours<Found extends { readonly workflow: string }>(run: Found): Found {
    if (run.workflow === this.#workflow) return run;
    throw new StoreError(
      "ERR_BLAZEN_RUN_MISMATCH",
      `the run is of workflow ${JSON.stringify(run.workflow)}, and this is workflow ${JSON.stringify(this.#workflow)}`,
    );
  }

  /** @throws StoreError if the workflow has none */
  needStore(asker: string): StoreConnection {
    if (this.#connection !== undefined) return this.#connection;
    throw new StoreError(
      "ERR_BLAZEN_NO_STORE",
      `${asker} needs a store, and workflow ${JSON.stringify(this.#workflow)} has none: new Workflow(name, { store })`,
    );
  }
}

function endWithItsParent(run: Run): void {
  toldElsewhere(run.abort(new RunStateError("ERR_BLAZEN_RUN_ENDED", "the run that this is a child of has ended")));
}

function hasEnded(status: string): boolean {
  return status !== "running" && status !== "paused";
}

/** What is left of a run that has ended. */
function endOf(loaded: LoadedRun, stream: StoredStream | undefined): HeldRun | undefined {
  const { runId, workflow, status, result, error } = loaded;
  if (status === "completed") {
    const data: unknown = result == null ? undefined : JSON.parse(result);
    const whole = Promise.resolve<RunResult>({ type: "blazen::StopEvent", data, runId });
    return new EndedRun(runId, workflow, whole, { status }, stream);
  }
  if (error == null) return undefined;
  const failure = errorFromText(error, runId);
  const how = { status: failure instanceof AbortedError ? "cancelled" : "failed", code: failure.code } as const;
  return new EndedRun(runId, workflow, Promise.reject(failure), how, stream);
}
