// Targets: what a judged figure must not pass.

export const atMost = (limit) => ({ text: `at most ${grouped(limit)}`, holds: (figure) => figure <= limit });

export const atLeast = (limit) => ({ text: `at least ${grouped(limit)}`, holds: (figure) => figure >= limit });

const grouped = (limit) => limit.toLocaleString("en-US");

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
