// How runs of a workflow begin: anew, from a snapshot, or from what a store has of them; and by which steps.

import type * as Native from "../native.js";
import type { Arrival } from "./arrivals.js";
import type { RestingChild } from "./child.js";
import type { Adopt, ChildHost } from "./child_host.js";
import { Definition, type Handler } from "./definition.js";
import { isEvent } from "./emission.js";
import { SnapshotError, translated } from "./errors.js";
import type { EventSchemas } from "./event_schemas.js";
import { textAndCopy } from "./event_text.js";
import { arrived, type HeldRun } from "./held_run.js";
import { queueOf } from "./loaded_run.js";
import type { Migration } from "./migration.js";
import { native } from "./native.js";
import { SessionPausePolicy } from "./pause_policy.js";
import { Run, type RunOptions } from "./run.js";
import type { ParentRun } from "./run_commit.js";
import type { Writing } from "./run_writing.js";
import { RunsById } from "./runs_by_id.js";
import { checkedStartEvent, startEvent } from "./start_event.js";
import type { NativeContext } from "./step_driver.js";
import type { StepSettings } from "./step_options.js";
import type { LoadedRun } from "./store_connection.js";
import { knownSteps, stepsText, type WorkflowCode } from "./workflow_code.js";

/** What does not change while a workflow is there. */
export interface WorkflowTerms {
  readonly name: string;
  readonly schemas: EventSchemas | undefined;
  readonly streamBuffer: number;
  readonly writing: Writing | undefined;
  readonly version: string | undefined;
  readonly migration: Migration | undefined;
}

/** What a store says of a run beside what the engine takes up. */
interface StoredTerms {
  readonly streamed?: number;
  readonly depth?: number | undefined;
}

export class RunBeginnings {
  readonly native: InstanceType<typeof native.Workflow>;
  /** Those that are known by their ids. */
  readonly runs: RunsById;
  /** The workflow as its runs are run as children. */
  readonly asChild: ChildHost;
  readonly migration: Migration | undefined;
  /** What a pause of runs that begin from now on does about session values. */
  pausePolicy: SessionPausePolicy = SessionPausePolicy.PickleOrError;
  /** Whether runs that begin from now on must be told the time. */
  timeLimited = false;
  readonly #streamBuffer: number;
  readonly #writing: Writing | undefined;
  readonly #version: string | undefined;
  #definition: Definition;
  /** Whether a run has begun with the definition. */
  #hasRuns = false;

