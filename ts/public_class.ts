// What makes a class fit to be seen by users.

import { InvalidArgumentError } from "./errors.js";

type AnyClass = abstract new (...args: never) => object;
type Method = (this: object, ...args: unknown[]) => unknown;

/** Given to constructors that only this package may call. */
export const INTERNAL: unique symbol = Symbol("blazen.internal");

const AsyncFunction = (async () => {}).constructor;

interface PublicClass {
  /** Whether a value was made by the class. Must not ask the value, which may be a Proxy. */
  readonly isOurs: (value: object) => boolean;
  /** Whether every method gives a promise, so that misuse is a rejection. */
  readonly rejects: boolean;
  /** Those of them that give something else at once, so that misuse is thrown. */
  readonly except?: readonly PropertyKey[];
  /** The native class that instances stand on. */
  readonly native?: AnyClass;
}

/**
 * Finishes a class: a method that has lost its object says so, instead of something about private members, and
 * instances are instances of the native class as well, without a native object for each. That object is made once
 * per run or workflow and held by the light ones; the prototype chain is what `extends` would give.
 */
export function publicClass(light: AnyClass, { isOurs, rejects, except = [], native }: PublicClass): void {
  const prototype = light.prototype as object;
  for (const name of Reflect.ownKeys(prototype)) {
    if (name === "constructor") continue;
    const property = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
    const lost = () => new InvalidArgumentError(lostObject(light.name, String(name)));
    const isRejected = rejects && !except.includes(name);
    if (property.get === undefined) property.value = guard(property.value, isOurs, lost, isRejected);
    else property.get = guard(property.get as Method, isOurs, lost, false) as () => unknown;
    Object.defineProperty(prototype, name, property);
  }
  if (native !== undefined) standOn(light, native);
}

function guard(method: Method, isOurs: (value: object) => boolean, lost: () => Error, rejects: boolean): Method {
  const gives = rejects || method instanceof AsyncFunction;
  function guarded(this: object, ...args: unknown[]): unknown {
    if (typeof this === "object" && this !== null && isOurs(this)) return method.apply(this, args);
    if (gives) return Promise.reject(lost());
    throw lost();
  }
  Object.defineProperty(guarded, "name", { value: method.name });
  Object.defineProperty(guarded, "length", { value: method.length });
  return guarded;
}

function lostObject(className: string, name: string): string {
  return `${className}.${name} was called without the ${className} that it belongs to; do not take it off its object`;
}

function standOn(light: AnyClass, native: AnyClass): void {
  for (const name of Object.getOwnPropertyNames(native.prototype)) {
    // What the native object offers is for this package.
    if (!Object.hasOwn(light.prototype, name)) Object.defineProperty(light.prototype, name, { value: undefined });
  }
  Object.setPrototypeOf(light, native);
  Object.setPrototypeOf(light.prototype, native.prototype);
}
