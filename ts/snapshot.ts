// A paused run as text.
//
// The engine writes the document; what it cannot write are the events that are on their way, which are JavaScript's.

import type * as Native from "../native.js";
import type { RestingChild } from "./child.js";
import type { native } from "./native.js";
import { SessionPausePolicy, toNative } from "./pause_policy.js";
import type { StepDriver } from "./step_driver.js";

/**
 * @param ending why the run is about to end, a JSON text, if it undoes what it has done
 * @throws SerializationError if an event is not JSON; a native error if the policy forbids to leave the session
 *   behind
 */
export function takeSnapshot(
  run: InstanceType<typeof native.Context>,
  driver: StepDriver,
  policy: SessionPausePolicy,
  children: readonly RestingChild[],
  ending: string | undefined,
): string {
  const events = run.pendingPayloads().map((payload) => driver.text(payload));
  const resting = children as Native.RestingChild[]; // the words are the same
  const at = new Date().toISOString();
  const snapshot = run.snapshot(events, resting, toNative(policy), at, performance.now(), ending);
  if (policy === SessionPausePolicy.WarnDrop) warnOfSession(run.id, run.openSession().listKeys());
  return snapshot;
}

function warnOfSession(runId: string, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const list = keys.map((key) => JSON.stringify(key)).join(", ");
  process.emitWarning(
    `Run ${runId} was paused; these session entries are not in its snapshot: ${list}`,
    "BlazenWarning",
  );
}
