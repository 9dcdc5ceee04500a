// What one durable step costs when a run is alone: its commit has to be on the disk before the next step begins, so the
// disk's own sync is the floor, taken in turns with the run.

import { openDisk } from "../harness/disk.mjs";
import { mustCount, withRuns } from "../harness/open-runs.mjs";
import { medianOfRounds, microsecondsEach } from "../harness/statistics.mjs";
import { atLeast, atMost } from "../harness/target.mjs";

/** Before anything is measured: code is compiled, and the log of a new store has grown to the size that it keeps. */
const WARM_UP = { runs: 10, steps: 300 };
const STEPS = 300;
const SYNCS = 300;
const ROUNDS = 5;

export default {
  name: "durable-one",
  title: "One durable run alone, per step",
  subjects: ["disk", "blazen", "blazen-sqlite", "langgraph-sqlite", "dbos-postgres"],
  processes: 3,
  onDisk: true,

  probe: (subject) =>
    withRuns(subject, {}, async (runs, folder) => {
      const disk = openDisk(folder);
      for (let run = 0; run < WARM_UP.runs; run += 1) await mustCount(WARM_UP.steps, runs.run(WARM_UP.steps));
      const figures = await medianOfRounds(ROUNDS, async () => {
        const overwrite = disk.overwrite(SYNCS);
        const append = disk.append(SYNCS);
        const step = await microsecondsEach(STEPS, () => mustCount(STEPS, runs.run(STEPS)));
        return { step, overwrite, append, overwrites: step / overwrite, ofAppendRate: append / step };
      });
      disk.close();
      return figures;
    }),

  rows({ disk, blazen: inMemory, "blazen-sqlite": blazen, "langgraph-sqlite": langgraph, "dbos-postgres": dbos }) {
    const peerRow = (label, { step }) => ({
      label,
      value: step,
      unit: "us",
      judged: step / blazen.step,
      basis: "x blazen's",
    });
    return [
      { label: "the disk: 200 bytes in place, fdatasync", value: disk.overwrite, unit: "us" },
      { label: "the disk: 200 bytes appended, fdatasync", value: disk.append, unit: "us" },
      { label: "blazen, the same step without a store", value: inMemory.step, unit: "us" },
      {
        label: "blazen, SQLite",
        value: blazen.step,
        unit: "us",
        judged: blazen.overwrites,
        basis: "x in place",
        target: atMost(3),
      },
      {
        label: "blazen, SQLite, steps a second",
        value: 1e6 / blazen.step,
        unit: "/s",
        judged: blazen.ofAppendRate,
        basis: "x appends a second",
        target: atLeast(0.7),
      },
      peerRow("LangGraph.js, SQLite", langgraph),
      peerRow("DBOS, Postgres", dbos),
    ];
  },
};
