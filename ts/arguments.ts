// Checks of arguments, with one way of saying what was found and what is taken.

import { summary } from "./describe.js";
import { InvalidArgumentError, isBlazenError } from "./errors.js";

/** @throws InvalidArgumentError */
export function refuse(what: string, expected: string, found: unknown): never {
  throw new InvalidArgumentError(`${what} must be ${expected}, and is ${summary(found)}`);
}

export function checkFunction<Fn>(value: Fn | undefined, what: string): asserts value is Fn {
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

/**
 * A list of names, as an array of our own.
 *
 * @param each what one of them is
 * @throws InvalidArgumentError
 */
export function readNames(values: unknown, what: string, each: string): string[] {
  return reading(what, () => {
    if (!Array.isArray(values)) refuse(what, "an array", values);
    const names: string[] = [];
    for (const name of values as readonly unknown[]) {
      checkName(name, each);
      names.push(name);
    }
    return names;
  });
}

export function checkFinite(value: unknown, what: string): asserts value is number {
  if (typeof value !== "number" || !Number.isFinite(value)) refuse(what, "a finite number", value);
}

const GREATEST_COUNT = 2 ** 32 - 1;

/** @param unit what is counted, such as `of attempts`; empty if `what` says it */
export function checkCount(value: unknown, what: string, unit = ""): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= GREATEST_COUNT) return;
  refuse(what, `a whole number${unit === "" ? "" : ` ${unit}`}, 1 or more`, value);
}

/** A number of seconds or milliseconds. */
export function checkDuration(value: unknown, what: string, unit: "seconds" | "milliseconds"): asserts value is number {
  if (typeof value !== "number" || Number.isNaN(value)) refuse(what, `a number of ${unit}`, value);
}

/**
 * The named options of an object: none of them goes unheard for a typing error.
 *
 * @throws InvalidArgumentError
 */
export function readOptions<Options extends object>(
  value: Options,
  what: string,
  known: readonly (keyof Options & string)[],
): Partial<Options> {
  return reading(what, () => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(what, "an object", value);
    for (const name of Object.keys(value)) {
      if ((known as readonly string[]).includes(name)) continue;
      const list = known.map((option) => JSON.stringify(option)).join(", ");
      throw new InvalidArgumentError(`${what}: there is no ${JSON.stringify(name)}; there are ${list}`);
    }
    const options: Partial<Options> = {};
    for (const name of known) options[name] = value[name];
    return options;
  });
}

/** What is read of an argument, which may have getters that throw. */
export function reading<Part>(what: string, read: () => Part): Part {
  try {
    return read();
  } catch (error) {
    if (isBlazenError(error)) throw error;
    throw new InvalidArgumentError(`${what} cannot be read: ${summary(error)}`, { cause: error });
  }
}
