// Values in the words of an error message, whatever they are: a Proxy that throws, a message that is no string.

import { types } from "node:util";

/** A value in a few words, whatever it is. */
export function summary(value: unknown): string {
  try {
    if (value instanceof Error || types.isNativeError(value)) return messageOf(value);
    if (typeof value === "string") return JSON.stringify(value.length > 120 ? `${value.slice(0, 120)}...` : value);
    if (typeof value === "object" && value !== null) return `an object (${kindOf(value)})`;
    if (typeof value === "function") return "a function";
    return String(value);
  } catch {
    return `something that cannot be shown (${typeof value})`;
  }
}

/** Anything may have been put where a message should be. */
function messageOf({ message, name }: { message: unknown; name: unknown }): string {
  return typeof message === "string" && message !== "" ? message : String(name);
}

/** The name of a value's class or type. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (Array.isArray(value)) return "Array";
  try {
    const name: unknown = value.constructor?.name;
    return typeof name === "string" && name !== "" ? name : "Object";
  } catch {
    return "Object";
  }
}
