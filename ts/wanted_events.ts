// What a handler that collects wants: of which types, how many, and in which order.

import { checkCount, reading, readOptions, refuse } from "./arguments.js";
import type { Definition, Step } from "./definition.js";
import { InvalidArgumentError } from "./errors.js";

/** How events are collected. */
export interface CollectOptions {
  /**
   * Which events wait for each other: those of the same step and key. Any string; the empty one unless given. Such as the
   * number of an order, where one run has several.
   */
  key?: string;
}

/** The events that are wanted: their types, each as often as it is wanted; or how many of each type. */
export type WantedEvents<Type extends string = string> = readonly Type[] | { readonly [Wanted in Type]?: number };

const ROOM = new Uint32Array(64);

/** What is wanted, checked: how many of each type, by its number, and how the answer is put into order. */
export class Wanted {
  /** A type, how many, a type, ... */
  readonly counts: number[] = [];
  /** For each place in the answer, from which group it is taken; undefined if it is group by group. */
  readonly #order: readonly number[] | undefined;

  /** @throws InvalidArgumentError */
  constructor(wanted: WantedEvents, step: Step, definition: Definition) {
    const list = reading("the events that collectEvents() is to wait for", () => entriesOf(wanted));
    const groups = new Map<string, number>();
    const order: number[] = [];
    for (const [type, count] of list) {
      let group = groups.get(type);
      if (group === undefined) {
        group = groups.size;
        groups.set(type, group);
        this.counts.push(numberOf(type, step, definition), 0);
      }
      this.counts[2 * group + 1] = (this.counts[2 * group + 1] as number) + count;
      if (Array.isArray(wanted)) order.push(group);
    }
    this.#order = Array.isArray(wanted) ? order : undefined;
  }

  /** The counts, to be lent to the engine. No user code runs while they are, so one room mostly serves all. */
  lent(): Uint32Array {
    const room = this.counts.length <= ROOM.length ? ROOM : new Uint32Array(this.counts.length);
    room.set(this.counts);
    return room;
  }

  /** Whether an event of the type with that number is wanted. */
  includes(eventType: number | undefined): boolean {
    return this.counts.some((number, at) => at % 2 === 0 && number === eventType);
  }

  /** @param found group by group */
  inOrder<Found>(found: readonly Found[]): Found[] {
    if (this.#order === undefined) return [...found];
    const next: number[] = [];
    for (let at = 1, begin = 0; at < this.counts.length; at += 2) {
      next.push(begin);
      begin += this.counts[at] as number;
    }
    return this.#order.map((group) => {
      const at = next[group] as number;
      next[group] = at + 1;
      return found[at] as Found;
    });
  }
}

/** @throws InvalidArgumentError */
export function readKey(options: CollectOptions | undefined): string {
  if (options === undefined) return "";
  const { key = "" } = readOptions(options, "the options of collectEvents()", ["key"]);
  if (typeof key !== "string") refuse("the key of collectEvents()", "a string", key);
  return key;
}

function entriesOf(wanted: WantedEvents): [string, number][] {
  if (typeof wanted !== "object" || wanted === null) {
    refuse("what collectEvents() is to wait for", "a list of event types, or how many of each", wanted);
  }
  const entries = Array.isArray(wanted)
    ? Array.from(wanted as readonly string[], (type): [string, number] => [type, 1])
    : Object.entries(wanted as { [type: string]: number });
  if (entries.length === 0) throw new InvalidArgumentError("collectEvents() is to wait for nothing");
  for (const [type, count] of entries) {
    if (typeof type !== "string") refuse("an event type that collectEvents() is to wait for", "a string", type);
    checkCount(count, `the number of ${JSON.stringify(type)} events`);
  }
  return entries;
}

function numberOf(type: string, step: Step, definition: Definition): number {
  if (step.accepts.includes(type)) return definition.eventTypes.get(type) as number;
  const accepted = step.accepts.map((accepts) => JSON.stringify(accepts)).join(", ");
  throw new InvalidArgumentError(
    `step ${JSON.stringify(step.name)} cannot collect ${JSON.stringify(type)} events: it does not receive them; it accepts ${accepted}`,
  );
}
