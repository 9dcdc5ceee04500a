// A workflow: its steps, and where runs begin.

import { checkDuration, checkFunction, checkName, checkString, reading, readOptions, refuse } from "./arguments.js";
import { Definition, type Handler } from "./definition.js";
import { isEvent } from "./emission.js";
import { InvalidArgumentError, SnapshotError, translated } from "./errors.js";
import type { StreamCallback } from "./event_stream.js";
import { WorkflowHandler } from "./handler.js";
import { isPlainObject } from "./json.js";
import { native } from "./native.js";
import { checkPausePolicy, SessionPausePolicy } from "./pause_policy.js";
import { INTERNAL, publicClass } from "./public_class.js";
import { Run, type RunOptions } from "./run.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type {
  Acceptable,
  AnyEvents,
  AnyState,
  EventMap,
  RunArguments,
  RunData,
  RunInput,
  RunResult,
  StepHandler,
} from "./types.js";
import { WorkflowBuilder } from "./workflow_builder.js";

/** How runs of a workflow behave. */
export interface WorkflowOptions {
  /** The longest time that a run may spend running, in seconds; no limit unless given. See `setTimeout`. */
  timeout?: number;
  /** What a pause does about session values; `pickle_or_error` unless given. */
  sessionPausePolicy?: SessionPausePolicy;
}

/**
 * A name, and steps that are wired by the events they accept. It holds nothing of any run, so one workflow serves any
 * number of them at once.
 *
 * @typeParam Events a map from event type to payload: handlers get and return exactly these
 * @typeParam State a map from state key to the type of its value
 */
export class Workflow<Events extends EventMap<Events> = AnyEvents, State extends object = AnyState> {
  readonly #native: InstanceType<typeof native.Workflow>;
  #definition = Definition.empty();
  /** Whether a run has begun with the definition. */
  #hasRuns = false;
  #timeLimited = false;
  #pausePolicy: SessionPausePolicy = SessionPausePolicy.PickleOrError;

  /** @throws InvalidArgumentError if the name is empty or no string, or an option is not what it must be */
  constructor(name: string, options: WorkflowOptions = {}) {
    checkName(name, "the name of a workflow");
    const { timeout, sessionPausePolicy } = readOptions(options, "the options of a workflow", [
      "timeout",
      "sessionPausePolicy",
    ]);
    this.#native = translated(() => new native.Workflow(name));
    if (timeout !== undefined) this.setTimeout(timeout);
    if (sessionPausePolicy !== undefined) this.setSessionPausePolicy(sessionPausePolicy);
  }

  /** A workflow in one expression: `Workflow.builder("orders").addStep(...).timeout(60).build()`. */
  static builder<Events extends EventMap<Events> = AnyEvents, State extends object = AnyState>(
    name: string,
  ): WorkflowBuilder<Events, State> {
    return new WorkflowBuilder(INTERNAL, new Workflow<Events, State>(name));
  }

  /** The name of the workflow: a snapshot is resumed by a workflow of the same name. */
  get name(): string {
    return this.#native.name;
  }

