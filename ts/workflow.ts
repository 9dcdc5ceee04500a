// A workflow: its steps, and where runs begin.

import type * as Native from "../native.js";
import { checkDuration, checkFunction, checkName, checkString, readNames, readOptions } from "./arguments.js";
import type { CheckpointStore } from "./checkpoint_store.js";
import { hostChildren } from "./child_host.js";
import type { Handler } from "./definition.js";
import { RunStateError } from "./errors.js";
import { EventSchemas } from "./event_schemas.js";
import { graphOf, type WorkflowGraph } from "./graph.js";
import { WorkflowHandler } from "./handler.js";
import type { HeldRun } from "./held_run.js";
import { mermaidOf } from "./mermaid.js";
import { readMigration } from "./migration.js";
import { native } from "./native.js";
import { type IncomingOptions, readIncomingOptions } from "./outside_events.js";
import { checkPausePolicy, type SessionPausePolicy } from "./pause_policy.js";
import { INTERNAL, publicClass } from "./public_class.js";
import type { Run } from "./run.js";
import { RunBeginnings } from "./run_beginnings.js";
import { checkRuns, type UnfitRun } from "./run_check.js";
import { abortOn } from "./run_signal.js";
import { readStartOptions, type StartOptions } from "./start_options.js";
import { checkStateConflicts } from "./state_conflicts.js";
import { readStepOptions, type StepOptions } from "./step_options.js";
import { checkRunId, isRunId, type MemoryStore, type SqliteStore } from "./store.js";
import { type StreamCallback, subscribe } from "./stream_callback.js";
import { readStreamBuffer } from "./stream_options.js";
import { readSubworkflowStep, type SubworkflowOptions } from "./subworkflow_step.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type {
  Acceptable,
  AnyEvents,
  AnyState,
  EventMap,
  EventOf,
  Incoming,
  RunData,
  RunInput,
  RunResult,
  StartArguments,
  StepHandler,
} from "./types.js";
import { WorkflowBuilder } from "./workflow_builder.js";
import { readVersion } from "./workflow_code.js";
import { WORKFLOW_OPTIONS, type WorkflowOptions } from "./workflow_options.js";
import { connect, readWriting } from "./writing_options.js";

// biome-ignore lint/suspicious/noExplicitAny: for code that does not depend on the events and state of a workflow
export type AnyWorkflow = Workflow<any, any, any>;

/**
 * A name, and steps that are wired by the events they accept. It holds nothing of any run, so one workflow serves any
 * number of them at once.
 *
 * @typeParam Events a map from event type to payload: handlers get and return exactly these
 * @typeParam State a map from state key to the type of its value
 * @typeParam Emitted the events as handlers emit them, if a schema makes something else of them
 */
export class Workflow<
  Events extends EventMap<Events> = AnyEvents,
  State extends object = AnyState,
  Emitted extends EventMap<Emitted> = Events,
