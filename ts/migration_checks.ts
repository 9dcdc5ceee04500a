// What a migration has left of a run, checked: it is stored as it is, and the engine goes on with it.

import { types } from "node:util";
import type { CheckpointedKey, OpenWait, QueuedDelivery } from "../native.js";
import { checkCount, checkString, reading, refuse } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import { eventText } from "./event_text.js";
import { toJson } from "./json.js";
import { typeIn } from "./loaded_run.js";
import type { WorkflowCode } from "./workflow_code.js";

/** An event that has come on its way by the migration. */
export type Unnumbered = Omit<QueuedDelivery, "delivery">;

/** @throws InvalidArgumentError or SerializationError */
export function checkedState(state: unknown): CheckpointedKey[] {
  if (!types.isMap(state)) refuse("the state of a migrated run", "a Map", state);
  const entries = [...Map.prototype.entries.call(state)] as [unknown, unknown][];
  return entries.map(([key, value], place) => {
    checkString(key, "a key of the state");
    const what = () => `the state key ${JSON.stringify(key)}`;
    return { key, place, value: types.isUint8Array(value) ? Buffer.from(value) : toJson(value, what) };
  });
}

/** The keys of the state, before it is migrated and after. */
export interface StateKeys {
  readonly before: ReadonlySet<string>;
  readonly after: ReadonlySet<string>;
}

/** The events on their way: those that are left, by their numbers, and those that were added. */
export function checkedPending(
  pending: unknown,
  known: readonly QueuedDelivery[],
  keys: StateKeys,
  code: WorkflowCode,
): { left: QueuedDelivery[]; added: Unnumbered[] } {
  const before = new Map(known.map((queued) => [queued.delivery, queued]));
  const left: QueuedDelivery[] = [];
  const added: Unnumbered[] = [];
  for (const [index, one] of list(pending, "pending")) {
    const what = `pending[${index}]`;
    const { delivery, step, event, attempt, due, held, additions } = fields(one, what, PENDING);
    const changed = {
      step: checkedStep(step, `${what}.step`, code),
      ...eventOf(event, `${what}.event`),
      attempt: checkedAttempt(attempt, `${what}.attempt`),
      ...dueOf(due, what),
    };
    const old = delivery === undefined ? undefined : taken(before, delivery, `${what}.delivery`);
    if ((held ?? undefined) !== (old?.held ?? undefined)) {
      throw new InvalidArgumentError(`${what}.held cannot be changed: put it back as it was, or take the event out`);
    }
    const remembered = checkedAdditions(additions, old?.added, `${what}.additions`, keys);
    if (old === undefined) added.push({ ...changed, sent: 0 });
    else left.push({ ...whatStays(old), ...changed, ...remembered });
  }
  return { left, added };
}

/** The keys that have been added to, of a text of the engine: each stands with what that has given. */
export function addedKeys(added: string): string[] {
  return additionsIn(added).map(([key]) => key);
}

function additionsIn(added: string): [string, unknown][] {
  return JSON.parse(added) as [string, unknown][];
}

/** The text of what is left of additions, by the keys as they are called now. What nobody has named stays. */
function checkedAdditions(
  additions: unknown,
  known: string | undefined,
  what: string,
  keys: StateKeys,
): { added?: string } {
  const before = new Map<unknown, unknown>(known === undefined ? [] : additionsIn(known));
  const named = additions ?? [...before.keys()].map((key) => ({ key }));
  const left = new Map<string, unknown>();
  for (const [index, one] of list(named, what)) {
    const { key, renamedTo } = fields(one, `${what}[${index}]`, ADDITION);
    const results = taken(before, key, `${what}[${index}].key`);
    const name = renamedTo ?? key;
    checkString(name, `${what}[${index}].renamedTo`);
    // A handler may have taken out what another has added to.
    if (!keys.after.has(name) && (renamedTo !== undefined || keys.before.has(name))) {
      throw new InvalidArgumentError(
        `${what}[${index}]: the state has no key ${JSON.stringify(name)} any more; say in "renamedTo" what it is called now, or take the addition out, and it counts again`,
      );
    }
    if (left.has(name)) {
      throw new InvalidArgumentError(`${what}[${index}]: there are additions to ${JSON.stringify(name)} already`);
    }
    left.set(name, results);
  }
  return left.size === 0 ? {} : { added: JSON.stringify([...left]) };
}

/** What is left of what can be undone. In which order it is does not change. */
export function checkedUndoable(
  undoable: unknown,
  known: readonly QueuedDelivery[],
  code: WorkflowCode,
): QueuedDelivery[] {
  const before = new Map(known.map((queued) => [queued.delivery, queued]));
  return list(undoable, "undoable").map(([index, one]) => {
    const what = `undoable[${index}]`;
    const { delivery, step, event } = fields(one, what, UNDOABLE);
    const old = taken(before, delivery, `${what}.delivery`);
    const name = checkedStep(step, `${what}.step`, code);
    if (!code.canUndo(name)) {
      throw new InvalidArgumentError(
        `${what}.step is ${JSON.stringify(name)}, which has no compensate that could undo it`,
      );
    }
    return { ...old, step: name, ...eventOf(event, `${what}.event`) };
  });
}

