// Values as JSON text, with nothing lost in silence.
//
// What JSON would drop or change without a word is refused with the path to it. Most values are plain, which one
// quick walk finds out; whatever is not goes the careful way, which knows where in the value it is.

import { types } from "node:util";
import { kindOf, summary } from "./describe.js";
import { isBlazenError, SerializationError } from "./errors.js";
import { native } from "./native.js";

/** How deep a state value, an event or a result may be nested. */
const MAX_DEPTH: number = native.MAX_DEPTH;

/** How many values one value may hold, itself included: more would not fit into a string either. */
const MOST_PARTS = 100_000_000;
const NOT_PLAIN = -1;

/** Says what a value is, if there is something to say about it. */
type Subject = () => string;

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
    const left = walk(value, maxDepth, MOST_PARTS);
    if (left > 0) return JSON.stringify(value);
    if (left === NOT_PLAIN) return toJsonCarefully(value, subject, maxDepth);
    throw tooLarge(subject);
  } catch (error) {
    if (isBlazenError(error)) throw error;
    const path = whereItThrows(value, "", new Set()) ?? "";
    throw new SerializationError(`${subject()}: ${place(path)} cannot be read: ${summary(error)}`, path, {
      cause: error,
    });
  }
}

/** As `toJson`, for values that are kept where a lone surrogate cannot be. */
export function toWellFormedJson(value: unknown, subject: Subject, maxDepth: number): string {
  const json = toJson(value, subject, maxDepth);
  if (json.includes("\\ud")) refuseLoneSurrogates(JSON.parse(json), subject, "");
  return json;
}

/**
 * Walks through a value without remembering where it is, to see whether JSON keeps all of it.
 *
 * @param left how many parts may be looked at
 * @returns how many may still be; `NOT_PLAIN` if JSON may lose something, 0 if there are more parts
 */
function walk(value: unknown, depthLeft: number, left: number): number {
  switch (typeof value) {
    case "string":
    case "boolean":
      return left - 1;
    case "number":
      return Number.isFinite(value) ? left - 1 : NOT_PLAIN;
    case "object":
      return value === null ? left - 1 : walkObject(value, depthLeft - 1, left - 1);
    default:
      return NOT_PLAIN;
  }
}

function walkObject(value: object, depthLeft: number, parts: number): number {
  if (depthLeft < 0) return NOT_PLAIN;
  const prototype: unknown = Object.getPrototypeOf(value);
  let left = parts;
  if (prototype === Array.prototype) {
    // By index: a hole is a part as well, and `for ... of` costs more.
    const items = value as readonly unknown[] & { toJSON?: unknown };
    if (items.toJSON !== undefined) return NOT_PLAIN;
    for (let index = 0; index < items.length && left > 0; index += 1) left = walk(items[index], depthLeft, left);
    return left;
  }
  if (prototype !== Object.prototype && prototype !== null) return NOT_PLAIN;
  const fields = value as Record<string, unknown>;
  if (fields["toJSON"] !== undefined) return NOT_PLAIN;
  for (const name in fields) {
    const field = fields[name];
    if (field !== undefined) left = walk(field, depthLeft, left);
    if (left <= 0) return left;
  }
  return left;
}

function toJsonCarefully(value: unknown, subject: Subject, maxDepth: number): string {
  // The objects from the top down to the one being written, and the name of each within the one before.
  const within: unknown[] = [];
  const names: string[] = [];

  const refuse = (name: string, problem: string): never => {
    const path = [...names.slice(1), ...(within.length === 0 ? [] : [name])].join("");
    throw new SerializationError(`${subject()}: ${place(path)} ${problem}`, path);
  };

  let left = MOST_PARTS;

  const json = JSON.stringify(value, function (this: unknown, key: string, converted: unknown) {
    left -= 1;
    if (left < 0) throw tooLarge(subject);
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
      return converted === null ? undefined : problemOfObject(converted);
    default:
      return undefined;
  }
}

function problemOfObject(value: object): string | undefined {
  if (types.isNumberObject(value)) {
    return Number.isFinite(Number(value)) ? undefined : `is ${value}, which JSON would turn into null`;
  }
  const hasOwnWay = Array.isArray(value) || isPlainObject(value) || types.isBoxedPrimitive(value);
  if (isContainer(value) || (!hasOwnWay && Object.keys(value).length === 0)) {
    return `is a ${kindOf(value)}, of which JSON would keep nothing`;
  }
  return undefined;
}

/** What holds its content where JSON does not look, whatever fields it may have beside. */
function isContainer(value: object): boolean {
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isBigIntObject(value) ||
    types.isSymbolObject(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value)
  );
}

/** Made by a literal or without a prototype, in this realm or another. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refuseLoneSurrogates(value: unknown, subject: Subject, path: string): void {
  if (typeof value === "string") {
    if (value.isWellFormed()) return;
    throw new SerializationError(
      `${subject()}: ${place(path)} has half a surrogate pair, which a session cannot hold`,
      path,
    );
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    const name = path + (Array.isArray(value) ? `[${key}]` : segment(key));
    refuseLoneSurrogates(key, subject, name);
    refuseLoneSurrogates(field, subject, name);
  }
}

/** The path to what throws when it is read: a getter, a toJSON, a Proxy. */
function whereItThrows(value: unknown, path: string, seen: Set<unknown>): string | undefined {
  if (typeof value !== "object" || value === null || seen.has(value)) return undefined;
  seen.add(value);
  let names: string[];
  try {
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return whereItThrows(toJSON.call(value, ""), path, seen);
    names = Object.keys(value);
  } catch {
    return path;
  }
  for (const name of names) {
    const within = path + (Array.isArray(value) ? `[${name}]` : segment(name));
    try {
      const found = whereItThrows((value as Record<string, unknown>)[name], within, seen);
      if (found !== undefined) return found;
    } catch {
      return within;
    }
  }
  return undefined;
}

function tooLarge(subject: Subject): SerializationError {
  return new SerializationError(`${subject()}: the value has more than ${MOST_PARTS} parts`, "");
}

function place(path: string): string {
  return path === "" ? "the value" : path;
}

/** A key as a part of a path: `.name` or `["first name"]`. */
export function segment(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
