// Values as JSON text, with nothing lost in silence.
//
// What JSON would drop or change without a word is refused with the path to it. Most values are plain, which one
// quick walk finds out; whatever is not goes the careful way, which knows where in the value it is.

import { types } from "node:util";
import { BlazenError, kindOf, SerializationError, summary } from "./errors.js";
import { native } from "./native.js";

/** How deep a state value, an event or a result may be nested. */
export const MAX_DEPTH: number = native.MAX_DEPTH;

/** Says what a value is, if there is something to say about it. */
export type Subject = () => string;

/** How deep a session value may be nested. */
export const MAX_SESSION_DEPTH = 127;

/**
 * The JSON text of a value.
 *
 * @param subject says what the value is, for the message of an error
 * @throws SerializationError if JSON would lose something
 */
export function toJson(value: unknown, subject: Subject, maxDepth: number = MAX_DEPTH): string {
  try {
    return isPlain(value, maxDepth) ? JSON.stringify(value) : toJsonCarefully(value, subject, maxDepth);
  } catch (error) {
    if (error instanceof BlazenError) throw error;
    throw new SerializationError(`${subject()} cannot be written as JSON: ${summary(error)}`, "", { cause: error });
  }
}

/** As `toJson`, for values that are kept where a lone surrogate cannot be. */
export function toWellFormedJson(value: unknown, subject: Subject, maxDepth: number): string {
  const json = toJson(value, subject, maxDepth);
  if (json.includes("\\ud")) refuseLoneSurrogates(JSON.parse(json), subject, "");
  return json;
}

/** Whether JSON keeps all of a value, by a walk that does not remember where it is. */
function isPlain(value: unknown, depthLeft: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      return value === null || isPlainObject(value, depthLeft - 1);
    default:
      return false;
  }
}

function isPlainObject(value: object, depthLeft: number): boolean {
  if (depthLeft < 0) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return arePlain(value as unknown[], depthLeft);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const fields = value as Record<string, unknown>;
  if (fields["toJSON"] !== undefined) return false;
  for (const name in fields) {
    const field = fields[name];
    if (field !== undefined && !isPlain(field, depthLeft)) return false;
  }
  return true;
}

/** Every item, holes included, which `every` would pass over. */
function arePlain(items: readonly unknown[], depthLeft: number): boolean {
  for (let index = 0; index < items.length; index += 1) {
    if (!isPlain(items[index], depthLeft)) return false;
  }
  return true;
}

function toJsonCarefully(value: unknown, subject: Subject, maxDepth: number): string {
  // The objects from the top down to the one being written, and the name of each within the one before.
  const within: unknown[] = [];
  const names: string[] = [];

  const refuse = (name: string, problem: string): never => {
    const path = [...names.slice(1), ...(within.length === 0 ? [] : [name])].join("");
    throw new SerializationError(`${subject()}: ${path === "" ? "the value" : path} ${problem}`, path);
  };

  const json = JSON.stringify(value, function (this: unknown, key: string, converted: unknown) {
    while (within.length > 0 && within.at(-1) !== this) {
      within.pop();
      names.pop();
    }
    const name = Array.isArray(this) ? `[${key}]` : segment(key);
    const original = (this as Record<string, unknown>)[key];
    const problem = problemOf(original, converted, within.length === 0 || Array.isArray(this));
    if (problem !== undefined) refuse(name, problem);
    if (typeof converted === "object" && converted !== null) {
      if (within.includes(converted)) refuse(name, "contains itself, and JSON cannot");
      if (within.length >= maxDepth) refuse(name, `is nested deeper than ${maxDepth} levels`);
      within.push(converted);
      names.push(name);
    }
    return converted;
  });
  return json;
}

/** Why JSON would lose a value, if it would. `mustBe` says whether leaving it out changes what is around it. */
function problemOf(original: unknown, converted: unknown, mustBe: boolean): string | undefined {
  if (ArrayBuffer.isView(original) || types.isAnyArrayBuffer(original)) {
    return `is bytes (${kindOf(original)}), which JSON cannot hold; keep them with setBytes`;
  }
  switch (typeof converted) {
    case "undefined":
      return mustBe ? "is undefined, which JSON cannot hold; use null" : undefined;
    case "function":
    case "symbol":
      return `is a ${typeof converted}, which JSON would leave out`;
    case "bigint":
      return "is a BigInt, which JSON cannot hold; write it as a string";
    case "number":
      return Number.isFinite(converted) ? undefined : `is ${converted}, which JSON would turn into null`;
    case "object":
      return converted !== null && isLossy(converted)
        ? `is a ${kindOf(converted)}, whose content JSON would lose`
        : undefined;
    default:
      return undefined;
  }
}

function isLossy(value: object): boolean {
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isPromise(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isBigIntObject(value) ||
    types.isSymbolObject(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value)
  );
}

function refuseLoneSurrogates(value: unknown, subject: Subject, path: string): void {
  if (typeof value === "string") {
    if (value.isWellFormed()) return;
    const where = path === "" ? "the value" : path;
    throw new SerializationError(`${subject()}: ${where} has half a surrogate pair, which a session cannot hold`, path);
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    const name = path + (Array.isArray(value) ? `[${key}]` : segment(key));
    refuseLoneSurrogates(key, subject, name);
    refuseLoneSurrogates(field, subject, name);
  }
}

function segment(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
