// The input of a run as the event that begins it.

import { reading } from "./arguments.js";
import type { Definition } from "./definition.js";
import { InvalidArgumentError } from "./errors.js";
import { isPlainObject } from "./json.js";

const TYPE = "blazen::StartEvent";

/** @throws InvalidArgumentError if the input cannot be one */
export function startEvent(input: unknown): object {
  return reading("the input", () => {
    if (input === undefined) return { type: TYPE };
    if (!isPlainObject(input)) return { type: TYPE, data: input };
    const { type } = input;
    if (type === undefined || type === TYPE) return { ...input, type: TYPE };
    throw new InvalidArgumentError(
      `the input has a field "type", which its start event needs for itself; put the input into a field: { input: ... }`,
    );
  });
}

/** @throws SchemaError if the start event has a schema, and that does not take it */
export function checkedStartEvent(event: object, { schemas }: Definition): object {
  return schemas?.applied(event, TYPE, "the run was given") ?? event;
}
