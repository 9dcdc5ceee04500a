// What a run's file grows to when each step adds 1 KB to the state. The run then waits for an answer, so that all of it
// is kept, and its store is closed, so that no log is left to be counted. The data are what the steps have added: their
// state, and the events that they have consumed, which the history keeps.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { withStoreFolder } from "../harness/store-folder.mjs";
import { atMost } from "../harness/target.mjs";
import { addKilobyte, EVENT_BYTES } from "../workload/durable-step.mjs";

const KILOBYTE = 1_024;
const STEPS = [100, 1_000, 10_000];

// LangGraph.js writes the whole state at each step: 1,000 steps would fill a gigabyte.
const SUBJECTS = { "blazen-sqlite": STEPS, "langgraph-sqlite": [100, 300] };

export default {
  name: "durable-size",
  title: "The file of one run that adds 1 KB of state at each step",
  subjects: Object.keys(SUBJECTS),
  processes: 1,
  onDisk: true,

  async probe(subject, subjectName) {
    const figures = { empty: await sizeAfter(subject, 0) };
    for (const steps of SUBJECTS[subjectName]) {
      figures[steps] = await sizeAfter(subject, steps);
    }
    return figures;
  },

  rows({ "blazen-sqlite": blazen, "langgraph-sqlite": langgraph }) {
    const [few, some, many] = STEPS;
    const growth = (from, to) => (blazen[to] - blazen[from]) / (to - from);
    const ofData = (label, figures, steps, target) => ({
      label: `${label}, ${steps.toLocaleString("en-US")} steps`,
      value: figures[steps] / 1e6,
      unit: "MB",
      judged: (figures[steps] - figures.empty) / (steps * (KILOBYTE + EVENT_BYTES)),
      basis: "x the data, beside an empty file",
      target,
    });
    return [
      { label: "blazen, SQLite, no run", value: blazen.empty / 1e6, unit: "MB" },
      ...STEPS.map((steps) => ofData("blazen, SQLite", blazen, steps, atMost(1.5))),
      {
        label: `blazen, SQLite, a step after ${some.toLocaleString("en-US")}`,
        value: growth(some, many) / 1e3,
        unit: "KB",
        judged: growth(some, many) / growth(few, some),
        basis: "x one before",
        target: atMost(1.1),
      },
      ...SUBJECTS["langgraph-sqlite"].map((steps) => ofData("LangGraph.js, SQLite", langgraph, steps)),
    ];
  },
};

/** Bytes of all the files that a store is made of. */
function sizeAfter(subject, steps) {
  return withStoreFolder(async (folder) => {
    const runs = await subject.openRuns(folder, { write: addKilobyte });
    if (steps > 0) {
      await runs.park(1, steps);
    }
    await runs.close();
    const files = readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, name)));
    return files.reduce((bytes, file) => bytes + (file.isFile() ? file.size : 0), 0);
  });
}
