// A step without a handler of the user's: it runs another workflow for each of its events.

import { checkFunction, checkName, readOptions, refuse } from "./arguments.js";
import { type ChildHost, readChildHost } from "./child_host.js";
import type { AnyContext } from "./context.js";
import type { Handler } from "./definition.js";
import { InvalidArgumentError } from "./errors.js";
import { readStepOptions, type StepOptions, type StepSettings } from "./step_options.js";
import type { AnyEvent, AnyEvents, ResultType, RunInput } from "./types.js";
import type { AnyWorkflow } from "./workflow.js";

/**
 * What is known of a step that runs a workflow.
 *
 * @typeParam Events the events of the workflow that has the step
 * @typeParam Event what the step receives
 * @typeParam ChildEmitted the events of the workflow that is run, as they are given to it
 * @typeParam Result of that workflow
 * @typeParam Emitted the events of the workflow that has the step, as they are given to it
 */
export interface SubworkflowOptions<
  Events = AnyEvents,
  Event = AnyEvent,
  ChildEmitted = AnyEvents,
  // biome-ignore lint/suspicious/noExplicitAny: undeclared
  Result = any,
  Emitted = Events,
> extends Omit<StepOptions<Events>, "emits"> {
  /**
   * The type of the event that comes of a run that has completed: `{ type, result, runId }`. `"blazen::StopEvent"` makes
   * its result that of the run that the step belongs to.
   */
  emits: ResultType<Emitted, Result>;
  /** Gives the input of the run; the fields of the event without its `type` unless given. */
  input?: (event: Event) => RunInput<ChildEmitted> | PromiseLike<RunInput<ChildEmitted>>;
}

/** A step that runs a workflow, checked. */
export interface SubworkflowStep {
  readonly handler: Handler;
  readonly settings: StepSettings;
}

/**
 * @param step the name of the step, in quotes
 * @param child the workflow that it runs
 * @param parent the workflow that it belongs to
 * @throws InvalidArgumentError
 */
export function readSubworkflowStep(step: string, child: unknown, options: object, parent: ChildHost): SubworkflowStep {
  const what = `the options of step ${step}`;
  const host = readChildHost(child, `the workflow that step ${step} runs`, parent);
  if (host === parent) {
    throw new InvalidArgumentError(
      `step ${step} would run the workflow ${JSON.stringify(parent.workflow)} that it belongs to, and that again, without an end; a handler that knows when to stop can do it with ctx.runWorkflow()`,
    );
  }
  const { emits, input, ...others } = readOptions(options as SubworkflowOptions, what, [
    "emits",
    "input",
    "retry",
    "timeout",
    "concurrency",
    "onFailure",
  ]);
  checkName(emits, `"emits" of step ${step}`);
  if (emits === "blazen::InputRequestEvent")
    refuse(`"emits" of step ${step}`, "the type of an event with a result", emits);
  if (input !== undefined) checkFunction(input, `"input" of step ${step}`);
  const handler = async (event: object, ctx: object) => {
    const { data, runId } = await (ctx as AnyContext).runWorkflow(
      child as AnyWorkflow,
      input === undefined ? fieldsOf(event) : await input(event as AnyEvent),
    );
    return data === undefined ? { type: emits, runId } : { type: emits, result: data, runId };
  };
  return { handler, settings: readStepOptions({ ...others, emits: [emits] }, step) };
}

function fieldsOf(event: object): object {
  const { type: _, ...fields } = event as AnyEvent;
  return fields;
}
