// What one hop costs: an event leaves one step and the next step's handler is invoked with it.

import { median, microsecondsEach } from "../harness/statistics.mjs";
import { atLeast, atMost } from "../harness/target.mjs";

// The work is one run of 200,000 hops. Two peers cannot do that in reasonable time and get shorter runs: LlamaIndex,
// whose hop gets slower the longer the run, is flattered by that; LangGraph's stays the same.
const RUNS = {
  bare: [{ hops: 200_000, rounds: 9 }],
  blazen: [{ hops: 200_000, rounds: 9 }],
  xstate: [{ hops: 200_000, rounds: 1 }],
  llamaindex: [
    { hops: 2_000, rounds: 3 },
    { hops: 20_000, rounds: 1 },
  ],
  langgraph: [{ hops: 2_000, rounds: 3 }],
};

const LABELS = { xstate: "XState", llamaindex: "LlamaIndex", langgraph: "LangGraph.js" };

export default {
  name: "hop",
  title: "One hop, step to step, in memory",
  subjects: Object.keys(RUNS),
  processes: 3,

  async probe(subject, subjectName) {
    const figures = {};
    for (const { hops, rounds } of RUNS[subjectName]) {
      await warmUp(subject, hops);
      const run = subject.loop(hops);
      const times = [];
      for (let round = 0; round < rounds; round += 1) {
        times.push(await microsecondsEach(hops, () => mustEndAt(hops, run)));
      }
      figures[hops] = median(times);
    }
    return figures;
  },

  rows({ bare, blazen, ...peers }) {
    const floor = bare[200_000];
    const ours = blazen[200_000];
    const peerRow = (name, hops, target) => ({
      label: `${LABELS[name]}, ${hops.toLocaleString("en-US")} hops`,
      value: peers[name][hops],
      unit: "us",
      judged: peers[name][hops] / ours,
      basis: "x blazen's",
      target,
    });
    return [
      { label: "bare await of the same handler", value: floor, unit: "us" },
      { label: "blazen", value: ours, unit: "us", judged: ours / floor, basis: "x a bare await", target: atMost(30) },
      peerRow("xstate", 200_000),
      peerRow("llamaindex", 2_000),
      peerRow("llamaindex", 20_000, atLeast(60)),
      peerRow("langgraph", 2_000, atLeast(400)),
    ];
  },
};

/** Three shorter runs, or as long ones where a run is short: enough for every subject's hot code to be compiled. */
async function warmUp(subject, hops) {
  const run = subject.loop(Math.min(hops, 2_000));
  for (let round = 0; round < 3; round += 1) {
    await run();
  }
}

/** A subject that loses an event would be fast. */
async function mustEndAt(hops, run) {
  const counted = await run();
  if (counted !== hops) {
    throw new Error(`The run was to count ${hops} hops and counted ${counted}.`);
  }
}
