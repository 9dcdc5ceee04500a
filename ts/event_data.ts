// Events that are on their way as data, so that whoever receives one gets what a store would give.

import { isEvent } from "./emission.js";
import { eventText } from "./event_text.js";
import { copyAgain, plainCopy } from "./plain_copy.js";

/** A copy of which nobody else has a part, or a JSON text. */
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
