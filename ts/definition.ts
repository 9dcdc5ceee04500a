// The JavaScript side of a workflow's steps: handlers by number, and the numbers of event types.

import type { EventSchemas } from "./event_schemas.js";
import { native } from "./native.js";
import { ObservedEmissions } from "./observed_emissions.js";
import { StepLimiter } from "./step_limits.js";
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
  /** The slots that its runs share, if it has a limit; copies of the definition go on with them. */
  readonly limiter: StepLimiter | undefined;
  /** What its handler has emitted in this process; copies of the definition go on with it. */
  readonly observed: ObservedEmissions;
}

type DefinitionParts = Pick<Definition, "workflow" | "schemas"> & {
  readonly steps: readonly Step[];
  readonly eventTypes: ReadonlyMap<string, number>;
};

/** The steps of a workflow. Not changed once a run has begun with it: a step added later goes into a copy. */
export class Definition {
  /** The name of the workflow. */
  readonly workflow: string;
  readonly steps: Step[];
  readonly eventTypes: Map<string, number>;
  /** Those of which nothing but the number need be known to emit an event. */
  readonly plainTypes: Map<string, number>;
  /** What events must be, where that is said. */
  readonly schemas: EventSchemas | undefined;
  /** Whether a step has a compensation. */
  canUndo: boolean;

  private constructor({ workflow, steps, eventTypes, schemas }: DefinitionParts) {
    this.workflow = workflow;
    this.steps = [...steps];
    this.canUndo = steps.some(({ compensate }) => compensate !== undefined);
    this.schemas = schemas;
    this.eventTypes = new Map(eventTypes);
    this.plainTypes = new Map([...eventTypes].filter(([eventType]) => this.#isPlain(eventType)));
  }

  static empty(workflow: string, schemas: EventSchemas | undefined): Definition {
    return new Definition({ workflow, steps: [], eventTypes: RESERVED, schemas });
  }

  copy(): Definition {
    return new Definition(this);
  }

  /** @param ids the numbers of the event types that it accepts */
  add(step: NewStep, ids: readonly number[]): void {
    const limiter = step.limit && new StepLimiter(step.limit);
    this.steps.push({ ...step, limiter, observed: new ObservedEmissions() });
    this.canUndo ||= step.compensate !== undefined;
    step.accepts.forEach((eventType, index) => {
      this.eventTypes.set(eventType, ids[index] as number);
      if (this.#isPlain(eventType)) this.plainTypes.set(eventType, ids[index] as number);
    });
  }

  #isPlain(eventType: string): boolean {
    return !NEVER_PLAIN.has(eventType) && this.schemas?.has(eventType) !== true;
  }
}

/** The engine's own event types; `emissionOf` says which of them a handler may emit. */
const RESERVED: ReadonlyMap<string, number> = new Map([
  ["blazen::StartEvent", native.START_EVENT],
  ["blazen::StopEvent", native.STOP_EVENT],
  ["blazen::InputRequestEvent", native.INPUT_REQUEST_EVENT],
  ["blazen::InputResponseEvent", native.INPUT_RESPONSE_EVENT],
]);

/** Requests have an id beside their type; the others only the engine emits. */
const NEVER_PLAIN: ReadonlySet<string> = new Set([
  "blazen::StartEvent",
  "blazen::InputRequestEvent",
  "blazen::InputResponseEvent",
]);
