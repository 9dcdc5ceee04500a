// The JavaScript side of a workflow's steps: handlers by number, and the numbers of event types.

import { native } from "./native.js";

export type Handler = (event: object, ctx: object) => unknown;

export interface Step {
  readonly name: string;
  readonly handler: Handler;
}

/** The steps that a run began with. Never changed: a step added later makes another definition. */
export class Definition {
  readonly workflow: string;
  readonly steps: readonly Step[];
  readonly eventTypes: ReadonlyMap<string, number>;

  constructor(workflow: string, steps: readonly Step[], eventTypes: ReadonlyMap<string, number>) {
    this.workflow = workflow;
    this.steps = steps;
    this.eventTypes = eventTypes;
  }

  static empty(workflow: string): Definition {
    return new Definition(workflow, [], RESERVED);
  }

  withStep(step: Step, accepts: readonly string[], ids: readonly number[]): Definition {
    const eventTypes = new Map(this.eventTypes);
    accepts.forEach((eventType, index) => {
      eventTypes.set(eventType, ids[index] as number);
    });
    return new Definition(this.workflow, [...this.steps, step], eventTypes);
  }
}

/** What a handler may emit of the engine's own events, and what it may not, stands apart by the number. */
const RESERVED: ReadonlyMap<string, number> = new Map([
  ["blazen::StartEvent", native.START_EVENT],
  ["blazen::StopEvent", native.STOP_EVENT],
  ["blazen::InputRequestEvent", native.INPUT_REQUEST_EVENT],
  ["blazen::InputResponseEvent", native.INPUT_RESPONSE_EVENT],
]);
