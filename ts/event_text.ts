// Events and results as JSON text, for whoever cannot hold a reference: a snapshot, a store.

import { checkEvent, isEvent } from "./emission.js";
import { SerializationError } from "./errors.js";
import { toJson } from "./json.js";
import { plainCopy } from "./plain_copy.js";

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
 * The same, and, if the event is plain and small, a copy that says what the text says: for whoever receives it soon.
 *
 * @throws SerializationError if JSON would lose something of it
 */
export function textAndCopy(event: object): { text: string; copy: object | undefined } {
  const copy = plainCopy(event);
  // Getters are called once: the text is that of the copy.
  if (isEvent(copy)) return { text: JSON.stringify(copy), copy };
  return { text: eventText(event), copy: undefined };
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
