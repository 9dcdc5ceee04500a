// What a store that is written in JavaScript answers, checked: nothing that is not plainly said counts as stored.

import type { CheckpointPage, CheckpointSummary } from "./checkpoint_store.js";
import { summary } from "./describe.js";
import { fromNative, isBlazenError, StoreError } from "./errors.js";
import type { CheckpointedRun } from "./run_commit.js";

/**
 * The answer to `commit()`: for each commit that was not taken, the version that is stored.
 *
 * @throws StoreError unless it is nothing, or one word for each commit
 */
export function otherVersions(answer: unknown, commits: number): (number | undefined)[] {
  if (answer === undefined) return [];
  if (!Array.isArray(answer) || answer.length !== commits) {
    throw wrong(
      "ERR_BLAZEN_STORE_IO",
      "commit()",
      `nothing, or a list with one entry for each of ${commits} commits`,
      answer,
    );
  }
  return answer.map((refusal: unknown) => {
    if (refusal === null || refusal === undefined) return undefined;
    const { storedVersion } = refusal as { storedVersion?: unknown };
    if (typeof storedVersion === "number" && Number.isSafeInteger(storedVersion) && storedVersion >= 0) {
      return storedVersion;
    }
    throw wrong("ERR_BLAZEN_STORE_IO", "commit()", "null or { storedVersion } for each commit", refusal);
  });
}

/**
 * The answer to `load()`.
 *
 * @throws StoreError unless it is the run that was asked for, or null
 */
export function checkRun(answer: unknown, runId: string): CheckpointedRun | null {
  if (answer === null) return null;
  if (typeof answer !== "object") throw wrong("ERR_BLAZEN_STORE_CORRUPT", "load()", "a run or null", answer);
  const given = answer as CheckpointedRun;
  if (given.runId !== runId) throw wrong("ERR_BLAZEN_STORE_CORRUPT", "load()", `run ${runId}`, given.runId);
  // A field that may be left out is null where it came from SQL.
  const fields = Object.entries(given).filter(([, value]) => value !== null);
  return Object.fromEntries(fields) as unknown as CheckpointedRun;
}

/** Hands a run over; what it is not is told as damage of the store. */
export function readingRun<Run>(handOver: () => Run): Run {
  try {
    return handOver();
  } catch (error) {
    const reason = fromNative(error);
    if (isBlazenError(reason)) throw reason;
    throw new StoreError("ERR_BLAZEN_STORE_CORRUPT", `the store's load() gave what is no run: ${summary(reason)}`, {
      cause: reason,
    });
  }
}

/**
 * The answer to `runs()`.
 *
 * @throws StoreError unless it is a page of runs
 */
export function checkPage(answer: unknown): CheckpointPage {
  const page = answer as CheckpointPage | null | undefined;
  if (typeof page === "object" && page !== null && Array.isArray(page.runs)) {
    const isRun = (run: Partial<CheckpointSummary> | null) =>
      typeof run?.runId === "string" &&
      (run.parent == null || typeof run.parent.runId === "string") &&
      isOptionalNumber(run.wakesAt);
    const isWhole = page.runs.findIndex((run) => !isRun(run)) === -1; // it looks into holes, too
    if (isWhole && (page.next == null || Number.isSafeInteger(page.next))) return page;
  }
  throw wrong(
    "ERR_BLAZEN_STORE_IO",
    "runs()",
    "{ runs, next }, with the runId of each run, and of its parent if it has one, and a wakesAt that is a number if it has one",
    answer,
  );
}

/** What may be left out is null where it came from SQL. */
function isOptionalNumber(value: number | null | undefined): boolean {
  return value == null || Number.isFinite(value);
}

/**
 * The answer to `stream()`.
 *
 * @throws StoreError unless it is a page of texts, or null
 */
export function checkStream(answer: unknown, atMost: number): readonly string[] | null {
  if (answer === null) return null;
  const isPage = Array.isArray(answer) && answer.length <= atMost && answer.every((event) => typeof event === "string");
  if (isPage) return answer;
  throw wrong("ERR_BLAZEN_STORE_IO", "stream()", `up to ${atMost} JSON texts, or null`, answer);
}

function wrong(
  code: "ERR_BLAZEN_STORE_IO" | "ERR_BLAZEN_STORE_CORRUPT",
  method: string,
  expected: string,
  found: unknown,
): StoreError {
  return new StoreError(code, `the store's ${method} must give ${expected}, and gave ${summary(found)}`);
}
