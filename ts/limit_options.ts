// How many handlers of a step may be at work at a time in all runs of a workflow, as users say it.

import { types } from "node:util";
import { checkCount, checkFunction, readOptions, refuse } from "./arguments.js";
import { toldElsewhere } from "./told_elsewhere.js";
import type { AnyEvent } from "./types.js";

/** How many handlers of a step may be at work at a time, in all runs that one `Workflow` has in this process. */
export interface LimitOptions<Event = AnyEvent> {
  /** How many at a time, for each key. */
  concurrency: number;
  /**
   * Which events share a limit: those for which this gives the same string, such as a tenant, a model or a host. All events
   * of the step share one unless given. Must not be asynchronous. It is called for each attempt; if it throws, or gives
   * anything but a string, the attempt has failed.
   */
  key?: (event: Event) => string;
}

/** The options, checked. */
export interface LimitPolicy {
  readonly concurrency: number;
  readonly key: KeyOfEvent | undefined;
}

/** @throws InvalidArgumentError, and whatever a function of the user's throws */
export type KeyOfEvent = (event: object) => string;

/**
 * @param what whose options they are
 * @throws InvalidArgumentError
 */
export function readLimitOptions(options: unknown, what: string): LimitPolicy {
  const { concurrency, key } = readOptions(options as LimitOptions, what, ["concurrency", "key"]);
  checkCount(concurrency, `concurrency in ${what}`, "of handlers");
  if (key === undefined) return { concurrency, key };
  checkFunction(key, `key in ${what}`);
  return { concurrency, key: (event) => checkKey(key(event as AnyEvent), `what key in ${what} gives`) };
}

function checkKey(key: unknown, what: string): string {
  if (typeof key === "string") return key;
  // Nobody waits for it, and its rejection is not the news.
  if (types.isPromise(key)) toldElsewhere(Promise.resolve(key));
  return refuse(what, "a string, given at once", key);
}
