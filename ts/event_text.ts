// Events and results as JSON text, for whoever cannot hold a reference: a snapshot, a store.

import { checkEvent, isEvent } from "./emission.js";
import { SerializationError } from "./errors.js";
import { toJson } from "./json.js";
import { copyAgain, plainCopy } from "./plain_copy.js";

/**
 * An event that is on its way as data, so that whoever receives it gets what a store would give: a copy of which nobody
 * else has a part, or its text.
 */
export type EventData = object | string;

/** @throws SerializationError if JSON would lose something of it */
export function eventData(event: object): EventData {
  const copy = plainCopy(event);
  return isEvent(copy) ? copy : eventText(event);
}

export function textOfData(data: EventData): string {
  return typeof data === "string" ? data : JSON.stringify(data);
}

/** The event, for one who receives it. */
export function eventOfData(data: EventData): object {
  return typeof data === "string" ? JSON.parse(data) : copyAgain(data);
}

/**
 * The text of an event, which is read as an event again.
 *
 * @throws SerializationError if JSON would lose something of it
 */
export function eventText(event: object): string {
  const { type } = checkEvent(event, "a step was to be given");
  const subject = () => `the event ${JSON.stringify(type)}`;
  const json = toJson(event, subject);
  if ((event as { toJSON?: unknown }).toJSON === undefined || isEvent(JSON.parse(json))) return json;
  throw new SerializationError(`${subject()} has a toJSON that does not give an event`, "");
}

/**
 * The text of what a stop event carries as `result`; empty if there is none.
 *
 * @throws SerializationError if JSON would lose something of it
 */
export function resultText(stop: object): string {
  const { result } = stop as { result?: unknown };
  return result === undefined ? "" : toJson(result, () => "the result of the run");
}
