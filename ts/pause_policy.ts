// What a pause does about session values, as users name it.

import type * as Native from "../native.js";
import { refuse } from "./arguments.js";

/** What `pause()` does about session values, which never enter a snapshot. */
export const SessionPausePolicy = Object.freeze({
  /** Pause; the entries stay behind. The default: a session value is always JSON, so there is nothing to fail on. */
  PickleOrError: "pickle_or_error",
  /** Pause, and emit a process warning that names the keys that stay behind. */
  WarnDrop: "warn_drop",
  /** Refuse to pause while the session holds anything, naming the keys; the run goes on. */
  HardError: "hard_error",
} as const);

/** What `pause()` does about session values, which never enter a snapshot. */
export type SessionPausePolicy = (typeof SessionPausePolicy)[keyof typeof SessionPausePolicy];

export function checkPausePolicy(value: unknown): asserts value is SessionPausePolicy {
  const known: readonly unknown[] = Object.values(SessionPausePolicy);
  if (!known.includes(value)) {
    refuse("the session pause policy", `one of ${known.map((policy) => JSON.stringify(policy)).join(", ")}`, value);
  }
}

/** The policy as the binding takes it: the words are the same, and only its generated type is not. */
export function toNative(policy: SessionPausePolicy): Native.PausePolicy {
  return policy as Native.PausePolicy;
}
