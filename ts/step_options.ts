// What may be said of a step beside its name, what it accepts and its handler.
//
// An option is a field of `StepOptions`, which users write, a field of `StepSettings`, which the rest of this package
// reads, and a line in `readStepOptions`, where it is checked once.

import { readNames, readOptions } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import type { AnyEvents, EmittableType } from "./types.js";

/** What else is known of a step; everything may be left out. */
export interface StepOptions<Events = AnyEvents> {
  /**
   * The types of the events that the handler may return or send, for `workflow.graph()` and `workflow.toMermaid()`; `[]`
   * says that it emits nothing. A handler may emit others all the same: they appear in the graph as observed.
   */
  emits?: readonly EmittableType<Events>[];
}

/** The options of a step, checked. */
export interface StepSettings {
  /** The types that it says it emits; undefined if it does not say. */
  readonly emits: readonly string[] | undefined;
}

/**
 * @param step the name of the step, in quotes
 * @throws InvalidArgumentError
 */
export function readStepOptions(options: object, step: string): StepSettings {
  const { emits } = readOptions(options as StepOptions, `the options of step ${step}`, ["emits"]);
  return {
    emits: emits === undefined ? undefined : readEmits(emits, step),
  };
}

const EMITTABLE = ["blazen::StopEvent", "blazen::InputRequestEvent"];

function readEmits(emits: unknown, step: string): string[] {
  const types = readNames(emits, `"emits" of step ${step}`, `an event type in "emits" of step ${step}`);
  types.forEach((type, index) => {
    const problem = problemWith(type) ?? (types.indexOf(type) < index ? "is in it twice" : undefined);
    if (problem !== undefined)
      throw new InvalidArgumentError(`"emits" of step ${step}: ${JSON.stringify(type)} ${problem}`);
  });
  return types;
}

function problemWith(type: string): string | undefined {
  if (type === "") return "is no event type: it is empty";
  if (!type.startsWith("blazen::") || EMITTABLE.includes(type)) return undefined;
  const list = EMITTABLE.map((emittable) => JSON.stringify(emittable)).join(" and ");
  return `cannot be emitted: names that begin with "blazen::" are the engine's own, and of those a step may emit ${list}`;
}