> {
  readonly #beginnings: RunBeginnings;

  /** @throws InvalidArgumentError if the name is empty or no string, or an option is not what it must be */
  constructor(name: string, options: WorkflowOptions<Events, Emitted, State> = {}) {
    checkName(name, "the name of a workflow");
    const given = readOptions(options, "the options of a workflow", WORKFLOW_OPTIONS);
    const { timeout, sessionPausePolicy, store, durability, schemas, stateConflicts, streamBuffer, persistStream } =
      given;
    const version = readVersion(given.version);
    this.#beginnings = new RunBeginnings({
      name,
      schemas: schemas === undefined ? undefined : new EventSchemas(schemas),
      streamBuffer: readStreamBuffer(streamBuffer),
      writing: readWriting(store, durability, persistStream),
      version,
      migration: readMigration(given.migrate, version),
    });
    hostChildren(this, this.#beginnings.asChild);
    if (stateConflicts !== undefined) {
      checkStateConflicts(stateConflicts);
      this.#beginnings.native.watchState(stateConflicts as Native.StateConflicts);
    }
    if (timeout !== undefined) this.setTimeout(timeout);
    if (sessionPausePolicy !== undefined) this.setSessionPausePolicy(sessionPausePolicy);
  }

  /** A workflow in one expression: `Workflow.builder("orders").addStep(...).timeout(60).build()`. */
  static builder<
    Events extends EventMap<Events> = AnyEvents,
    State extends object = AnyState,
    Emitted extends EventMap<Emitted> = Events,
  >(name: string, options?: WorkflowOptions<Events, Emitted, State>): WorkflowBuilder<Events, State, Emitted> {
    return new WorkflowBuilder(INTERNAL, new Workflow<Events, State, Emitted>(name, options));
  }

  /** The name of the workflow: a snapshot is resumed by a workflow of the same name. */
  get name(): string {
    return this.#beginnings.native.name;
  }

  /**
   * Adds a step. Runs that have begun keep the steps that they began with.
   *
   * @param name unique in the workflow; snapshots name steps by it
   * @param eventTypes the types of the events that the step receives
   * @param handler receives an event and the context; returns an event, an array of events, or nothing
   * @param options what else is known of the step
   * @throws InvalidArgumentError
   */
  addStep<const Types extends readonly Acceptable<Events>[]>(
    name: string,
    eventTypes: Types,
    handler: StepHandler<Events, State, Types[number], Emitted>,
    options: StepOptions<Events, State, Types[number], Emitted> = {},
  ): this {
    const { step, accepts } = readWiring(name, eventTypes);
    checkFunction(handler, `the handler of step ${step}`);
    this.#beginnings.addStep(name, accepts, handler as Handler, readStepOptions(options, step));
    return this;
  }

  /**
   * Adds a step that runs another workflow for each of its events, instead of a handler. When the run has completed, its
   * result goes out as the event `{ type: emits, result, runId }`. If it fails, the step has failed, with that as the
   * `cause`. As with `ctx.runWorkflow`, a crash or a pause does not begin it again.
   *
   * @param name unique in the workflow; snapshots name steps by it
   * @param eventTypes the types of the events that the step receives
   * @param child another workflow; if this one has a store, with the same
   * @param options what comes of the run, and what it is given; and what else is known of the step
   * @throws InvalidArgumentError
   */
  addSubworkflowStep<
    const Types extends readonly Acceptable<Events>[],
    ChildEvents extends EventMap<ChildEvents>,
    ChildState extends object,
    ChildEmitted extends EventMap<ChildEmitted>,
  >(
    name: string,
    eventTypes: Types,
    child: Workflow<ChildEvents, ChildState, ChildEmitted>,
    options: SubworkflowOptions<Events, EventOf<Events, Types[number]>, ChildEmitted, RunData<ChildEvents>, Emitted>,
  ): this {
    const { step, accepts } = readWiring(name, eventTypes);
    const { handler, settings } = readSubworkflowStep(step, child, options, this.#beginnings.asChild);
    this.#beginnings.addStep(name, accepts, handler, settings);
    return this;
  }

  /**
   * Limits the time that a run may spend running: waiting for a person counts, being paused does not. At the limit the
   * run fails with a `TimeoutError`, and the `ctx.signal` of handlers at work is aborted. Concerns runs that begin
   * afterwards. While a run undoes what it has done (`compensate`) its time does not count.
   *
   * @param seconds zero or less takes the limit off
   */
  setTimeout(seconds: number): void {
    checkDuration(seconds, "the timeout", "seconds");
    this.#beginnings.timeLimited = this.#beginnings.native.limitTime(seconds);
  }

  /** Says what a pause does about session values. Concerns runs that begin afterwards. */
  setSessionPausePolicy(policy: SessionPausePolicy): void {
    checkPausePolicy(policy);
    this.#beginnings.pausePolicy = policy;
  }

  /**
   * The workflow as a graph: its steps, which events go between them, and what is wrong with that. Edges are what steps
   * declare as `emits`, and what their handlers have emitted in runs of this workflow in this process.
   */
  graph(): WorkflowGraph {
    return graphOf(this.#beginnings.definition);
  }

  /**
   * The graph as the text of a [Mermaid](https://mermaid.js.org) flowchart, which GitHub and many editors draw. Declared
   * edges are solid, observed ones dotted.
   */
  toMermaid(): string {
    return mermaidOf(this.graph());
  }

  /**
   * Runs the workflow to its end.
   *
   * @param input becomes `blazen::StartEvent`: a plain object is spread over it, anything else is its `data`
   * @returns what the stop event carried as `result`, as `data`
   *
   * Rejects with a `RunFailedError` if the run fails (what a handler threw is its `cause`), with an
   * `InvalidEventError` if a handler returned what is no event, and with a `SchemaError` if the input or an event is not
   * what its schema takes; if it is the input, no run has begun. Rejects with an `AbortedError` if its `signal` is aborted.
   */
  async run(...[input, options]: StartArguments<Emitted>): Promise<RunResult<RunData<Events>>> {
    const { runId, signal } = readStartOptions(options);
    const held =
      runId === undefined ? this.#beginnings.start(input, false) : await this.#startOnce(input, runId, false, signal);
    if (signal !== undefined) abortOn(signal, held);
    return held.result as Promise<RunResult<RunData<Events>>>;
  }

  /**
   * Begins a run and resolves to its handler: with a store, when that has it (`durability: "sync"`).
   *
   * With a `runId` the run is begun once, however often this is called: later calls give a handler of the same run, at
   * work or ended, and their input is not looked at. A paused run stays paused: `resume(runId)` goes on with it. Without a
   * store a run is known by its id until it has ended.
   */
  async runWithHandler(...[input, options]: StartArguments<Emitted>): Promise<WorkflowHandler<Events>> {
    const { runId, lifecycle, signal } = readStartOptions(options);
    if (runId !== undefined) {
      const held = await this.#startOnce(input, runId, lifecycle, signal);
      if (signal !== undefined) abortOn(signal, held);
      return handlerOf(held);
    }
    const run = this.#beginnings.start(input, true);
    if (lifecycle) run.stream.keepLifecycle();
    if (signal !== undefined) abortOn(signal, run);
    await run.whenStored();
    return handlerOf(run);
  }

  /**
   * Runs the workflow to its end and calls `callback` for every event of its stream, in order; if it returns a
   * promise, the next event waits for it.
   *
   * @returns the result, once the callback has had everything
   *
   * Rejects as `run` does, with `ERR_BLAZEN_STREAM_CALLBACK` if the callback fails, and with `ERR_BLAZEN_STREAM_GONE` if
   * it falls further behind than events are kept; the run goes to its end all the same.
   */
  async runStreaming(
    input: RunInput<Emitted>,
    callback: StreamCallback,
    options?: StartOptions,
  ): Promise<RunResult<RunData<Events>>> {
    checkFunction(callback, "the callback");
    const { runId, lifecycle, signal } = readStartOptions(options);
    const held =
      runId === undefined
        ? this.#beginnings.start(input, false)
        : await this.#startOnce(input, runId, lifecycle, signal);
    if (signal !== undefined) abortOn(signal, held);
    const stream = held.stream ?? (await held.live()).stream;
    const { done } = subscribe(stream, callback, { lifecycle });
    const result = await held.result;
    await done;
    return result as RunResult<RunData<Events>>;
  }

  /**
   * Takes up every unfinished run of this workflow in the store that is not at work here: after a crash, a deploy, a
   * `close()`. What had settled is not done again; a handler that was at work is called again, with `ctx.attempt` raised.
   * Runs are loaded a few at a time; those that sleep when their time comes, and those that wait for an answer when they are
   * asked for something, unless the workflow has a time limit. A paused run stays paused until it is resumed; a child that
   * rests, and whose parent has ended elsewhere, ends.
   *
   * A run that cannot go on stays as it is, which is known when it is taken up: one that needs a step that this workflow
   * does not have (or its `compensate`), its `result()` rejects with `ERR_BLAZEN_RUN_MISMATCH`, or one that `migrate` has
   * failed for, with `ERR_BLAZEN_MIGRATION_FAILED`. A process warning says what to do. The others go on.
   *
   * @returns their handlers, the oldest first
   *
   * Rejects with `ERR_BLAZEN_NO_STORE`, and with a `StoreError` if the store cannot be read.
   */
  async recover(): Promise<WorkflowHandler<Events>[]> {
    const found = await this.#beginnings.runs.recover(this.#beginnings.timeLimited);
    return found.map((held) => handlerOf(held));
  }

  /**
   * A handler of a run: of one that is at work here, of one that has ended, and else of one that is taken up. A paused
   * run stays paused. Without a store there are the runs that have a handler or a `runId`, until they end.
   *
   * Rejects with `ERR_BLAZEN_UNKNOWN_RUN`, with `ERR_BLAZEN_RUN_MISMATCH` if it is of another workflow or needs a step
   * that this one does not have, and with `ERR_BLAZEN_MIGRATION_FAILED`.
   */
  async attach(runId: string): Promise<WorkflowHandler<Events>> {
    checkRunId(runId);
    return handlerOf(await this.#beginnings.runs.find(runId.toLowerCase()));
  }

  /**
   * Ends a run, wherever it is: at work here, paused, waiting, or in the store since a crash, even if it needs a step that
   * this workflow does not have. Handlers at work have their `ctx.signal` aborted, and none is called any more. Its
   * `result()` rejects with `ERR_BLAZEN_ABORTED` and `reason` as its `cause`; the store has it as cancelled. Without a
   * store there are the runs that have a handler or a `runId`, until they end.
   *
   * @param reason comes back as the `cause`, from a store as far as JSON goes
   * @returns when the store has the end of the run: `true` if it was this that ended it, `false` if it had ended
   *
   * Rejects with `ERR_BLAZEN_UNKNOWN_RUN`, with `ERR_BLAZEN_RUN_MISMATCH` if it is of another workflow, and with a
   * `StoreError` if the store does not take the end: then the run is unfinished in it.
   */
  async cancel(runId: string, reason?: unknown): Promise<boolean> {
    checkRunId(runId);
    return this.#beginnings.runs.cancel(runId.toLowerCase(), reason);
  }

  /**
   * Gives a run an event from outside, as the `sendEvent` of its handler: one that is at work here, or that the store has,
   * which is taken up. Whoever owns the store can do it, whichever process has begun the run.
   *
   * @returns whether steps receive it; else it is kept until the run expects it
   *
   * Rejects as `attach` and as the `sendEvent` of a handler do.
   */
  async sendEvent(runId: string, event: Incoming<Emitted>, options: IncomingOptions = {}): Promise<boolean> {
    checkRunId(runId);
    const atOnce = readIncomingOptions(options);
    const run = await this.#live(runId);
    return run.receive(event, atOnce);
  }

  /**
   * Answers an input request of a run, as the `respondToInput` of its handler: of one that is at work here, or that the
   * store has, which is taken up. Rejects as `attach` and as `respondToInput` do.
   */
  async respondToInput(runId: string, requestId: string, response: unknown): Promise<void> {
    checkRunId(runId);
    checkString(requestId, "the request id");
    const run = await this.#live(runId);
    await run.respond(requestId, response);
  }

  /**
   * Which unfinished runs of this workflow in a store, running and paused, it cannot finish, and why: before a deploy, in CI.
   * Runs that `migrate` would be given are looked at as it would leave them. Nothing is written, and no handler is called:
   * the store may be opened only to look at, while another process runs it.
   *
   * What is pending is certain; what comes after is told as far as steps declare their `emits`. It reads each unfinished run
   * once, a few at a time.
   *
   * @param store another store than the workflow's own
   * @returns the runs that it cannot finish, or may not be able to; empty if all is well
   *
   * Rejects with `ERR_BLAZEN_NO_STORE`, and with a `StoreError` if the store cannot be read.
   */
  async check(store?: SqliteStore | MemoryStore | CheckpointStore): Promise<UnfitRun[]> {
    const connection = store === undefined ? this.#beginnings.runs.needStore("check()") : connect(store);
    return checkRuns({ connection, code: this.#beginnings.code(), migration: this.#beginnings.migration });
  }

  /**
   * Goes on from a snapshot, in this process or any other that has the steps; or, given the id of a run, with the paused
   * run of the store, or of this process.
   *
   * Rejects with `ERR_BLAZEN_SNAPSHOT_INVALID` if it is none, with `ERR_BLAZEN_SNAPSHOT_VERSION` if a newer version of
   * this package wrote it, and with `ERR_BLAZEN_SNAPSHOT_MISMATCH` if it is of another workflow or needs a step that
   * this one does not have, and with `ERR_BLAZEN_MIGRATION_FAILED`. With a store it rejects with `ERR_BLAZEN_RUN_EXISTS` if the store has the run already; by id
   * it rejects as `attach` does, and with `ERR_BLAZEN_NOT_PAUSED`.
   */
  async resume(snapshot: string): Promise<WorkflowHandler<Events>> {
    checkString(snapshot, "the snapshot");
    if (isRunId(snapshot)) return this.#resumeById(snapshot.toLowerCase());
    return handlerOf(await this.#beginnings.resume(snapshot));
  }

  /** The run of that id; if there is none, it begins. Until it is there, the signal cancels it by its id. */
  async #startOnce(
    input: unknown,
    runId: string,
    lifecycle: boolean,
    signal: AbortSignal | undefined,
  ): Promise<HeldRun> {
    const arriving = this.#beginnings.startOnce(input, runId, lifecycle);
    if (signal !== undefined) {
      const abort = async (reason: unknown) => void (await this.#beginnings.runs.cancel(runId, reason));
      abortOn(signal, { result: arriving, abort });
    }
    return arriving;
  }

  async #live(runId: string): Promise<Run> {
    const held = await this.#beginnings.runs.find(runId.toLowerCase());
    return held.here ?? held.live();
  }

  async #resumeById(runId: string): Promise<WorkflowHandler<Events>> {
    const held = await this.#beginnings.runs.find(runId);
    const run = held.here ?? (await held.live());
    if (!run.isPaused) {
      throw new RunStateError(
        "ERR_BLAZEN_NOT_PAUSED",
        "the run is not paused, so it cannot be resumed; attach(runId) gives a handler of it",
      );
    }
    await run.resumeInPlace();
    return handlerOf(held);
  }

  static {
    publicClass(Workflow, { isOurs: (value) => #beginnings in value, rejects: false, native: native.Workflow });
  }
}

/** The name of a step as messages have it, and what the step accepts. */
function readWiring(name: string, eventTypes: readonly string[]): { step: string; accepts: string[] } {
  checkName(name, "the name of a step");
  const step = JSON.stringify(name);
  return { step, accepts: readNames(eventTypes, `the event types of step ${step}`, `an event type of step ${step}`) };
}

function handlerOf<Events>(run: HeldRun): WorkflowHandler<Events> {
  // A run may fail before anybody asks for its result, and without anybody ever asking.
  toldElsewhere(run.result);
  return new WorkflowHandler(INTERNAL, run);
}
