// The saved values of a run, as one invocation reads and writes them.

import { types } from "node:util";
import { checkFinite, checkFunction, checkString, refuse } from "./arguments.js";
import { summary } from "./describe.js";
import { InvalidArgumentError, translated } from "./errors.js";
import { setState } from "./hop_calls.js";
import { toJson } from "./json.js";
import { native } from "./native.js";
import { INTERNAL, publicClass } from "./public_class.js";
import type { Run } from "./run.js";
import { warnOfConflict } from "./state_conflicts.js";
import type {
  AnyState,
  ArrayKey,
  ItemOf,
  KeyOf,
  NumberKey,
  Settable,
  StateValue,
  UndeclaredKey,
  ValueOf,
} from "./types.js";

const { SET, SET_IN_CONFLICT } = native;

/** The JSON text that would stand at a key if every handler at work were cut short. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the state of the workflow
export let readCommittedJson: (state: StateNamespace<any>, key: string) => string | null;

/** As `get`, for bookkeeping: to set the key later is a lost update only if it was got otherwise. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the state of the workflow
export let peek: (state: StateNamespace<any>, key: string) => unknown;

/** What was got at a key does not matter to what will be set there. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the state of the workflow
export let disregard: (state: StateNamespace<any>, key: string) => void;

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
  /** An earlier attempt may have added to the state. */
  readonly #isAgain: boolean;

  /** @internal */
  constructor(by: typeof INTERNAL, run: Run, invocation: number, attempt: number) {
    if (by !== INTERNAL) throw new InvalidArgumentError("a StateNamespace is not made with new: use ctx.state");
    this.#run = run;
    this.#invocation = invocation;
    this.#isAgain = attempt > 1;
  }

  /**
   * Sets a key to a JSON value.
   *
   * Rejects with `ERR_BLAZEN_NOT_SERIALIZABLE`, naming the place, if JSON would lose any of it: then the key keeps
   * what it had. So it does with `ERR_BLAZEN_STATE_CONFLICT` if another step has written the key since this handler got
   * it, in a workflow with `stateConflicts: "error"`; by default that is a process warning. A value that depends on
   * what stands there is better written by `update`, `increment` or `append`.
   */
  async set<Key extends KeyOf<State>>(key: Key, value: Settable<State, Key>): Promise<void> {
    this.#set(key, value);
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

  /** Sets a key to a copy of bytes. As for `set`, it is seen when another step has written the key since it was got. */
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

  /**
   * Takes a key out. As for `set`, it is seen when another step has written the key since it was got.
   *
   * @returns whether it was there
   */
  async remove(key: KeyOf<State>): Promise<boolean> {
    checkKey(key);
    const taken = translated(() => this.#run.state.takeOut(this.#invocation, key));
    if (typeof taken === "boolean") return taken;
    warnOfConflict(this.#run.id, taken);
    return true;
  }

  /** The keys, in the order in which they were first set. */
  async keys(): Promise<KeyOf<State>[]> {
    return translated(() => this.#run.state.listKeys(this.#invocation) as KeyOf<State>[]);
  }

  /**
   * Sets a key to what `change` makes of its value, in one go: no other step can come between. `change` must not be
   * asynchronous. Rejects with what `change` throws, and as `set` does: then the key keeps what it had.
   *
   * It counts once, however often the handler is called: what has been committed while an earlier attempt was at work, is
   * known by its key and its position among the updates, increments and appends to that. Then `change` is not called, and
   * the promise resolves to what it gave then.
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
    return this.#adding(key, () => {
      const next = change((this.#read(key) ?? null) as never);
      if (types.isPromise(next)) {
        void ignoreRejection(next);
        throw new InvalidArgumentError("the change given to update() must not be asynchronous: it returned a promise");
      }
      if (types.isUint8Array(next)) this.#writeBytes(key, next, true);
      else this.#add(key, jsonOf(key, next));
      return next;
    });
  }

  /**
   * Adds to the number at a key, in one go: no other step can come between. A key that is not there counts as 0. As for
   * `update`, it counts once, however often the handler is called.
   *
   * Rejects with `ERR_BLAZEN_INVALID_ARGUMENT` if there is anything but a finite number at the key, if `by` is none, or
   * if the sum would be none: then the key keeps what it had.
   *
   * @param by what to add, 1 unless given; less than zero subtracts
   * @returns the new value
   */
  async increment(key: NumberKey<State>, by = 1): Promise<number> {
    checkKey(key);
    checkFinite(by, "the number to add");
    return this.#adding(key, () => {
      const found = this.#read(key);
      const value = found === undefined ? 0 : found;
      if (typeof value !== "number" || !Number.isFinite(value)) {
        throw new InvalidArgumentError(
          `the state key ${JSON.stringify(key)} holds ${summary(value)}, not a number that could be added to`,
        );
      }
      const sum = value + by;
      if (!Number.isFinite(sum)) {
        throw new InvalidArgumentError(
          `the state key ${JSON.stringify(key)} would be ${sum}: ${value} and ${by} is too much`,
        );
      }
      this.#add(key, JSON.stringify(sum));
      return sum;
    });
  }

  /**
   * Puts values behind those of the array at a key, in one go: no other step can come between. A key that is not there
   * counts as an empty array. What is there already is neither read nor written anew, so a long array costs no more
   * than a short one, but for one copy of its text the first time since the handler began or last sent an event. As for
   * `update`, it counts once, however often the handler is called.
   *
   * Rejects with `ERR_BLAZEN_INVALID_ARGUMENT` if there is anything but an array at the key, and with
   * `ERR_BLAZEN_NOT_SERIALIZABLE`, naming the place, if JSON would lose any of the values: then none is appended.
   *
   * @returns the new length
   */
  async append<Key extends ArrayKey<State> & KeyOf<State>>(
    key: Key,
    ...values: readonly ItemOf<State, Key>[]
  ): Promise<number> {
    checkKey(key);
    const json = toJson(values, () => `what is appended to the state key ${JSON.stringify(key)}`);
    return this.#adding(key, () =>
      translated(() => this.#run.state.extendArray(this.#invocation, key, json.slice(1, -1))),
    );
  }

  #read(key: unknown): unknown {
    checkKey(key);
    return fromNativeValue(translated(() => native.stateGet(this.#run.key, this.#invocation, key)));
  }

  /** Adds to a key, unless an earlier attempt has done it for good: then it gives what that was given. */
  #adding<Result>(key: unknown, add: () => Result): Result {
    checkKey(key);
    if (this.#isAgain) {
      const known = fromNativeValue(translated(() => this.#run.state.remembered(this.#invocation, key)));
      if (known !== undefined) return known as Result;
    }
    try {
      return add();
    } catch (error) {
      this.#run.state.refused(this.#invocation, key); // it has its position too, for the next attempt
      throw error;
    }
  }

  #set(key: unknown, value: unknown): void {
    checkKey(key);
    this.#setText(key, jsonOf(key, value));
  }

  #setText(key: string, json: string): void {
    const outcome = setState(this.#run.key, this.#invocation, key, json);
    if (outcome === SET) return;
    this.#warn(() =>
      outcome === SET_IN_CONFLICT
        ? native.takeConflict(this.#run.key)
        : native.stateSet(this.#run.key, this.#invocation, key, json),
    );
  }

  #add(key: string, json: string): void {
    this.#warn(() => native.stateAdd(this.#run.key, this.#invocation, key, json));
  }

  /** Tells of the lost update that a write was. */
  #warn(write: () => string | null): void {
    const conflict = translated(write);
    if (conflict !== null) warnOfConflict(this.#run.id, conflict);
  }

  #writeBytes(key: unknown, bytes: unknown, isAdded = false): void {
    checkKey(key);
    if (!types.isUint8Array(bytes)) refuse("the bytes", "a Buffer or a Uint8Array", bytes);
    if (isDetached(bytes))
      throw new InvalidArgumentError("the memory of the bytes is gone: it was transferred, or made smaller");
    const { state } = this.#run;
    this.#warn(() =>
      isAdded ? state.addBytes(this.#invocation, key, bytes) : state.writeBytes(this.#invocation, key, bytes),
    );
  }

  static {
    readCommittedJson = (state, key) => translated(() => state.#run.state.committedJson(key));
    peek = (state, key) => fromNativeValue(translated(() => state.#run.state.peek(state.#invocation, key)));
    disregard = (state, key) => translated(() => state.#run.state.disregard(state.#invocation, key));
    writeJsonText = (state, key, json) => state.#setText(key, json);
    publicClass(StateNamespace, { isOurs: (value) => #run in value, rejects: true, native: native.StateNamespace });
  }
}

function jsonOf(key: string, value: unknown): string {
  return toJson(value, () => `the state key ${JSON.stringify(key)}`);
}

/** What a handler gets of what stands at a key, `undefined` if nothing does. */
function fromNativeValue(found: string | Buffer | null): unknown {
  return typeof found === "string" ? JSON.parse(found) : (found ?? undefined);
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
