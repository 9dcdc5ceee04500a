// What a handler returned or sent, checked: an event, under the number of its type.

import type { Definition, Step } from "./definition.js";
import { kindOf, summary } from "./describe.js";
import { InvalidEventError } from "./errors.js";
import { type Expiry, type ExpiryOptions, readExpiry } from "./expiry.js";
import { native } from "./native.js";

const { INPUT_REQUEST_EVENT, INPUT_RESPONSE_EVENT, START_EVENT, UNKNOWN_EVENT } = native;

/** An event on its way to the engine. */
export interface Emission {
  readonly event: object;
  /** The number of its type. */
  readonly eventType: number;
  /** What the number does not say: the id of an input request, or the name of a type that no step accepts. */
  readonly name: string | undefined;
  /** Until when an input request may be answered, if that is limited. */
  readonly expiry?: Expiry | undefined;
}

/**
 * The number of an event's type, if that says all of it.
 *
 * @returns undefined for anything else; `emissionOf` says what it is
 */
export function plainEventType(value: unknown, definition: Definition): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return definition.plainTypes.get((value as { type: string }).type);
}

/**
 * An event as the engine takes it.
 *
 * @param source begins the message of an error: who gave the value
 * @throws InvalidEventError if it is no event, or one that only the engine emits; SchemaError
 */
export function emissionOf(value: unknown, definition: Definition, source: string): Emission {
  const { event: given, type } = checkEvent(value, source);
  const eventType = definition.eventTypes.get(type) ?? UNKNOWN_EVENT;
  const event = isOfEngine(eventType) ? given : (definition.schemas?.applied(given, type, source) ?? given);
  switch (eventType) {
    case UNKNOWN_EVENT:
      return { event, eventType, name: type };
    case INPUT_REQUEST_EVENT:
      return inputRequest(event, source, definition);
    case START_EVENT:
    case INPUT_RESPONSE_EVENT:
      throw new InvalidEventError(`${source} a ${JSON.stringify(type)}, which only the engine emits`);
    default:
      return { event, eventType, name: undefined };
  }
}

/** Remembers that `step` has emitted it. */
export function observe(step: Step, { eventType, name }: Emission): void {
  if (eventType === UNKNOWN_EVENT) step.observed.addUnrouted(name as string);
  else step.observed.add(eventType);
}

/**
 * @returns the event and its type, which is read once
 * @throws InvalidEventError if the value is no event
 */
export function checkEvent(value: unknown, source: string): { event: object; type: string } {
  if (!reading(source, () => isObject(value))) {
    throw new InvalidEventError(
      `${source} ${describe(value)}, which is no event: an event is an object with a type, such as { type: "Charged" }`,
    );
  }
  const type = reading(source, () => (value as { type?: unknown }).type);
  if (isName(type)) return { event: value as object, type };
  throw new InvalidEventError(`${source} an event whose type is ${summary(type)}; it must be a non-empty string`);
}

/** Whether a value that was read from JSON is an event. */
export function isEvent(value: unknown): value is { type: string } {
  return isObject(value) && isName((value as { type?: unknown }).type);
}

function inputRequest(event: object, source: string, definition: Definition): Emission {
  const expiry = expiryOf(event, source, definition);
  const name = reading(source, () => (event as { request_id?: unknown }).request_id);
  if (name === undefined) {
    const made = crypto.randomUUID();
    const request = reading(source, () => ({ ...event, type: "blazen::InputRequestEvent", request_id: made }));
    return { event: request, eventType: INPUT_REQUEST_EVENT, name: made, expiry };
  }
  if (isName(name)) return { event, eventType: INPUT_REQUEST_EVENT, name, expiry };
  throw new InvalidEventError(
    `${source} an input request whose request_id is ${summary(name)}; it must be a non-empty string`,
  );
}

function expiryOf(event: object, source: string, definition: Definition): Expiry | undefined {
  const options = reading(source, () => {
    const { expiresMs, onExpire } = event as ExpiryOptions;
    return { expiresMs, onExpire } as ExpiryOptions;
  });
  try {
    return readExpiry(options, "it", definition);
  } catch (refusal) {
    const why = (refusal as Error).message;
    throw new InvalidEventError(`${source} an input request that cannot expire so: ${why}`, { cause: refusal });
  }
}

/** What is read of an event, which may have getters that throw. */
function reading<Part>(source: string, read: () => Part): Part {
  try {
    return read();
  } catch (error) {
    throw new InvalidEventError(`${source} an event that cannot be read: ${summary(error)}`, { cause: error });
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a type or the id of a request may be. */
function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isOfEngine(eventType: number): boolean {
  return eventType === START_EVENT || eventType === INPUT_RESPONSE_EVENT;
}

function describe(value: unknown): string {
  if (value === undefined) return "a hole or undefined";
  return typeof value === "object" && value !== null ? `an object (${kindOf(value)})` : summary(value);
}
