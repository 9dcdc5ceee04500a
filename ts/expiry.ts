// Until when something from outside is waited for, and what goes out then.

import { checkName, refuse } from "./arguments.js";
import type { Definition } from "./definition.js";
import { InvalidArgumentError } from "./errors.js";
import { LONGEST_WAIT_MS } from "./retry_options.js";

/** Until when something from outside is waited for; for ever unless given. */
export interface ExpiryOptions<ExpiryType extends string = string> {
  /**
   * How long to wait, in milliseconds. It is a durable timer: in a stored run, time that passes while no process is there
   * counts.
   */
  expiresMs?: number;
  /**
   * The type of an event of yours that goes out when the time is up: `{ type, expected }` with the type of the event that
   * was expected, or `{ type, request }` with the input request. The run fails with `ERR_BLAZEN_EXPIRED` unless given.
   */
  onExpire?: ExpiryType;
}

/** The same, checked. */
export interface Expiry {
  readonly expiresMs: number;
  readonly onExpire: string | undefined;
}

/**
 * @param what names whose options these are
 * @throws InvalidArgumentError
 */
export function readExpiry(
  { expiresMs, onExpire }: ExpiryOptions,
  what: string,
  definition: Definition,
): Expiry | undefined {
  if (expiresMs === undefined) {
    if (onExpire === undefined) return undefined;
    throw new InvalidArgumentError(`${what} has "onExpire" without "expiresMs", which says when that is`);
  }
  if (typeof expiresMs !== "number" || !(expiresMs > 0 && expiresMs <= LONGEST_WAIT_MS)) {
    refuse(`"expiresMs" of ${what}`, "a number of milliseconds, more than 0", expiresMs);
  }
  if (onExpire !== undefined) checkExpiryType(onExpire, `"onExpire" of ${what}`, definition);
  return { expiresMs, onExpire };
}

function checkExpiryType(type: unknown, what: string, definition: Definition): asserts type is string {
  checkName(type, what);
  if (type === "" || type.startsWith("blazen::")) refuse(what, "the type of an event of yours", type);
  if (definition.eventTypes.has(type)) return;
  throw new InvalidArgumentError(`${what} is ${JSON.stringify(type)}, which no step of the workflow accepts`);
}
