// How a stored run stands, as users name it.

export const RUN_STATUSES = ["running", "paused", "completed", "failed", "cancelled"] as const;

/** How a stored run stands. One that waits for a person is running. */
export type RunStatus = (typeof RUN_STATUSES)[number];
