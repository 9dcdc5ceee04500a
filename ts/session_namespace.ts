// The values of a run that stay in this process, as one invocation reads and writes them.

import { checkString } from "./arguments.js";
import { InvalidArgumentError, translated } from "./errors.js";
import { MAX_SESSION_DEPTH, toWellFormedJson } from "./json.js";
import { native } from "./native.js";
import { INTERNAL, publicClass } from "./public_class.js";
import type { Run } from "./run.js";
import type { StateValue } from "./types.js";

/**
 * Values that stay in this process: request ids, counters, caches. They are JSON values in a key space of their own,
 * equal to what was set but never the same object, and they are in no snapshot.
 */
export class SessionNamespace {
  readonly #run: Run;
  readonly #invocation: number;

  /** @internal */
  constructor(by: typeof INTERNAL, run: Run, invocation: number) {
    if (by !== INTERNAL) throw new InvalidArgumentError("a SessionNamespace is not made with new: use ctx.session");
    this.#run = run;
    this.#invocation = invocation;
  }

  /** Sets a key to a JSON value. Rejects with `ERR_BLAZEN_NOT_SERIALIZABLE`, naming the place, if it is none. */
  async set(key: string, value: unknown): Promise<void> {
    checkString(key, "the key");
    const json = toWellFormedJson(value, () => `the session key ${JSON.stringify(key)}`, MAX_SESSION_DEPTH);
    translated(() => this.#run.session.write(this.#invocation, key, json));
  }

  /**
   * The value at a key.
   *
   * @param fallback given for a key that is not there; `null` unless given
   */
  get<Value = StateValue>(key: string): Promise<Value | null>;
  get<Value = StateValue, Fallback = Value>(key: string, fallback: Fallback): Promise<Value | Fallback>;
  async get(key: string, fallback: unknown = null): Promise<unknown> {
    checkString(key, "the key");
    const json = translated(() => this.#run.session.read(key));
    return json === null ? fallback : JSON.parse(json);
  }

  /** Whether a key has a value. */
  async has(key: string): Promise<boolean> {
    checkString(key, "the key");
    return translated(() => this.#run.session.contains(key));
  }

  /** Takes a key out. @returns whether it was there */
  async remove(key: string): Promise<boolean> {
    checkString(key, "the key");
    return translated(() => this.#run.session.takeOut(this.#invocation, key));
  }

  /** The keys, in the order in which they were first set. */
  async keys(): Promise<string[]> {
    return translated(() => this.#run.session.listKeys());
  }

  static {
    publicClass(SessionNamespace, { isOurs: (value) => #run in value, rejects: true, native: native.SessionNamespace });
  }
}
