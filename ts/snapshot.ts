// A paused run as text.
//
// The engine writes the document; what it cannot write are the events that are on their way, which are JavaScript's.

import type * as Native from "../native.js";
import type { RestingChild } from "./child.js";
import { eventText } from "./event_text.js";
import type { native } from "./native.js";
import { SessionPausePolicy, toNative } from "./pause_policy.js";
import type { PayloadTable } from "./payload_table.js";

/**
 * @param ending why the run is about to end, a JSON text, if it undoes what it has done
 * @throws SerializationError if an event is not JSON; a native error if the policy forbids to leave the session
 *   behind
 */
export function takeSnapshot(
  run: InstanceType<typeof native.Context>,
  payloads: PayloadTable,
  policy: SessionPausePolicy,
  children: readonly RestingChild[],
  ending: string | undefined,
): string {
  const events = pendingTexts(run, payloads);
  const resting = children as Native.RestingChild[]; // the words are the same
  const at = new Date().toISOString();
  const snapshot = run.snapshot(events, resting, toNative(policy), at, performance.now(), ending);
  if (policy === SessionPausePolicy.WarnDrop) warnOfSession(run.id, run.openSession().listKeys());
  return snapshot;
}

/** The texts of the events that are on their way, in the order in which the engine names them. */
export function pendingTexts(run: InstanceType<typeof native.Context>, payloads: PayloadTable): string[] {
  return run.pendingPayloads().map((number) => {
    const kept = payloads.get(number);
    return typeof kept === "string" ? kept : eventText(kept);
  });
}

function warnOfSession(runId: string, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const list = keys.map((key) => JSON.stringify(key)).join(", ");
  process.emitWarning(
    `Run ${runId} was paused; these session entries are not in its snapshot: ${list}`,
    "BlazenWarning",
  );
}
