// A workflow in one expression.

import { InvalidArgumentError } from "./errors.js";
import type { SessionPausePolicy } from "./pause_policy.js";
import { INTERNAL, publicClass } from "./public_class.js";
import type { StepOptions } from "./step_options.js";
import type { SubworkflowOptions } from "./subworkflow_step.js";
import type { Acceptable, AnyEvents, AnyState, EventMap, EventOf, RunData, StepHandler } from "./types.js";
import type { Workflow } from "./workflow.js";

/** Builds a workflow step by step; made by `Workflow.builder(name)`. */
export class WorkflowBuilder<
  Events extends EventMap<Events> = AnyEvents,
  State extends object = AnyState,
  Emitted extends EventMap<Emitted> = Events,
> {
  readonly #workflow: Workflow<Events, State, Emitted>;
  #built = false;

  /** @internal */
  constructor(by: typeof INTERNAL, workflow: Workflow<Events, State, Emitted>) {
    if (by !== INTERNAL) throw new InvalidArgumentError("a WorkflowBuilder is made by Workflow.builder(name)");
    this.#workflow = workflow;
  }

  /** As `Workflow.addStep`. */
  addStep<const Types extends readonly Acceptable<Events>[]>(
    name: string,
    eventTypes: Types,
    handler: StepHandler<Events, State, Types[number], Emitted>,
    options: StepOptions<Events, State, Types[number], Emitted> = {},
  ): this {
    this.#open().addStep(name, eventTypes, handler, options);
    return this;
  }

  /** As `Workflow.addSubworkflowStep`. */
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
    this.#open().addSubworkflowStep(name, eventTypes, child, options);
    return this;
  }

  /** As `Workflow.setTimeout`: in seconds. */
  timeout(seconds: number): this {
    this.#open().setTimeout(seconds);
    return this;
  }

  /** As `Workflow.setSessionPausePolicy`. */
  sessionPausePolicy(policy: SessionPausePolicy): this {
    this.#open().setSessionPausePolicy(policy);
    return this;
  }

  /** The workflow. The builder is used up. */
  build(): Workflow<Events, State, Emitted> {
    const workflow = this.#open();
    this.#built = true;
    return workflow;
  }

  #open(): Workflow<Events, State, Emitted> {
    if (this.#built) throw new InvalidArgumentError("build() has been called; change the workflow that it gave");
    return this.#workflow;
  }

  static {
    publicClass(WorkflowBuilder, { isOurs: (value) => #workflow in value, rejects: false });
  }
}