/** The waits that are left, in the order in which they were opened. */
export function checkedWaits(waits: unknown, known: readonly OpenWait[], code: WorkflowCode): OpenWait[] {
  const before = new Map(known.map((wait) => [wait.id, wait]));
  const left = new Map<string, OpenWait>();
  for (const [index, one] of list(waits, "waits")) {
    const what = `waits[${index}]`;
    const { id, kind, event, due, expiry } = fields(one, what, WAIT);
    const old = taken(before, id, `${what}.id`);
    if (kind !== old.kind) refuse(`${what}.kind`, `${JSON.stringify(old.kind)} as it was`, kind);
    const text = eventOf(event, `${what}.event`);
    if (old.kind === "input") {
      checkRequest(event as object, old.id, `${what}.event`);
      checkAccepted(RESPONSE, `the answer to ${what}`, code);
    }
    if (old.kind === "expected") checkAccepted(text.eventType, `${what}.event`, code);
    const late = expiry == null ? undefined : eventOf(expiry, `${what}.expiry`);
    if (late !== undefined) checkAccepted(late.eventType, `${what}.expiry`, code);
    left.set(old.id, {
      id: old.id,
      kind: old.kind,
      event: text.event,
      ...dueOf(due, what),
      ...(late === undefined ? {} : { expiry: late.event }),
    });
  }
  return known.flatMap(({ id }) => left.get(id) ?? []);
}

const RESPONSE = "blazen::InputResponseEvent";
const PENDING = ["delivery", "step", "event", "attempt", "due", "held", "additions"] as const;
const ADDITION = ["key", "renamedTo"] as const;
const UNDOABLE = ["delivery", "step", "event"] as const;
const WAIT = ["id", "kind", "event", "due", "expiry"] as const;

function list(value: unknown, what: string): [number, unknown][] {
  return reading(`${what} of a migrated run`, () => {
    if (!Array.isArray(value)) refuse(`${what} of a migrated run`, "an array", value);
    return [...value.entries()];
  });
}

function fields<Name extends string>(value: unknown, what: string, names: readonly Name[]): Record<Name, unknown> {
  return reading(what, () => {
    if (typeof value !== "object" || value === null) refuse(what, "an object", value);
    const unknown = Object.keys(value).find((name) => !(names as readonly string[]).includes(name));
    if (unknown !== undefined) {
      throw new InvalidArgumentError(`${what}: there is no ${JSON.stringify(unknown)}; there are ${names.join(", ")}`);
    }
    return Object.fromEntries(names.map((name) => [name, (value as Record<string, unknown>)[name]])) as never;
  });
}

/** What was known under a number or an id, which is used up by that. */
function taken<Kept>(before: Map<unknown, Kept>, name: unknown, what: string): Kept {
  const kept = before.get(name);
  if (kept === undefined) refuse(what, "that of one that was there, each once", name);
  before.delete(name);
  return kept;
}

function checkedStep(step: unknown, what: string, code: WorkflowCode): string {
  checkString(step, what);
  if (code.hasStep(step)) return step;
  const nearest = code.nearestStep(step);
  throw new InvalidArgumentError(
    `${what} is ${JSON.stringify(step)}, which workflow ${JSON.stringify(code.workflow)} does not have` +
      (nearest === null ? "" : `; did you mean ${JSON.stringify(nearest)}?`),
  );
}

function eventOf(event: unknown, what: string): { event: string; eventType: string } {
  const type = reading(what, () =>
    typeof event === "object" ? (event as { type?: unknown } | null)?.type : undefined,
  );
  if (typeof type !== "string" || type === "") refuse(what, "an event, an object with a type", event);
  const text = eventText(event as object);
  return { event: text, eventType: typeIn(text) };
}

function checkAccepted(eventType: string, what: string, code: WorkflowCode): void {
  if (code.accepting(eventType).length > 0) return;
  throw new InvalidArgumentError(
    `${what} is of type ${JSON.stringify(eventType)}, which no step of workflow ${JSON.stringify(code.workflow)} accepts`,
  );
}

function checkRequest(event: object, id: string, what: string): void {
  const { type, request_id } = event as { type: unknown; request_id?: unknown };
  if (type === "blazen::InputRequestEvent" && request_id === id) return;
  throw new InvalidArgumentError(`${what} must stay an input request with its request_id, ${JSON.stringify(id)}`);
}

function checkedAttempt(attempt: unknown, what: string): number {
  if (attempt === undefined) return 1;
  checkCount(attempt, what);
  return attempt;
}

function dueOf(due: unknown, what: string): { due?: number } {
  if (due == null) return {};
  const time = types.isDate(due) ? Date.prototype.getTime.call(due) : Number.NaN;
  if (Number.isNaN(time)) refuse(`${what}.due`, "a Date", due);
  return { due: time };
}

function whatStays({ due: _, added: __, ...queued }: QueuedDelivery): QueuedDelivery {
  return queued;
}
