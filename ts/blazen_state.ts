// Typed state objects that are saved field by field.
//
// Under the state's key stand: a manifest (`KEY/~`) that says which fields there are and how each is kept, each field
// (`KEY/FIELD`), and, for fields with a store of their own, one of three slots (`KEY/FIELD~a`, `~b`, `~c`). A save lets
// the stores write into slots that are not in use and then changes everything else, the manifest included, in one go:
// until then, what was saved before is whole. In use is the slot of the last save, and, since that may be taken back
// when its handler is cut short, the slot of the last save that may not. Later attempts of a handler have slots of
// their own (`~a2`), since what a store does for the one that was cut short may still be on its way.
//
// Whoever loads reads the manifest, and whoever saves writes it: so a lost update is told, or refused, once for the whole
// state, before any of it is written. All other reading and writing here is no reason to tell of one.
//
// The field part has no `/`, and no `~` but the escapes for these two, so no two states or fields share a key.

import { types } from "node:util";
import { checkFunction, checkString, reading, readOptions, refuse } from "./arguments.js";
import { type AnyContext, isContext, runOf } from "./context.js";
import { BlazenError, InvalidArgumentError } from "./errors.js";
import type { FieldStore } from "./field_store.js";
import { isPlainObject, toJson } from "./json.js";
import type { Run } from "./run.js";
import { disregard, peek, readCommittedJson, writeJsonText } from "./state_namespace.js";

// biome-ignore lint/suspicious/noExplicitAny: a class that is only ever read, not called
type StateClass = abstract new (...args: any[]) => BlazenState;

/** How the fields of a `BlazenState` are kept. A subclass adds to what its base class says. */
export class BlazenStateMeta {
  /** Fields that are not saved; `restore()` makes them anew. */
  declare transient?: readonly string[];
  /** Fields that are kept by a store of their own. */
  declare storeBy?: Readonly<Record<string, FieldStore>>;
}

/** How one field is kept: in the state as JSON or bytes, not at all because it is undefined, or in a slot of its store. */
type Kept = "json" | "bytes" | "undefined" | Slot;
type Slot = `${Letter}${number | ""}`;
type Letter = (typeof LETTERS)[number];
const LETTERS = ["a", "b", "c"] as const;
const KEPT = /^(?:json|bytes|undefined|[abc][0-9]*)$/;

interface Manifest {
  readonly version: 1;
  readonly fields: readonly (readonly [name: string, kept: Kept])[];
}

interface Meta {
  readonly transient: ReadonlySet<string>;
  readonly storeBy: ReadonlyMap<string, FieldStore>;
}

/**
 * A state object whose fields are saved one by one. Subclass it, declare fields, and say in `static meta` what is
 * special about any of them. `loadFrom` makes the object with `new` and no arguments. Private fields and accessors are
 * not saved; bytes are.
 */
export abstract class BlazenState {
  /** How the fields of this class are kept, beside what its base classes say. */
  static meta: BlazenStateMeta = {};

  /** Called when the saved fields have been loaded: make transient ones here. */
  restore(): void | Promise<void> {}

  /**
   * Saves every field that is not transient under keys that begin with `key`.
   *
   * Rejects with `ERR_BLAZEN_NOT_SERIALIZABLE`, naming class and field, if a field is not JSON and has no store; and
   * with whatever a store rejects with. Then what was saved before is still there, whole.
   */
  async saveTo(ctx: AnyContext, key: string): Promise<void> {
    checkPlace(ctx, key);
    const meta = metaOf(reading("the state", () => this.constructor as StateClass));
    await oneAtATime(ctx, key, () => save(this, meta, ctx, key));
  }

  /**
   * Loads the state that was saved under `key`. Fields that were not saved keep what the constructor gives them.
   *
   * Rejects with `ERR_BLAZEN_STATE_NOT_SAVED` if there is none or a part of it is gone, with
   * `ERR_BLAZEN_INVALID_ARGUMENT` if a field was saved by a store that the class no longer names, and with whatever a
   * store rejects with.
   */
  static async loadFrom<State extends BlazenState>(
    this: new () => State,
    ctx: AnyContext,
    key: string,
  ): Promise<State> {
    checkPlace(ctx, key);
    const meta = metaOf(this);
    return oneAtATime(ctx, key, () => load(this, meta, ctx, key));
  }
}