  constructor({ name, schemas, streamBuffer, writing, version, migration }: WorkflowTerms) {
    this.native = translated(() => new native.Workflow(name));
    this.migration = migration;
    this.#definition = Definition.empty(name, schemas);
    this.#streamBuffer = streamBuffer;
    this.#writing = writing;
    this.#version = version;
    const connection = writing?.connection;
    this.runs = new RunsById({
      workflow: name,
      connection,
      keepsStreams: writing?.keepsStreams === true,
      takeUp: (loaded, arrival) => this.#takeUp(loaded, arrival),
    });
    this.asChild = {
      workflow: name,
      connection,
      knows: (runId) => this.runs.knows(runId),
      begin: async (runId, input, adopt, parent) => arrived(await this.startOnce(input, runId, false, adopt, parent)),
      endWhereItIs: (runId, end) => this.runs.endWhereItIs(runId, end),
      resume: async (runId, snapshot, adopt) => arrived(await this.#goOnOnce(runId, snapshot, adopt)),
    };
    if (writing === undefined) return;
    this.native.writeTo(writing.connection.native, writing.durability as Native.RunDurability);
    if (writing.keepsStreams) this.native.keepStreams();
  }

  /** The steps that runs begin with from now on. */
  get definition(): Definition {
    return this.#definition;
  }

  /** Runs that have begun keep the steps that they began with. */
  addStep(name: string, accepts: string[], handler: Handler, settings: StepSettings): void {
    const { retry, concurrency, compensationRetry } = settings;
    const ids = translated(() => this.native.defineStep(name, accepts, retry, concurrency, compensationRetry));
    if (this.#hasRuns) this.#definition = this.#definition.copy();
    this.#hasRuns = false;
    this.#definition.add({ name, handler, accepts, ...settings }, ids);
  }

  /** What this workflow can do for a run. */
  code(): WorkflowCode {
    const definition = this.#definition;
    const names = this.native;
    return {
      workflow: definition.workflow,
      steps: knownSteps(definition),
      hasStep: (name) => definition.steps.some((step) => step.name === name),
      canUndo: (name) => definition.steps.some((step) => step.name === name && step.compensate !== undefined),
      accepting: (type) => definition.steps.filter(({ accepts }) => accepts.includes(type)).map(({ name }) => name),
      nearestStep: (name) => names.nearestStep(name),
      nearestEventType: (name) => names.nearestEventType(name),
    };
  }

  /** Begins a run; with a store, one that it knows. */
  start(input: unknown, hasHandler: boolean): Run {
    const event = checkedStartEvent(startEvent(input), this.#definition);
    if (this.#writing !== undefined) return this.#startAs(event, undefined);
    return this.#begin(hasHandler, (payloads, now) => this.native.start(payloads.keep(event), now));
  }

  /** The run of that id; if there is none, it begins. `adopt` is told of it before it does anything. */
  async startOnce(
    input: unknown,
    runId: string,
    lifecycle: boolean,
    adopt?: Adopt,
    parent?: ParentRun,
  ): Promise<HeldRun> {
    const event = startEvent(input);
    return this.runs.beginOnce(runId, (arrival) => {
      const run = this.#startAs(checkedStartEvent(event, this.#definition), runId, parent);
      if (lifecycle) run.stream.keepLifecycle();
      adopt?.(run);
      return arrival.meet(run);
    });
  }

  /** Goes on from a snapshot; with a store, when that has it. */
  async resume(snapshot: string): Promise<HeldRun> {
    if (this.#writing === undefined) {
      const old = this.#olderSnapshot(snapshot);
      if (old === undefined) return this.#goOnAsItIs(snapshot);
      return this.runs.goOn(old.runId, (arrival) => this.#goOnMigrated(old, arrival));
    }
    const { runId } = translated(() => native.LoadedRun.ofSnapshot(snapshot));
    return this.runs.beginAlone(runId, (arrival) => this.#goOnFrom(snapshot, arrival));
  }

  /** Goes on from a snapshot; if its run is to be migrated, when that is durable. */
  #goOnFrom(snapshot: string, arrival: Arrival): Run | Promise<Run> {
    const old = this.#olderSnapshot(snapshot);
    if (old !== undefined) return this.#goOnMigrated(old, arrival);
    return arrival.meet(this.#goOnAsItIs(snapshot));
  }

  /** No store has the run, so that it is there to be ended only when it is migrated. */
  async #goOnMigrated(old: LoadedRun, arrival: Arrival): Promise<Run> {
    const migration = this.migration as Migration;
    await arrival.waitFor(() => migration.apply(old, this.code()), true);
    return this.#takeUpMigrated(old, arrival);
  }

  #goOnAsItIs(snapshot: string): Run {
    return this.#takeUpFrom(
      (now) => this.native.takeUp(snapshot, now),
      (json) => {
        const event = parseEvent(json);
        return this.#writing === undefined ? event : json;
      },
    );
  }

  /** The run of a snapshot that is to be migrated first. */
  #olderSnapshot(snapshot: string): LoadedRun | undefined {
    if (this.migration === undefined) return undefined;
    const run = translated(() => native.LoadedRun.ofSnapshot(snapshot));
    return run.workflow === this.#definition.workflow && this.migration.concerns(run) ? run : undefined;
  }

  async #goOnOnce(runId: string, snapshot: string, adopt: Adopt): Promise<HeldRun> {
    return this.runs.beginOnce(runId, async (arrival) => {
      const goingOn = this.#goOnFrom(snapshot, arrival);
      // Without waiting, where that is not needed: the run must not do anything before.
      const run = goingOn instanceof Run ? goingOn : await goingOn;
      adopt(run);
      return run;
    });
  }

  /**
   * Takes up a run of the store: to go on with it, when it is migrated and that is durable, or to end it. What it has done
   * is undone by the steps of this version, and so migrated in any case.
   */
  async #takeUp(loaded: LoadedRun, arrival: Arrival): Promise<Run | undefined> {
    const { migration } = this;
    if (migration?.concerns(loaded)) {
      const isNeededToEnd = queueOf(loaded).undoable.length > 0;
      if (isNeededToEnd || !arrival.isToEnd) {
        const isMigrated = await arrival.waitFor(() => migration.apply(loaded, this.code()), isNeededToEnd);
        return isMigrated ? this.#takeUpMigrated(loaded, arrival) : undefined;
      }
    }
    return arrival.meet(arrival.isToEnd ? this.#takeUpToEnd(loaded) : this.#takeUpAsItIs(loaded));
  }

  async #takeUpMigrated(loaded: LoadedRun, arrival: Arrival): Promise<Run> {
    const run = arrival.meet(this.#takeUpAsItIs(loaded));
    await run.writing?.whenDurable();
    return run;
  }

  /** Nothing of it happens before it is ended. */
  #takeUpToEnd(loaded: LoadedRun): Run {
    const { streamed } = loaded;
    return this.#takeUpFrom(
      (now) => this.native.takeUpToEnd(loaded, now),
      (json) => json,
      { streamed },
    );
  }

  #takeUpAsItIs(loaded: LoadedRun): Run {
    const { streamed, parent } = loaded;
    return this.#takeUpFrom(
      (now) => this.native.takeUpStored(loaded, now),
      (json) => (this.#writing === undefined ? parseEvent(json) : json),
      { streamed, depth: parent?.depth },
    );
  }

  /** @param kept what is kept of the text of an event */
  #takeUpFrom(
    takeUp: (now: number) => NativeContext,
    kept: (json: string) => object | string,
    stored?: StoredTerms,
  ): Run {
    let children: RestingChild[] = [];
    const begin: RunOptions["begin"] = (payloads, now) => {
      const context = takeUp(now);
      for (const json of context.takePayloads()) payloads.keep(kept(json));
      children = context.takeChildren();
      return context;
    };
    const run = this.#begin(true, begin, stored);
    if (children.length > 0) run.comeWith(children);
    run.isTakenUp();
    return run;
  }

  /** Begins a run that its store knows, or that has an id already. */
  #startAs(event: object, runId: string | undefined, parent?: ParentRun): Run {
    return this.#begin(true, (payloads, now) => {
      if (this.#writing === undefined) return this.native.startAs(payloads.keep(event), undefined, runId, now, parent);
      const { text, copy } = textAndCopy(event);
      return this.native.startAs(payloads.keep(text, copy), text, runId, now, parent);
    });
  }

  #begin(hasHandler: boolean, begin: RunOptions["begin"], stored: StoredTerms = {}): Run {
    const options = {
      definition: this.#definition,
      pausePolicy: this.pausePolicy,
      streamBuffer: this.#streamBuffer,
      streamed: stored.streamed ?? 0,
      depth: stored.depth ?? 0,
      timeLimited: this.timeLimited,
      hasHandler,
      begin,
      writing: this.#writing,
    };
    if (!this.#hasRuns && this.#version !== undefined) {
      this.native.goBy(this.#version, stepsText(this.#definition));
    }
    this.#hasRuns = true;
    const run = translated(() => new Run(options));
    // One that has neither a store nor a handler nor an id that was chosen is looked for by nobody.
    if (this.#writing !== undefined || hasHandler) this.runs.register(run);
    return run;
  }
}

function parseEvent(json: string): object {
  const event: unknown = JSON.parse(json);
  if (isEvent(event)) return event;
  throw new SnapshotError("ERR_BLAZEN_SNAPSHOT_INVALID", "this is not a snapshot of a run: an event in it has no type");
}
