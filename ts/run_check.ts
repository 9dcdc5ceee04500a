// Which unfinished runs of a store a workflow cannot finish. Nothing is written, so the runs may go on meanwhile.

import { type BlazenError, isBlazenError, StoreError } from "./errors.js";
import type { Migration } from "./migration.js";
import { fitnessOf, type RunProblem, type RunVerdict } from "./run_fitness.js";
import type { RunStatus } from "./run_status.js";
import type { LoadedRun, StoreConnection } from "./store_connection.js";
import { readSteps, type WorkflowCode } from "./workflow_code.js";

export type { RunProblem, RunVerdict } from "./run_fitness.js";

/** An unfinished run that a workflow cannot finish, or may not be able to. */
export interface UnfitRun {
  /** The id of the run; not there if what is damaged does not even tell that. */
  runId?: string;
  /** The version of the workflow that it goes by, if that is known. */
  workflowVersion?: string;
  status?: RunStatus;
  /** `"cannot"` if one of its problems is certain. */
  verdict: RunVerdict;
  /** The names of the steps that it needs, or may need, as far as is known; also those that are not there. */
  needs: string[];
  /** What is wrong, at least one. */
  problems: RunProblem[];
}

/** How many runs are listed at once, and how many are loaded at once. */
const LISTED_AT_ONCE = 1_000;
const LOADED_AT_ONCE = 16;

export interface RunCheck {
  readonly connection: StoreConnection;
  readonly code: WorkflowCode;
  /** What would be done to runs of other versions first. */
  readonly migration: Migration | undefined;
}

export async function checkRuns(check: RunCheck): Promise<UnfitRun[]> {
  const { connection, code } = check;
  const unfit: UnfitRun[] = [];
  // A run may be paused, or go on, between the two.
  const seen = new Set<string>();
  for (const status of ["running", "paused"] as const) {
    let after: number | undefined;
    do {
      const query = { workflow: code.workflow, status, oldestFirst: true, limit: LISTED_AT_ONCE, after };
      const page = await connection.list(query);
      for (const message of page.damaged) unfit.push(damaged(new StoreError("ERR_BLAZEN_STORE_CORRUPT", message)));
      const ids = page.runs.map(({ runId }) => runId);
      while (ids.length > 0) {
        const some = await Promise.all(ids.splice(0, LOADED_AT_ONCE).map((runId) => checkRun(check, runId)));
        for (const run of some) {
          if (run?.runId === undefined || seen.has(run.runId)) continue;
          seen.add(run.runId);
          unfit.push(run);
        }
      }
      after = page.next ?? undefined;
    } while (after !== undefined);
  }
  return unfit;
}

async function checkRun({ connection, code, migration }: RunCheck, runId: string): Promise<UnfitRun | undefined> {
  let loaded: LoadedRun | null;
  try {
    loaded = await connection.load(runId);
  } catch (error) {
    if (isBlazenError(error) && error.code === "ERR_BLAZEN_STORE_CORRUPT") return damaged(error, runId);
    throw error;
  }
  // It may have ended, or been pruned, since it was listed.
  if (loaded === null || (loaded.status !== "running" && loaded.status !== "paused")) return undefined;
  const { workflowVersion, status } = loaded;
  const about = { runId, ...(workflowVersion == null ? {} : { workflowVersion }), status: status as RunStatus };
  let remembered = readSteps(loaded.workflowSteps);
  if (migration?.concerns(loaded)) {
    try {
      await migration.apply(loaded, code);
    } catch (error) {
      const { message } = error as BlazenError;
      return unfitRun(about, [], [{ verdict: "cannot", kind: "migration-failed", message }]);
    }
    remembered = [...code.steps];
  }
  const { needs, problems } = fitnessOf(loaded, code, remembered);
  return problems.length === 0 ? undefined : unfitRun(about, needs, problems);
}

function damaged({ message }: BlazenError, runId?: string): UnfitRun {
  return unfitRun(runId === undefined ? {} : { runId }, [], [{ verdict: "cannot", kind: "damaged", message }]);
}

function unfitRun(
  about: Pick<UnfitRun, "runId" | "workflowVersion" | "status">,
  needs: string[],
  problems: RunProblem[],
): UnfitRun {
  const verdict = problems.some((problem) => problem.verdict === "cannot") ? "cannot" : "may not";
  return { ...about, verdict, needs, problems };
}
