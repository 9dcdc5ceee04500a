// What a handler returned or sent, checked: an event, under the number of its type.

import { randomUUID } from "node:crypto";
import type { Definition } from "./definition.js";
import { InvalidEventError, kindOf, summary } from "./errors.js";
import { native } from "./native.js";

const { INPUT_REQUEST_EVENT, INPUT_RESPONSE_EVENT, START_EVENT, UNKNOWN_EVENT } = native;

/** An event on its way to the engine. */
export interface Emission {
  readonly event: object;
  /** The number of its type. */
  readonly eventType: number;
  /** What the number does not say: the id of an input request, or the name of a type that no step accepts. */
  readonly name: string | undefined;
}

/**
 * The number of an event's type, if that says all of it.
 *
 * @returns undefined for anything else; `emissionOf` says what it is
 */
export function plainEventType(value: unknown, definition: Definition): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const eventType = definition.eventTypes.get((value as { type: string }).type);
  return eventType !== undefined && isPlain(eventType) ? eventType : undefined;
}

/**
 * An event as the engine takes it.
 *
 * @param source begins the message of an error: who gave the value
 * @throws InvalidEventError if it is no event, or one that only the engine emits
 */
export function emissionOf(value: unknown, definition: Definition, source: string): Emission {
  checkEvent(value, source);
  const eventType = definition.eventTypes.get(value.type) ?? UNKNOWN_EVENT;
  switch (eventType) {
    case UNKNOWN_EVENT:
      return { event: value, eventType, name: value.type };
    case INPUT_REQUEST_EVENT:
      return inputRequest(value, source);
    case START_EVENT:
    case INPUT_RESPONSE_EVENT:
      throw new InvalidEventError(`${source} a ${JSON.stringify(value.type)}, which only the engine emits`);
    default:
      return { event: value, eventType, name: undefined };
  }
}

/** @throws InvalidEventError if the value is no event */
export function checkEvent(value: unknown, source: string): asserts value is { type: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidEventError(
      `${source} ${describe(value)}, which is no event: an event is an object with a type, such as { type: "Charged" }`,
    );
  }
  const { type } = value as { type?: unknown };
  if (typeof type !== "string" || type === "") {
    throw new InvalidEventError(`${source} an event whose type is ${summary(type)}; it must be a non-empty string`);
  }
}

function inputRequest(event: { type: string }, source: string): Emission {
  const { request_id: id } = event as { request_id?: unknown };
  if (id === undefined) {
    const name = randomUUID();
    return { event: { ...event, request_id: name }, eventType: INPUT_REQUEST_EVENT, name };
  }
  if (typeof id !== "string" || id === "") {
    throw new InvalidEventError(
      `${source} an input request whose request_id is ${summary(id)}; it must be a non-empty string`,
    );
  }
  return { event, eventType: INPUT_REQUEST_EVENT, name: id };
}

function isPlain(eventType: number): boolean {
  return eventType !== START_EVENT && eventType !== INPUT_REQUEST_EVENT && eventType !== INPUT_RESPONSE_EVENT;
}

function describe(value: unknown): string {
  if (value === undefined) return "a hole or undefined";
  return typeof value === "object" && value !== null ? `an object (${kindOf(value)})` : summary(value);
}
