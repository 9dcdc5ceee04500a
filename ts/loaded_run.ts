// What a run has that was loaded. Of one that undoes what it has done, nothing counts but that.

import type { OpenWait, QueuedDelivery } from "../native.js";
import type { LoadedRun } from "./store_connection.js";
import type { AnyEvent, StateValue } from "./types.js";

/** The state, in the order of its keys. */
export function stateOf(run: LoadedRun): Map<string, StateValue> {
  const values = run.stateValues() as (string | Buffer)[];
  return new Map(run.stateKeys().map((key, at) => [key, stateValue(values[at] as string | Buffer)]));
}

/**
 * The events on their way, in the order in which they will be received, and what is done and can be undone, the first to
 * be undone first.
 */
export function queueOf({ queued, ending }: LoadedRun): { pending: QueuedDelivery[]; undoable: QueuedDelivery[] } {
  const all = queued; // made anew whenever it is asked for
  return {
    pending: ending == null ? all.filter((delivery) => !isDone(delivery)) : [],
    undoable: all.filter(isDone).sort((one, other) => Number(other.done) - Number(one.done)),
  };
}

/** What is waited for, and what has come before that. */
export function waitsOf({ waits, ending }: LoadedRun): OpenWait[] {
  return ending == null ? waits : [];
}

/** The type of an event, of which this is the text. */
export function typeIn(event: string): string {
  return (JSON.parse(event) as AnyEvent).type;
}

function isDone({ done }: QueuedDelivery): boolean {
  return done != null;
}

function stateValue(kept: string | Buffer): StateValue {
  return typeof kept === "string" ? JSON.parse(kept) : kept;
}
