// Targets: what a judged figure must not pass.

export const atMost = (limit) => ({ text: `at most ${limit}`, holds: (figure) => figure <= limit });

export const atLeast = (limit) => ({ text: `at least ${limit}`, holds: (figure) => figure >= limit });

/** "met" or "MISSED"; empty for a row that nobody judges; "not measured" when a figure is missing because its process failed. */
export function verdict({ judged, target }) {
  if (!target) {
    return "";
  }
  if (!Number.isFinite(judged)) {
    return "not measured";
  }
  return target.holds(judged) ? "met" : "MISSED";
}
