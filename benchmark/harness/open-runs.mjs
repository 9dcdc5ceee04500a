// Durable runs over a store of their own, for as long as a probe needs them.

import { withStoreFolder } from "./store-folder.mjs";

/** Calls `work(runs, folder)` with the subject's runs over a fresh store, which is closed and removed afterwards. */
export function withRuns(subject, options, work) {
  return withStoreFolder(async (folder) => {
    const runs = await subject.openRuns(folder, options);
    try {
      return await work(runs, folder);
    } finally {
      await runs.close();
    }
  });
}

/** A subject that loses a step would be fast. */
export async function mustCount(steps, run) {
  const counted = await run;
  if (counted !== steps) {
    throw new Error(`A run was to count ${steps} steps and counted ${counted}.`);
  }
}
