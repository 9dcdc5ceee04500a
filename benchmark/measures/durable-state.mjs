// Does a durable step get dearer with the state that it does not touch? Two runs with states of two sizes, in turns.

import { withRuns } from "../harness/open-runs.mjs";
import { median } from "../harness/statistics.mjs";
import { atMost } from "../harness/target.mjs";
import { writeProgress } from "../workload/durable-step.mjs";
import { Pace } from "../workload/pace.mjs";

const MEGABYTE = "m".repeat(1024 * 1024);

// LangGraph.js writes the whole state at each step: with 100 MB its few steps would fill gigabytes.
const SIZES = {
  "blazen-sqlite": { small: 1, large: 100, windows: 30, steps: 40 },
  "langgraph-sqlite": { small: 0, large: 1, windows: 5, steps: 10 },
};

export default {
  name: "durable-state",
  title: "A durable step beside a state that it does not touch",
  subjects: Object.keys(SIZES),
  processes: 2,
  onDisk: true,

  async probe(subject, subjectName) {
    const { small, large, windows, steps } = SIZES[subjectName];
    return withPaced(subject, small, windows * steps, (smallRun) =>
      withPaced(subject, large, windows * steps, async (largeRun) => {
        const times = [];
        for (let window = 0; window < windows; window += 1) {
          times.push({ small: await smallRun.time(steps), large: await largeRun.time(steps) });
        }
        return {
          small: median(times.map((time) => time.small)),
          large: median(times.map((time) => time.large)),
          ratio: median(times.map((time) => time.large / time.small)),
        };
      }),
    );
  },

  rows: ({ "blazen-sqlite": blazen, "langgraph-sqlite": langgraph }) => [
    { label: "blazen, SQLite, 1 MB of state", value: blazen.small, unit: "us" },
    {
      label: "blazen, SQLite, 100 MB of state",
      value: blazen.large,
      unit: "us",
      judged: blazen.ratio,
      basis: "x that",
      target: atMost(1.1),
    },
    { label: "LangGraph.js, SQLite, no state", value: langgraph.small, unit: "us" },
    {
      label: "LangGraph.js, SQLite, 1 MB of state",
      value: langgraph.large,
      unit: "us",
      judged: langgraph.ratio,
      basis: "x that",
    },
  ],
};

/** A run that has written `megabytes` keys of 1 MB, over a store of its own, and has `steps` more to go. */
function withPaced(subject, megabytes, steps, work) {
  const pace = new Pace();
  const write = (n) => (n < megabytes ? { [`untouched-${n}`]: MEGABYTE } : writeProgress(n));
  return withRuns(subject, { before: pace.before, write }, async (runs) => {
    const warmUp = steps;
    // One more, at whose beginning the last window ends.
    const ended = runs.run(megabytes + warmUp + steps + 1);
    await pace.advance(megabytes + warmUp);
    const measured = await work(pace);
    pace.release();
    await ended;
    return measured;
  });
}
