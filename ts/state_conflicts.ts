// What is done about a lost update of the state, as users name it.

import { refuse } from "./arguments.js";
import type { BlazenErrorCode } from "./errors.js";

const KNOWN = ["warn", "error", "off"] as const;

/** The code of the error, and of the warning in its place. */
const CODE: BlazenErrorCode = "ERR_BLAZEN_STATE_CONFLICT";

/**
 * What is done about a lost update: a handler gets a key, another sets it or takes it out, and then the first one sets it
 * or takes it out, knowing nothing of that.
 *
 * - `"warn"`: a process warning that names the key and both steps, once for each run and key. The default.
 * - `"error"`: the later write rejects with `ERR_BLAZEN_STATE_CONFLICT`, and the key keeps what it has.
 * - `"off"`: nothing.
 *
 * `update`, `increment` and `append` read and write in one go, and are never lost updates.
 */
export type StateConflicts = (typeof KNOWN)[number];

export function checkStateConflicts(value: unknown): asserts value is StateConflicts {
  if (!(KNOWN as readonly unknown[]).includes(value)) {
    refuse("the option stateConflicts", `one of ${KNOWN.map((name) => JSON.stringify(name)).join(", ")}`, value);
  }
}

export function warnOfConflict(runId: string, conflict: string): void {
  process.emitWarning(`Run ${runId}: ${conflict}`, { type: "BlazenWarning", code: CODE });
}
