// The plainest store there is, to compare with: it keeps nothing beyond its own life, and is never asked to.

import type { CheckpointQuery, CheckpointSummary } from "../checkpoint_store.js";
import type { CheckpointedRun, QueuedDelivery, RunCommit } from "../run_commit.js";
import type { Whole } from "./difference.js";

/** How long its stream is, it does not say. */
export type ModelRun = Omit<Whole<CheckpointedRun>, "streamed">;

type Rest = Pick<Whole<CheckpointSummary>, "waiting" | "wakesAt">;

export class Model {
  /** In the order in which they were created. */
  readonly runs = new Map<string, ModelRun>();
  /** By run. */
  readonly streams = new Map<string, readonly string[]>();
  /** By run. */
  readonly #rests = new Map<string, Rest>();

  /** The version that is stored, for a commit that is refused. */
  take(commit: RunCommit): number | null {
    const run = this.runs.get(commit.runId) ?? nothingYet(commit);
    if (commit.version !== run.version + 1) return run.version;
    this.runs.set(commit.runId, followed(run, commit));
    this.streams.set(commit.runId, [...(this.streams.get(commit.runId) ?? []), ...commit.streamed]);
    this.#rests.set(commit.runId, { waiting: commit.waiting, wakesAt: commit.wakesAt });
    return null;
  }

  summaries({ workflow, status, order }: CheckpointQuery): Whole<CheckpointSummary>[] {
    const fit = [...this.runs.values()]
      .filter((run) => workflow === undefined || run.workflow === workflow)
      .filter((run) => status === undefined || run.status === status)
      .map((run) => summaryOf(run, this.#rests.get(run.runId) as Rest));
    return order === "oldest-first" ? fit : fit.reverse();
  }
}

export function hasEnded({ status }: Pick<RunCommit, "status">): boolean {
  return status !== "running" && status !== "paused";
}

export function nothingYet({ runId, creates, parent, at, status }: RunCommit): ModelRun {
  const nothing = { pending: [], waits: [], state: [], lastDelivery: 0, timeRemaining: undefined };
  const times = { createdAt: at, updatedAt: at, finishedAt: undefined };
  return {
    runId,
    workflow: creates ?? "",
    parent,
    code: undefined,
    version: 0,
    status,
    result: undefined,
    error: undefined,
    ending: undefined,
    ...times,
    ...nothing,
  };
}

/** The run as it stands after a commit. */
function followed(run: ModelRun, commit: RunCommit): ModelRun {
  const { version, at, status, result, error, ending, lastDelivery, timeRemaining, code = run.code } = commit;
  const before = commit.replaces ? { ...run, pending: [], waits: [], state: [] } : run;
  const head = { ...run, code, version, status, result, error, updatedAt: at, lastDelivery, timeRemaining };
  const state = stateAfter(before, commit);
  const end = { ending: undefined, finishedAt: run.finishedAt ?? at, pending: [], waits: [] };
  if (hasEnded(commit)) return { ...head, ...end, state };
  const waits = before.waits.filter(({ id }) => id !== commit.closed).concat(commit.opened);
  return { ...head, ending, finishedAt: undefined, pending: pendingAfter(before, commit), waits, state };
}

function pendingAfter(
  { pending }: ModelRun,
  { settled, held, done, gathered, sent, added, again, queued }: RunCommit,
): ModelRun["pending"] {
  return pending
    .flatMap((waits) => (waits.delivery === settled?.delivery ? whatStays(waits, held, done) : [waits]))
    .filter((waits) => waits.held === undefined || !gathered.includes(waits.delivery))
    .map((waits) => (gathered.includes(waits.delivery) ? { ...waits, gathered: true } : waits))
    .map((waits) => (waits.delivery === sent?.delivery ? { ...waits, sent: sent.count } : waits))
    .map((waits) => withAdded(waits, added))
    .map((waits) => attemptedAgain(waits, again))
    .concat(queued)
    .sort((a, b) => a.delivery - b.delivery);
}

/** What stays of a delivery that has settled, if anything does. */
function whatStays(waits: QueuedDelivery, held: string | undefined, done: number | undefined): QueuedDelivery[] {
  const { added: _, ...rest } = waits;
  if (held !== undefined) return [{ ...rest, held }];
  return done === undefined ? [] : [{ ...rest, done, attempt: 1, sent: 0 }];
}

function withAdded(waits: QueuedDelivery, added: RunCommit["added"]): QueuedDelivery {
  const found = added.find(({ delivery }) => delivery === waits.delivery);
  return found === undefined ? waits : { ...waits, added: found.results };
}

function attemptedAgain(waits: QueuedDelivery, again: RunCommit["again"]): QueuedDelivery {
  const found = again.find(({ delivery }) => delivery === waits.delivery);
  if (found === undefined) return waits;
  const { due: _, ...rest } = waits;
  return { ...rest, ...found };
}

function stateAfter({ state }: ModelRun, { written }: RunCommit): ModelRun["state"] {
  return state
    .filter(({ key }) => !written.some((change) => change.key === key))
    .concat(written.flatMap(({ key, place, after }) => (after === undefined ? [] : [{ key, place, value: after }])))
    .sort((a, b) => a.place - b.place);
}

function summaryOf(run: ModelRun, rest: Rest): Whole<CheckpointSummary> {
  const { runId, workflow, parent, status, createdAt, updatedAt, finishedAt } = run;
  return { runId, workflow, parent, status, ...rest, createdAt, updatedAt, finishedAt };
}
