// The runs of a workflow by their ids: those that are at work here, and those that its store has.

import { AbortedError, StoreError } from "./errors.js";
import { EndedRun, type HeldRun, RestingRun } from "./held_run.js";
import { recoverRuns } from "./recovery.js";
import type { Run } from "./run.js";
import type { LoadedRun, StoreConnection } from "./store_connection.js";
import { errorFromText } from "./stored_error.js";
import type { RunResult } from "./types.js";

export interface RunsByIdOptions {
  /** The name of the workflow. */
  readonly workflow: string;
  /** The store, if there is one. */
  readonly connection: StoreConnection | undefined;
  /** Goes on with a run that has been loaded. */
  readonly takeUp: (loaded: LoadedRun) => Run;
}

export class RunsById {
  /** Shared by all workflows of a store. */
  readonly here: Map<string, HeldRun>;
  readonly #workflow: string;
  readonly #connection: StoreConnection | undefined;
  readonly #takeUp: RunsByIdOptions["takeUp"];
  /** Runs that are being looked for or begun, so that none is twice; shared as well. */
  readonly #arriving: Map<string, Promise<HeldRun>>;

  constructor({ workflow, connection, takeUp }: RunsByIdOptions) {
    this.here = connection?.held ?? new Map();
    this.#arriving = connection?.arriving ?? new Map();
    this.#workflow = workflow;
    this.#connection = connection;
    this.#takeUp = takeUp;
  }

  /** The run of that id; if there is none, one is begun. Resolves when the store has it. */
  async beginOnce(runId: string, begin: () => Run): Promise<HeldRun> {
    while (this.#arriving.has(runId)) await this.#arrived(runId);
    const here = this.here.get(runId) ?? (await this.#once(runId, () => this.#findOrBegin(runId, begin)));
    return this.#ours(here);
  }

  async #findOrBegin(runId: string, begin: () => Run): Promise<HeldRun> {
    const loaded = await this.#connection?.load(runId);
    if (loaded != null) return this.#hold(loaded);
    const run = begin();
    await run.whenStored();
    return run;
  }

  /**
   * The run of that id: at work here, ended, or else taken up.
   *
   * @param asker names who asks, for the message of an error
   * @throws StoreError, as a rejection, if there is none
   */
  async find(runId: string, asker: string): Promise<HeldRun> {
    const connection = this.#needStore(asker);
    while (this.#arriving.has(runId)) await this.#arrived(runId);
    const here = this.here.get(runId) ?? (await this.#once(runId, () => this.#load(connection, runId)));
    this.#ours(here);
    return here instanceof RestingRun ? here.arrive() : here;
  }

  /**
   * Takes up what is unfinished and not at work here.
   *
   * @param waitingToo also those that wait for an answer, since their time is limited
   */
  async recover(asker: string, waitingToo: boolean): Promise<HeldRun[]> {
    const connection = this.#needStore(asker);
    const takeUp = async (runId: string) => {
      const here = this.here.get(runId)?.here;
      return here ?? this.#once(runId, () => this.#load(connection, runId));
    };
    return recoverRuns({ connection, workflow: this.#workflow, takeUp, waitingToo });
  }

  /** A run that has begun here can be found by its id until it has ended. */
  register(run: Run): void {
    const { id } = run;
    // One that its store refuses, since the run is here already, must not take its place.
    if (this.here.get(id)?.here !== undefined) return;
    this.here.set(id, run);
    run.whenEnded(() => {
      if (this.here.get(id) === run) this.here.delete(id);
    });
  }

  /** Waits for whoever is looking for the run or beginning it; what comes of that is theirs. */
  async #arrived(runId: string): Promise<void> {
    try {
      await this.#arriving.get(runId);
    } catch {
      // Whoever waits looks for it again.
    }
  }

  async #once(runId: string, arrive: () => Promise<HeldRun>): Promise<HeldRun> {
    const known = this.#arriving.get(runId);
    if (known !== undefined) return known;
    const arriving = arrive();
    this.#arriving.set(runId, arriving);
    try {
      return await arriving;
    } finally {
      this.#arriving.delete(runId);
    }
  }

  async #load(connection: StoreConnection, runId: string): Promise<HeldRun> {
    const loaded = await connection.load(runId);
    if (loaded === null) {
      throw new StoreError("ERR_BLAZEN_UNKNOWN_RUN", `the store has no run ${runId}: it never began, or it was pruned`);
    }
    return this.#hold(loaded);
  }

  /** A run that has been loaded: taken up, or what is left of it. */
  #hold(loaded: LoadedRun): HeldRun {
    this.#ours(loaded);
    return endOf(loaded) ?? this.#takeUp(loaded);
  }

  /** @throws StoreError if the run is of another workflow */
  #ours<Found extends { readonly workflow: string }>(run: Found): Found {
    if (run.workflow === this.#workflow) return run;
    throw new StoreError(
      "ERR_BLAZEN_RUN_MISMATCH",
      `the run is of workflow ${JSON.stringify(run.workflow)}, and this is workflow ${JSON.stringify(this.#workflow)}`,
    );
  }

  #needStore(asker: string): StoreConnection {
    if (this.#connection !== undefined) return this.#connection;
    throw new StoreError(
      "ERR_BLAZEN_NO_STORE",
      `${asker} needs a store, and workflow ${JSON.stringify(this.#workflow)} has none: new Workflow(name, { store })`,
    );
  }
}

/** What is left of a run that has ended. */
function endOf(loaded: LoadedRun): HeldRun | undefined {
  const { runId, workflow, status, result, error } = loaded;
  if (status === "completed") {
    const data: unknown = result == null ? undefined : JSON.parse(result);
    const whole = Promise.resolve<RunResult>({ type: "blazen::StopEvent", data, runId });
    return new EndedRun(runId, workflow, whole, { status });
  }
  if (error == null) return undefined;
  const failure = errorFromText(error, runId);
  const how = { status: failure instanceof AbortedError ? "cancelled" : "failed", code: failure.code } as const;
  return new EndedRun(runId, workflow, Promise.reject(failure), how);
}
