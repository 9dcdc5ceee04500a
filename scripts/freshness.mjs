// Whether something made is still what its sources say, by the times at which files were last written.

import { readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

/** Whether `output` is missing, or older than any of `sources`: files, or folders with all that is in them. */
export function isStale(output, sources) {
  const made = statSync(output, { throwIfNoEntry: false });
  return made === undefined || sources.some((source) => lastWritten(source) > made.mtimeMs);
}

/** Dates `output` back to when its making began, so that a source saved meanwhile counts as newer. */
export function dateBack(output, began) {
  utimesSync(output, began, began);
}

function lastWritten(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) {
    return stats.mtimeMs;
  }
  // A folder's own time is that of the last file added, renamed or removed.
  const inside = readdirSync(path, { recursive: true }).map((name) => statSync(join(path, name)).mtimeMs);
  return Math.max(stats.mtimeMs, ...inside);
}
