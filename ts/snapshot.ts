// A paused run as text.
//
// The engine writes the document; what it cannot write are the events that are on their way, which are JavaScript's.

import { checkEvent, isEvent } from "./emission.js";
import { SerializationError } from "./errors.js";
import { toJson } from "./json.js";
import type { native } from "./native.js";
import { SessionPausePolicy, toNative } from "./pause_policy.js";
import type { PayloadTable } from "./payload_table.js";

/** @throws SerializationError if an event is not JSON; a native error if the policy forbids to leave the session behind */
export function takeSnapshot(
  run: InstanceType<typeof native.Context>,
  payloads: PayloadTable,
  policy: SessionPausePolicy,
): string {
  const events = run.pendingPayloads().map((number) => eventJson(payloads.get(number)));
  const snapshot = run.snapshot(events, toNative(policy), new Date().toISOString(), performance.now());
  if (policy === SessionPausePolicy.WarnDrop) warnOfSession(run.id, run.openSession().listKeys());
  return snapshot;
}

/** The text of an event, which must be read as an event again. */
function eventJson(event: object): string {
  const { type } = checkEvent(event, "a step was to be given");
  const subject = () => `the pending event ${JSON.stringify(type)}`;
  const json = toJson(event, subject);
  if (isEvent(JSON.parse(json))) return json;
  throw new SerializationError(`${subject()} has a toJSON that does not give an event`, "");
}

function warnOfSession(runId: string, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const list = keys.map((key) => JSON.stringify(key)).join(", ");
  process.emitWarning(
    `Run ${runId} was paused; these session entries are not in its snapshot: ${list}`,
    "BlazenWarning",
  );
}
