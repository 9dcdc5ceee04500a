// Where a field of a BlazenState is kept, if not in the state of the run as JSON.

import { checkFunction, readOptions } from "./arguments.js";
import type { AnyContext } from "./context.js";
import { publicClass } from "./public_class.js";

// A field store serves fields of any type, in workflows of any types.
// biome-ignore lint/suspicious/noExplicitAny: the value is the field's
type FieldValue = any;

/**
 * Saves and loads the value of a field under a key. A key is unique within its run only: a store outside the run must
 * add `await ctx.runId()`, which stays the same when the run is resumed. What such a store keeps is in no snapshot. A
 * store must not save or load the state that it is called for.
 */
export interface FieldStore {
  /** Saves `value` under `key`; whatever was under that key may be overwritten. */
  save(key: string, value: FieldValue, ctx: AnyContext): Promise<void>;
  /** Gives what `save` was given under the same key. */
  load(key: string, ctx: AnyContext): Promise<FieldValue>;
}

/** The two functions of a `CallbackFieldStore`. */
export interface FieldCallbacks {
  saveFn: (key: string, value: FieldValue, ctx: AnyContext) => Promise<void>;
  loadFn: (key: string, ctx: AnyContext) => Promise<FieldValue>;
}

/** A field store made of two functions. */
export class CallbackFieldStore implements FieldStore {
  readonly #callbacks: FieldCallbacks;

  /** @throws InvalidArgumentError if one of the functions is missing */
  constructor(callbacks: FieldCallbacks) {
    const { saveFn, loadFn } = readOptions(callbacks, "a CallbackFieldStore", ["saveFn", "loadFn"]);
    checkFunction(saveFn, "saveFn");
    checkFunction(loadFn, "loadFn");
    this.#callbacks = { saveFn, loadFn };
  }

  async save(key: string, value: FieldValue, ctx: AnyContext): Promise<void> {
    await this.#callbacks.saveFn(key, value, ctx);
  }

  async load(key: string, ctx: AnyContext): Promise<FieldValue> {
    return this.#callbacks.loadFn(key, ctx);
  }

  static {
    publicClass(CallbackFieldStore, { isOurs: (value) => #callbacks in value, rejects: true });
  }
}
