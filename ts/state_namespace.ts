// The saved values of a run, as one invocation reads and writes them.

import { types } from "node:util";
import { checkFunction, checkString, refuse } from "./arguments.js";
import { InvalidArgumentError, translated } from "./errors.js";
import { toJson } from "./json.js";
import { native } from "./native.js";
import { INTERNAL, publicClass } from "./public_class.js";
import type { Run } from "./run.js";
import type { AnyState, KeyOf, Settable, StateValue, UndeclaredKey, ValueOf } from "./types.js";

/** The JSON text that would stand at a key if every handler at work were cut short. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the state of the workflow
export let readCommittedJson: (state: StateNamespace<any>, key: string) => string | null;

/** Writes JSON text that is checked already. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the state of the workflow
export let writeJsonText: (state: StateNamespace<any>, key: string, json: string) => void;

/**
 * Values that are saved with the run. Each is copied when it is set and when it is got, so nothing that happens to
 * an object afterwards changes the state.
 */
export class StateNamespace<State = AnyState> {
  readonly #run: Run;
  readonly #invocation: number;

  /** @internal */
  constructor(by: typeof INTERNAL, run: Run, invocation: number) {
    if (by !== INTERNAL) throw new InvalidArgumentError("a StateNamespace is not made with new: use ctx.state");
    this.#run = run;
    this.#invocation = invocation;
  }

  /**
   * Sets a key to a JSON value.
   *
   * Rejects with `ERR_BLAZEN_NOT_SERIALIZABLE`, naming the place, if JSON would lose any of it: then the key keeps
   * what it had.
   */
  async set<Key extends KeyOf<State>>(key: Key, value: Settable<State, Key>): Promise<void> {
    this.#write(key, value);
  }

  /**
   * The value at a key: what JSON makes of what was set, or a `Buffer` if that was bytes.
   *
   * @param fallback given for a key that is not there; `null` unless given
   */
  get<Key extends KeyOf<State>>(key: Key): Promise<ValueOf<State, Key> | null>;
  get<Value = StateValue>(key: UndeclaredKey<State>): Promise<Value | null>;
  get<Key extends KeyOf<State>, Fallback>(key: Key, fallback: Fallback): Promise<ValueOf<State, Key> | Fallback>;
  async get(key: string, fallback: unknown = null): Promise<unknown> {
    const value = this.#read(key);
    return value === undefined ? fallback : value;
  }

  /** Sets a key to a copy of bytes. */
  async setBytes(key: KeyOf<State>, bytes: Uint8Array): Promise<void> {
    this.#writeBytes(key, bytes);
  }

  /** A copy of the bytes at a key, `null` if it is not there. Rejects with `ERR_BLAZEN_INVALID_ARGUMENT` if it holds JSON. */
  async getBytes(key: KeyOf<State>): Promise<Buffer | null> {
    const value = this.#read(key);
    if (value === undefined) return null;
    if (types.isUint8Array(value)) return value as Buffer;
    throw new InvalidArgumentError(`the state key ${JSON.stringify(key)} holds a JSON value, not bytes; use get()`);
  }

  /** Whether a key has a value. */
  async has(key: KeyOf<State>): Promise<boolean> {
    checkKey(key);
    return translated(() => this.#run.state.contains(this.#invocation, key));
  }

  /** Takes a key out. @returns whether it was there */
  async remove(key: KeyOf<State>): Promise<boolean> {
    checkKey(key);
    return translated(() => this.#run.state.takeOut(this.#invocation, key));
  }

  /** The keys, in the order in which they were first set. */
  async keys(): Promise<KeyOf<State>[]> {
    return translated(() => this.#run.state.listKeys(this.#invocation) as KeyOf<State>[]);
  }

  /**
   * Sets a key to what `change` makes of its value, in one go: no other step can come between. `change` must not be
   * asynchronous. Rejects with what `change` throws, and as `set` does: then the key keeps what it had.
   *
   * @returns the new value
   */
  // biome-ignore lint/suspicious/noExplicitAny: without a declared state, what a key holds is the user's to know
  update<Value = any>(key: UndeclaredKey<State>, change: (value: any) => Value): Promise<Value>;
  update<Key extends KeyOf<State>>(
    key: Key,
    change: (value: ValueOf<State, Key> | null) => Settable<State, Key>,
  ): Promise<Settable<State, Key>>;
  async update(key: string, change: (value: never) => unknown): Promise<unknown> {
    checkFunction(change, "the change");
    const next = change((this.#read(key) ?? null) as never);
    if (types.isPromise(next)) {
      void ignoreRejection(next);
      throw new InvalidArgumentError("the change given to update() must not be asynchronous: it returned a promise");
    }
    if (types.isUint8Array(next)) this.#writeBytes(key, next);
    else this.#write(key, next);
    return next;
  }

  #read(key: unknown): unknown {
    checkKey(key);
    const found = translated(() => native.stateGet(this.#run.key, this.#invocation, key));
    return typeof found === "string" ? JSON.parse(found) : (found ?? undefined);
  }

  #write(key: unknown, value: unknown): void {
    checkKey(key);
    const json = toJson(value, () => `the state key ${JSON.stringify(key)}`);
    this.#writeText(key, json);
  }

  #writeText(key: string, json: string): void {
    translated(() => native.stateSet(this.#run.key, this.#invocation, key, json));
  }

  #writeBytes(key: unknown, bytes: unknown): void {
    checkKey(key);
    if (!types.isUint8Array(bytes)) refuse("the bytes", "a Buffer or a Uint8Array", bytes);
    if (isDetached(bytes))
      throw new InvalidArgumentError("the memory of the bytes is gone: it was transferred, or made smaller");
    translated(() => this.#run.state.writeBytes(this.#invocation, key, bytes));
  }

  static {
    readCommittedJson = (state, key) => translated(() => state.#run.state.committedJson(key));
    writeJsonText = (state, key, json) => state.#writeText(key, json);
    publicClass(StateNamespace, { isOurs: (value) => #run in value, rejects: true, native: native.StateNamespace });
  }
}

function checkKey(key: unknown): asserts key is string {
  checkString(key, "the key");
}

async function ignoreRejection(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch {
    // Its owner has been told that no promise is taken.
  }
}

/** A view whose memory is gone says that it has no bytes; only its methods tell it from an empty one. */
function isDetached(view: Uint8Array): boolean {
  if (view.byteLength > 0) return false;
  try {
    Uint8Array.prototype.indexOf.call(view, 0); // a Buffer has an indexOf of its own
    return false;
  } catch {
    return true;
  }
}
