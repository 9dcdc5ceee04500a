// The JavaScript side of a workflow's steps: handlers by number, and the numbers of event types.

import { native } from "./native.js";
import { ObservedEmissions } from "./observed_emissions.js";
import type { StepSettings } from "./step_options.js";

export type Handler = (event: object, ctx: object) => unknown;

/** A step as it is added. */
interface NewStep extends StepSettings {
  readonly name: string;
  readonly handler: Handler;
  /** The types of the events that it receives. */
  readonly accepts: readonly string[];
}

export interface Step extends NewStep {
  /** What its handler has emitted in this process; copies of the definition go on with it. */
  readonly observed: ObservedEmissions;
}

/** The steps of a workflow. Not changed once a run has begun with it: a step added later goes into a copy. */
export class Definition {
  /** The name of the workflow. */
  readonly workflow: string;
  readonly steps: Step[];
  readonly eventTypes: Map<string, number>;

  private constructor(workflow: string, steps: readonly Step[], eventTypes: ReadonlyMap<string, number>) {
    this.workflow = workflow;
    this.steps = [...steps];
    this.eventTypes = new Map(eventTypes);
  }

  static empty(workflow: string): Definition {
    return new Definition(workflow, [], RESERVED);
  }

  copy(): Definition {
    return new Definition(this.workflow, this.steps, this.eventTypes);
  }

  /** @param ids the numbers of the event types that it accepts */
  add(step: NewStep, ids: readonly number[]): void {
    this.steps.push({ ...step, observed: new ObservedEmissions() });
    step.accepts.forEach((eventType, index) => {
      this.eventTypes.set(eventType, ids[index] as number);
    });
  }
}

/** The engine's own event types; `emissionOf` says which of them a handler may emit. */
const RESERVED: ReadonlyMap<string, number> = new Map([
  ["blazen::StartEvent", native.START_EVENT],
  ["blazen::StopEvent", native.STOP_EVENT],
  ["blazen::InputRequestEvent", native.INPUT_REQUEST_EVENT],
  ["blazen::InputResponseEvent", native.INPUT_RESPONSE_EVENT],
]);
