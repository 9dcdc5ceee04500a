// Checks of arguments, with one way of saying what was found and what is taken.

import { InvalidArgumentError, summary } from "./errors.js";

/** @throws InvalidArgumentError */
export function refuse(what: string, expected: string, found: unknown): never {
  throw new InvalidArgumentError(`${what} must be ${expected}, and is ${summary(found)}`);
}

export function checkFunction(value: unknown, what: string): void {
  if (typeof value !== "function") refuse(what, "a function", value);
}

export function checkString(value: unknown, what: string): asserts value is string {
  if (typeof value !== "string") refuse(what, "a string", value);
}

/** A name crosses the boundary as Unicode and is shown to people, so it must be Unicode. */
export function checkName(value: unknown, what: string): asserts value is string {
  checkString(value, what);
  if (!value.isWellFormed()) refuse(what, "a string without half surrogate pairs", JSON.stringify(value));
}

/** A number of seconds or milliseconds. */
export function checkDuration(value: unknown, what: string, unit: "seconds" | "milliseconds"): asserts value is number {
  if (typeof value !== "number" || Number.isNaN(value)) refuse(what, `a number of ${unit}`, value);
}

/** Options are an object, and none of them goes unheard for a typing error. */
export function checkOptions(value: unknown, what: string, known: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(what, "an object", value);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const list = known.map((option) => JSON.stringify(option)).join(", ");
    throw new InvalidArgumentError(`${what} has an unknown option ${JSON.stringify(name)}; known are: ${list}`);
  }
}
