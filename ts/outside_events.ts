// Events that come to a run from outside, and those that it expects.

import { checkName, readOptions, refuse } from "./arguments.js";
import type { Definition } from "./definition.js";
import type { Emission } from "./emission.js";
import { InvalidArgumentError, InvalidEventError } from "./errors.js";
import { native } from "./native.js";

/** How an event is sent to a run. */
export interface IncomingOptions {
  /**
   * What becomes of an event that the run does not expect: `"keep"` it until the run does, with `ctx.expectEvent` (the
   * default), or `"deliver"` it to the steps that accept it at once.
   */
  unexpected?: "keep" | "deliver";
}

/** As many types help somebody who has mistyped one. */
const MOST_NAMED = 10;

/**
 * @returns whether an event that is not expected is delivered at once
 * @throws InvalidArgumentError
 */
export function readIncomingOptions(options: IncomingOptions): boolean {
  const { unexpected } = readOptions(options, "the options of sendEvent()", ["unexpected"]);
  if (unexpected === undefined || unexpected === "keep") return false;
  if (unexpected !== "deliver") refuse('"unexpected" of the options of sendEvent()', '"keep" or "deliver"', unexpected);
  return true;
}

/** @throws InvalidEventError unless the event is one for steps, and a step accepts it */
export function checkIncoming({ eventType, name, event }: Emission, definition: Definition): void {
  if (eventType === native.STOP_EVENT || eventType === native.INPUT_REQUEST_EVENT) {
    const { type } = event as { type: string };
    throw new InvalidEventError(`sendEvent() was given a ${JSON.stringify(type)}, which only a handler may emit`);
  }
  if (eventType !== native.UNKNOWN_EVENT) return;
  throw new InvalidEventError(`sendEvent() was given the event ${notAccepted(name as string, definition)}`);
}

/**
 * The number of the type of an event that a handler expects.
 *
 * @throws InvalidArgumentError unless a step accepts it
 */
export function typeOfExpected(type: unknown, definition: Definition): number {
  checkName(type, "the type of the expected event");
  const eventType = definition.eventTypes.get(type);
  if (type === "" || type.startsWith("blazen::")) {
    refuse("the type of the expected event", "the type of an event of yours", type);
  }
  if (eventType !== undefined) return eventType;
  throw new InvalidArgumentError(`expectEvent() was given the type ${notAccepted(type, definition)}`);
}

function notAccepted(type: string, definition: Definition): string {
  const accepted = [...definition.eventTypes.keys()].filter((known) => !known.startsWith("blazen::"));
  const named = accepted.slice(0, MOST_NAMED).map((known) => JSON.stringify(known));
  const more = accepted.length > MOST_NAMED ? ", ..." : "";
  const hint = named.length === 0 ? "they accept none of yours" : `they accept ${named.join(", ")}${more}`;
  return `${JSON.stringify(type)}, which no step of workflow ${JSON.stringify(definition.workflow)} accepts; ${hint}`;
}
