// What a migration has left of a run, checked: it is stored as it is, and the engine goes on with it.

import { types } from "node:util";
import type * as Native from "../native.js";
import { checkCount, checkString, reading, refuse } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import { eventText } from "./event_text.js";
import { toJson } from "./json.js";
import type { AnyEvent } from "./types.js";

/** The names of a workflow. */
export interface KnownNames {
  readonly workflow: string;
  hasStep(name: string): boolean;
  /** A name that `name` may have been meant to be, or may have become. */
  nearestStep(name: string): string | null;
}

/** @throws InvalidArgumentError or SerializationError */
export function checkedState(state: unknown): Native.CheckpointedKey[] {
  if (!types.isMap(state)) refuse("the state of a migrated run", "a Map", state);
  const entries = [...Map.prototype.entries.call(state)] as [unknown, unknown][];
  return entries.map(([key, value], place) => {
    checkString(key, "a key of the state");
    const what = () => `the state key ${JSON.stringify(key)}`;
    return { key, place, value: types.isUint8Array(value) ? Buffer.from(value) : toJson(value, what) };
  });
}

/** The events on their way, by their numbers. */
export function checkedPending(
  pending: unknown,
  known: readonly Native.QueuedDelivery[],
  lastDelivery: number,
  names: KnownNames,
): Native.QueuedDelivery[] {
  const before = new Map(known.map((queued) => [queued.delivery, queued]));
  const numbered: Native.QueuedDelivery[] = [];
  const added: Omit<Native.QueuedDelivery, "delivery">[] = [];
  for (const [index, one] of list(pending, "pending")) {
    const what = `pending[${index}]`;
    const { delivery, step, event, attempt, due, held } = fields(one, what, PENDING);
    const text = eventOf(event, `${what}.event`);
    const changed = {
      step: checkedStep(step, `${what}.step`, names),
      event: text,
      eventType: (JSON.parse(text) as AnyEvent).type,
      attempt: checkedAttempt(attempt, `${what}.attempt`),
      ...dueOf(due, what),
    };
    const old = delivery === undefined ? undefined : taken(before, delivery, `${what}.delivery`);
    if ((held ?? undefined) !== (old?.held ?? undefined)) {
      throw new InvalidArgumentError(`${what}.held cannot be changed: put it back as it was, or take the event out`);
    }
    if (old === undefined) added.push({ ...changed, sent: 0 });
    else numbered.push({ ...withoutDue(old), ...changed });
  }
  return [...numbered.sort((one, other) => one.delivery - other.delivery), ...withNumbers(added, lastDelivery)];
}

/** The waits that are left, in the order in which they were opened. */
export function checkedWaits(waits: unknown, known: readonly Native.OpenWait[]): Native.OpenWait[] {
  const before = new Map(known.map((wait) => [wait.id, wait]));
  const left = new Map<string, Native.OpenWait>();
  for (const [index, one] of list(waits, "waits")) {
    const what = `waits[${index}]`;
    const { id, kind, event, due, expiry } = fields(one, what, WAIT);
    const old = taken(before, id, `${what}.id`);
    if (kind !== old.kind) refuse(`${what}.kind`, `${JSON.stringify(old.kind)} as it was`, kind);
    const text = eventOf(event, `${what}.event`);
    if (old.kind === "input") checkRequest(event as object, old.id, `${what}.event`);
    left.set(old.id, {
      id: old.id,
      kind: old.kind,
      event: text,
      ...dueOf(due, what),
      ...(expiry == null ? {} : { expiry: eventOf(expiry, `${what}.expiry`) }),
    });
  }
  return known.flatMap(({ id }) => left.get(id) ?? []);
}

const PENDING = ["delivery", "step", "event", "attempt", "due", "held"] as const;
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

function checkedStep(step: unknown, what: string, names: KnownNames): string {
  checkString(step, what);
  if (names.hasStep(step)) return step;
  const nearest = names.nearestStep(step);
  throw new InvalidArgumentError(
    `${what} is ${JSON.stringify(step)}, which workflow ${JSON.stringify(names.workflow)} does not have` +
      (nearest === null ? "" : `; did you mean ${JSON.stringify(nearest)}?`),
  );
}

function eventOf(event: unknown, what: string): string {
  const type = reading(what, () =>
    typeof event === "object" ? (event as { type?: unknown } | null)?.type : undefined,
  );
  if (typeof type !== "string" || type === "") refuse(what, "an event, an object with a type", event);
  return eventText(event as object);
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

function withoutDue({ due: _, ...queued }: Native.QueuedDelivery): Native.QueuedDelivery {
  return queued;
}

/** Events that were added come after all that there were. */
function withNumbers(
  added: readonly Omit<Native.QueuedDelivery, "delivery">[],
  lastDelivery: number,
): Native.QueuedDelivery[] {
  return added.map((queued, index) => ({ ...queued, delivery: lastDelivery + index + 1 }));
}
