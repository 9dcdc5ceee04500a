// A whole run of two steps, from start to result: what starting and ending a run costs.

import { median, microsecondsEach } from "../harness/statistics.mjs";
import { atLeast } from "../harness/target.mjs";

const RUNS_A_ROUND = { bare: 20_000, blazen: 20_000, xstate: 2_000, llamaindex: 2_000, langgraph: 500 };
const ROUNDS = 5;

export default {
  name: "two-step",
  title: "A whole run of two steps, start to result",
  subjects: Object.keys(RUNS_A_ROUND),
  processes: 3,

  async probe(subject, subjectName) {
    const count = RUNS_A_ROUND[subjectName];
    const run = subject.twoStep();
    const times = [];
    for (let round = -1; round < ROUNDS; round += 1) {
      const time = await microsecondsEach(count, () => oneAfterTheOther(run, count));
      const warmUp = round < 0;
      if (!warmUp) {
        times.push(time);
      }
    }
    return { run: median(times) };
  },

  rows({ bare, blazen, xstate, llamaindex, langgraph }) {
    const peerRow = (label, { run }, target) => ({
      label,
      value: run,
      unit: "us",
      judged: run / blazen.run,
      basis: "x blazen's",
      target,
    });
    return [
      { label: "bare await of the same handlers", value: bare.run, unit: "us" },
      { label: "blazen", value: blazen.run, unit: "us" },
      peerRow("XState", xstate),
      peerRow("LlamaIndex", llamaindex),
      peerRow("LangGraph.js", langgraph, atLeast(100)),
    ];
  },
};

async function oneAfterTheOther(run, count) {
  for (let i = 0; i < count; i += 1) {
    const counted = await run();
    if (counted !== 2) {
      throw new Error(`The run was to count 2 steps and counted ${counted}.`);
    }
  }
}