  /**
   * Adds a step. Runs that have begun keep the steps that they began with.
   *
   * @param name unique in the workflow; snapshots name steps by it
   * @param eventTypes the types of the events that the step receives
   * @param handler receives an event and the context; returns an event, an array of events, or nothing
   * @throws InvalidArgumentError
   */
  addStep<const Types extends readonly Acceptable<Events>[]>(
    name: string,
    eventTypes: Types,
    handler: StepHandler<Events, State, Types[number]>,
  ): this {
    checkName(name, "the name of a step");
    const accepts = readEventTypes(eventTypes, name);
    checkFunction(handler, `the handler of step ${JSON.stringify(name)}`);
    const ids = translated(() => this.#native.defineStep(name, accepts));
    if (this.#hasRuns) this.#definition = this.#definition.copy();
    this.#hasRuns = false;
    this.#definition.add({ name, handler: handler as Handler }, accepts, ids);
    return this;
  }

  /**
   * Limits the time that a run may spend running: waiting for a person counts, being paused does not. At the limit the
   * run fails with a `TimeoutError`, and the `ctx.signal` of handlers at work is aborted. Concerns runs that begin
   * afterwards.
   *
   * @param seconds zero or less takes the limit off
   */
  setTimeout(seconds: number): void {
    checkDuration(seconds, "the timeout", "seconds");
    this.#timeLimited = this.#native.limitTime(seconds);
  }

  /** Says what a pause does about session values. Concerns runs that begin afterwards. */
  setSessionPausePolicy(policy: SessionPausePolicy): void {
    checkPausePolicy(policy);
    this.#pausePolicy = policy;
  }

  /**
   * Runs the workflow to its end.
   *
   * @param input becomes `blazen::StartEvent`: a plain object is spread over it, anything else is its `data`
   * @returns what the stop event carried as `result`, as `data`
   *
   * Rejects with a `RunFailedError` if the run fails (what a handler threw is its `cause`), and with an
   * `InvalidEventError` if a handler returned what is no event.
   */
  async run(...[input]: RunArguments<Events>): Promise<RunResult<RunData<Events>>> {
    return this.#start(input, false).result as Promise<RunResult<RunData<Events>>>;
  }

  /** Begins a run and resolves to its handler. */
  async runWithHandler(...[input]: RunArguments<Events>): Promise<WorkflowHandler<Events>> {
    return handlerOf(this.#start(input, true));
  }

  /**
   * Runs the workflow to its end and calls `callback` for every event of its stream, in order; if it returns a
   * promise, the next event waits for it.
   *
   * @returns the result, once the callback has had everything
   *
   * Rejects as `run` does, and with `ERR_BLAZEN_STREAM_CALLBACK` if the callback fails; the run goes to its end all
   * the same.
   */
  async runStreaming(input: RunInput<Events>, callback: StreamCallback): Promise<RunResult<RunData<Events>>> {
    checkFunction(callback, "the callback");
    const run = this.#start(input, false);
    const { done } = run.stream.subscribe(callback);
    const result = await run.result;
    await done;
    return result as RunResult<RunData<Events>>;
  }

  /**
   * Goes on from a snapshot, in this process or any other that has the steps.
   *
   * Rejects with `ERR_BLAZEN_SNAPSHOT_INVALID` if it is none, with `ERR_BLAZEN_SNAPSHOT_VERSION` if a newer version of
   * this package wrote it, and with `ERR_BLAZEN_SNAPSHOT_MISMATCH` if it is of another workflow or needs a step that
   * this one does not have.
   */
  async resume(snapshot: string): Promise<WorkflowHandler<Events>> {
    checkString(snapshot, "the snapshot");
    const run = this.#begin(true, (payloads, now) => {
      const context = this.#native.takeUp(snapshot, now);
      for (const json of context.takePayloads()) payloads.keep(parseEvent(json));
      return context;
    });
    return handlerOf(run);
  }

  #start(input: unknown, hasHandler: boolean): Run {
    const event = startEvent(input);
    return this.#begin(hasHandler, (payloads, now) => this.#native.start(payloads.keep(event), now));
  }

  #begin(hasHandler: boolean, begin: RunOptions["begin"]): Run {
    const options = {
      definition: this.#definition,
      pausePolicy: this.#pausePolicy,
      timeLimited: this.#timeLimited,
      hasHandler,
      begin,
    };
    this.#hasRuns = true;
    return translated(() => new Run(options));
  }

  static {
    publicClass(Workflow, { isOurs: (value) => #native in value, rejects: false, native: native.Workflow });
  }
}

function readEventTypes(eventTypes: unknown, step: string): string[] {
  const what = `the event types of step ${JSON.stringify(step)}`;
  return reading(what, () => {
    if (!Array.isArray(eventTypes)) refuse(what, "an array", eventTypes);
    const types: string[] = [];
    for (const type of eventTypes as readonly unknown[]) {
      checkName(type, `an event type of step ${JSON.stringify(step)}`);
      types.push(type);
    }
    return types;
  });
}

function handlerOf<Events>(run: Run): WorkflowHandler<Events> {
  // A run may fail before anybody asks for its result, and without anybody ever asking.
  toldElsewhere(run.result);
  return new WorkflowHandler(INTERNAL, run);
}

function startEvent(input: unknown): object {
  return reading("the input", () => {
    if (input === undefined) return { type: "blazen::StartEvent" };
    if (!isPlainObject(input)) return { type: "blazen::StartEvent", data: input };
    const { type } = input;
    if (type === undefined || type === "blazen::StartEvent") return { ...input, type: "blazen::StartEvent" };
    throw new InvalidArgumentError(
      `the input has a field "type", which its start event needs for itself; put the input into a field: { input: ... }`,
    );
  });
}

function parseEvent(json: string): object {
  const event: unknown = JSON.parse(json);
  if (isEvent(event)) return event;
  throw new SnapshotError("ERR_BLAZEN_SNAPSHOT_INVALID", "this is not a snapshot of a run: an event in it has no type");
}