async function save(state: BlazenState, meta: Meta, ctx: AnyContext, key: string): Promise<void> {
  const before = new Map(manifestIn(peek(ctx.state, manifestKey(key)), key)?.fields);
  const committed = new Map(committedManifest(ctx, key)?.fields);
  const fields: [string, Kept][] = [];
  const writes: (() => unknown)[] = [];
  const stored: (() => Promise<void>)[] = [];

  for (const name of Object.keys(state)) {
    if (meta.transient.has(name)) continue;
    const field = `the field ${state.constructor.name}.${name}`;
    const value = reading(field, () => (state as unknown as Record<string, unknown>)[name]);
    const store = meta.storeBy.get(name);
    const kept: Kept =
      store !== undefined ? freeSlot(ctx.attempt, before.get(name), committed.get(name)) : keptAs(value);
    const place = keyOf(key, name, kept);
    fields.push([name, kept]);
    if (store !== undefined) {
      stored.push(() => {
        disregard(ctx.state, place); // what a save before the last one left there
        return store.save(place, value, ctx);
      });
    } else if (kept === "json") {
      const json = toJson(value, () => field);
      writes.push(() => writeJsonText(ctx.state, place, json));
    } else if (kept === "bytes") {
      const bytes = Buffer.from(value as Uint8Array);
      writes.push(() => ctx.state.setBytes(place, bytes));
    }
  }

  for (const saveField of stored) await saveField();

  const manifest: Manifest = { version: 1, fields };
  // From here on nothing waits, so nobody sees it half done. The first write fails if the handler has settled.
  writeJsonText(ctx.state, manifestKey(key), JSON.stringify(manifest));
  const cleared = staleKeys(key, before, fields).map((stale) => ctx.state.remove(stale));
  await Promise.all([...writes.map((write) => write()), ...cleared]);
}

async function load<State extends BlazenState>(
  stateClass: new () => State,
  meta: Meta,
  ctx: AnyContext,
  key: string,
): Promise<State> {
  const manifest = manifestIn((await ctx.state.get(manifestKey(key))) ?? undefined, key);
  if (manifest === undefined) {
    throw notSaved(
      `no ${stateClass.name} has been saved under the key ${JSON.stringify(key)}; save one with saveTo() first`,
    );
  }
  const state = new stateClass();
  const { restore } = stateClass.prototype;
  for (const [name, kept] of manifest.fields) {
    if (meta.transient.has(name)) continue;
    const value = await loadField(stateClass, meta, ctx, key, name, kept);
    Object.defineProperty(state, name, { value, writable: true, enumerable: true, configurable: true });
  }
  await restore.call(state);
  return state;
}

async function loadField(
  stateClass: StateClass,
  meta: Meta,
  ctx: AnyContext,
  key: string,
  name: string,
  kept: Kept,
): Promise<unknown> {
  if (kept === "undefined") return undefined;
  const place = keyOf(key, name, kept);
  if (kept === "json" || kept === "bytes") {
    const value = peek(ctx.state, place);
    if (value !== undefined) return value;
    throw notSaved(`the field ${stateClass.name}.${name} was saved as ${JSON.stringify(place)}, and that key is gone`);
  }
  const store = meta.storeBy.get(name);
  if (store === undefined) {
    throw new InvalidArgumentError(
      `the field ${stateClass.name}.${name} was saved by a store of its own, and meta.storeBy no longer names one for it`,
    );
  }
  return store.load(place, ctx);
}

function keptAs(value: unknown): Kept {
  if (value === undefined) return "undefined";
  return types.isUint8Array(value) ? "bytes" : "json";
}

function freeSlot(attempt: number, ...inUse: readonly (Kept | undefined)[]): Slot {
  const letters = inUse.map((kept) => kept?.[0]);
  const free = LETTERS.find((letter) => !letters.includes(letter)) as Letter; // two are in use at the most
  return attempt === 1 ? free : `${free}${attempt}`;
}

/** The manifest in what stands at its key. */
function manifestIn(found: unknown, key: string): Manifest | undefined {
  if (found === undefined) return undefined;
  if (isManifest(found)) return found;
  throw notSaved(`what stands at ${JSON.stringify(manifestKey(key))} was not written by this version of BlazenState`);
}

/** The manifest that would stand if every handler at work were cut short. */
function committedManifest(ctx: AnyContext, key: string): Manifest | undefined {
  const json = readCommittedJson(ctx.state, manifestKey(key));
  const found: unknown = json === null ? undefined : JSON.parse(json);
  return isManifest(found) ? found : undefined;
}

