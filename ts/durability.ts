// When a run is written to its store, as users name it.

import { refuse } from "./arguments.js";

const KNOWN = ["sync", "async", "exit"] as const;

/**
 * When a run is written to its store.
 *
 * - `"sync"`: a step is invoked when the store has the event that it receives. The default.
 * - `"async"`: a step is invoked at once, and the store follows; a crash may lose the last few steps, which are then
 *   done again.
 * - `"exit"`: only when the run is paused, and when it ends; a crash loses what came after the last pause, and a run that
 *   was never paused altogether.
 *
 * A result is only ever given when the store has it.
 */
export type Durability = (typeof KNOWN)[number];

export function checkDurability(value: unknown): asserts value is Durability {
  if (!(KNOWN as readonly unknown[]).includes(value)) {
    refuse("the durability", `one of ${KNOWN.map((name) => JSON.stringify(name)).join(", ")}`, value);
  }
}
