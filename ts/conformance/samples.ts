// Commits to check with.

import type { OpenWait, QueuedDelivery, RunCommit, WrittenKey } from "../run_commit.js";

/** The `n`th run. */
export function runId(n: number): string {
  return `01900000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** The commit that creates the `n`th run. */
export function first(n: number, changes: Partial<RunCommit> = {}): RunCommit {
  return {
    runId: runId(n),
    version: 1,
    at: 1_000,
    creates: "orders",
    replaces: false,
    gathered: [],
    added: [],
    again: [],
    queued: [],
    opened: [],
    written: [],
    streamed: [],
    status: "running",
    lastDelivery: 0,
    waiting: false,
    ...changes,
  };
}

/** A commit to the run as it is after another one. */
export function after(commit: RunCommit, changes: Partial<RunCommit> = {}): RunCommit {
  const { creates: _, ...next } = first(0);
  const { runId, version, at, status, result, error, ending, lastDelivery, timeRemaining } = commit;
  return {
    ...next,
    runId,
    version: version + 1,
    at: at + 10,
    status,
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
    ...(ending === undefined ? {} : { ending }),
    lastDelivery,
    ...(timeRemaining === undefined ? {} : { timeRemaining }),
    ...changes,
  };
}

/** A commit with something in every part of it. */
export function full(n: number, changes: Partial<RunCommit> = {}): RunCommit {
  return first(n, {
    queued: [queued(1, "charge", '{"a": 1.50}'), { ...queued(2, "audit"), attempt: 3, sent: 2 }],
    opened: [opened("approve"), opened("sign")],
    written: [set("n", 0, '{ "n" : 1e2 }'), set("blob", 1, Buffer.from([0, 255, 10]))],
    parent: { runId: runId(0), depth: 2 },
    code: { version: "7", steps: "[ ]" },
    lastDelivery: 2,
    timeRemaining: 60_000,
    ...changes,
  });
}

export function queued(delivery: number, step = "charge", event = "{}"): QueuedDelivery {
  return { delivery, step, eventType: "Charged", event, attempt: 1, sent: 0 };
}

export function opened(id: string): OpenWait {
  return { id, kind: "input", event: `{"request_id":${JSON.stringify(id)}}` };
}

/** That a delivery has settled. */
export function settled(delivery: number) {
  return { delivery, began: 990, attempt: 1 };
}

export function set(key: string, place: number, value: string | Buffer): WrittenKey {
  return { key, place, after: value };
}

export function takenOut(key: string, place: number, before: string): WrittenKey {
  return { key, place, before };
}

/** The ways in which a run ends. */
export const ENDS: readonly Pick<RunCommit, "status" | "result" | "error">[] = [
  { status: "completed" },
  { status: "completed", result: "[1, 2]" },
  { status: "failed", error: '{"message":"no"}' },
  { status: "cancelled", error: '{"message":"no"}' },
];