function isManifest(value: unknown): value is Manifest {
  const { version, fields } = (typeof value === "object" && value !== null ? value : {}) as {
    version?: unknown;
    fields?: unknown;
  };
  return version === 1 && Array.isArray(fields) && fields.every(isField);
}

function isField(field: unknown): boolean {
  return Array.isArray(field) && typeof field[0] === "string" && KEPT.test(field[1]);
}

function notSaved(message: string): BlazenError {
  return new BlazenError("ERR_BLAZEN_STATE_NOT_SAVED", message);
}

function manifestKey(key: string): string {
  return `${key}/~`;
}

function keyOf(key: string, field: string, kept: Kept): string {
  const place = `${key}/${field.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return isSlot(kept) ? `${place}~${kept}` : place;
}

function isSlot(kept: Kept): kept is Slot {
  return kept !== "json" && kept !== "bytes" && kept !== "undefined";
}

/** Keys that the save before wrote and this one did not. */
function staleKeys(
  key: string,
  before: ReadonlyMap<string, Kept>,
  after: readonly (readonly [string, Kept])[],
): string[] {
  const current = new Set(after.map(([name, kept]) => keyOf(key, name, kept)));
  const previous = [...before].map(([name, kept]) => keyOf(key, name, kept));
  return previous.filter((place) => !current.has(place));
}

/** What `meta` says along the chain of classes, the base class first. */
function metaOf(stateClass: StateClass): Meta {
  return reading("the meta of a BlazenState", () => readMeta(stateClass));
}

function readMeta(stateClass: StateClass): Meta {
  const transient = new Set<string>();
  const storeBy = new Map<string, FieldStore>();
  for (const owner of classesFromBase(stateClass)) {
    const meta = Object.hasOwn(owner, "meta") ? owner.meta : undefined;
    if (meta === undefined) continue;
    const what = `${owner.name}.meta`;
    readOptions(meta, what, ["transient", "storeBy"]);
    const fields: unknown = meta.transient ?? [];
    if (!Array.isArray(fields)) refuse(`${what}.transient`, "an array of field names", fields);
    for (const field of fields) {
      checkString(field, `a field of ${what}.transient`);
      transient.add(field);
    }
    const stores: unknown = meta.storeBy ?? {};
    if (!isPlainObject(stores)) refuse(`${what}.storeBy`, "an object of field stores by field", stores);
    for (const [field, store] of Object.entries(stores as Record<string, FieldStore>)) {
      checkFunction(store?.save, `${what}.storeBy.${field}.save`);
      checkFunction(store?.load, `${what}.storeBy.${field}.load`);
      storeBy.set(field, store);
    }
  }
  return { transient, storeBy };
}

function classesFromBase(stateClass: StateClass): (typeof BlazenState)[] {
  const chain: (typeof BlazenState)[] = [];
  for (let owner = stateClass as typeof BlazenState; owner !== BlazenState; owner = Object.getPrototypeOf(owner)) {
    if (typeof owner !== "function") refuse("the class", "a subclass of BlazenState", stateClass);
    chain.unshift(owner);
  }
  return chain;
}

function checkPlace(ctx: unknown, key: unknown): void {
  if (!isContext(ctx)) refuse("the context", "the one that a handler receives", ctx);
  checkString(key, "the key");
}

/** Saves and loads of one key that are under way, by run: a load must not read what a save is replacing. */
const underWay = new WeakMap<Run, Map<string, Promise<unknown>>>();

async function oneAtATime<Result>(ctx: AnyContext, key: string, work: () => Promise<Result>): Promise<Result> {
  const run = runOf(ctx);
  const queues = underWay.get(run) ?? new Map<string, Promise<unknown>>();
  underWay.set(run, queues);
  const mine = doneOrCutShort(queues.get(key), ctx.signal).then(work);
  // Whoever comes next waits for the work, or until nothing that it does counts any more.
  const over = doneOrCutShort(mine, ctx.signal);
  queues.set(key, over);
  try {
    return await mine;
  } finally {
    if (queues.get(key) === over) queues.delete(key);
  }
}

/** Waits for work that may never end, if the handler that began it is cut short. */
async function doneOrCutShort(work: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  if (work === undefined || signal.aborted) return;
  let stopListening = (): void => {};
  const cutShort = new Promise<void>((resolve) => {
    const listener = (): void => resolve();
    signal.addEventListener("abort", listener);
    stopListening = () => signal.removeEventListener("abort", listener);
  });
  try {
    await Promise.race([work, cutShort]);
  } catch {
    // What failed is told to whoever began it.
  } finally {
    stopListening();
  }
}
