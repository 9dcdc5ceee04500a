// What a run costs that does nothing: 10,000 of them in one process, each waiting for a person's answer.

import { setTimeout as delay } from "node:timers/promises";
import { memoryHeld } from "../harness/memory.mjs";
import { atMost } from "../harness/target.mjs";

const RUNS = 10_000;
const EARLIER_RUNS = 1_000;
const LABELS = { xstate: "XState", llamaindex: "LlamaIndex", langgraph: "LangGraph.js with MemorySaver" };

export default {
  name: "parked",
  title: "10,000 runs that wait for an answer",
  subjects: ["bare", "blazen", ...Object.keys(LABELS)],
  processes: 3,
  // A small young generation from the start: V8 would grow it once by some 20 MB, which is no run's memory.
  nodeFlags: ["--expose-gc", "--max-semi-space-size=1"],

  async probe(subject) {
    const parking = subject.parking();
    // Some runs are parked before the first look: the code they compile and the pools they fill are had once, not per
    // run. They stay parked, since what they would free the judged ones could use unseen.
    const earlier = await parkMany(parking, EARLIER_RUNS);
    const before = await memoryHeld();
    const parked = await parkMany(parking, RUNS);
    const after = await memoryHeld();
    // A run that cannot go on was not parked but lost.
    await answerAll(parking, [...earlier, ...parked]);
    return { rss: (after.rss - before.rss) / RUNS / 1024, heap: (after.heap - before.heap) / RUNS / 1024 };
  },

  rows({ bare, blazen, ...peers }) {
    const peerRow = ([name, { rss }]) => ({
      label: `${LABELS[name]}, RSS each`,
      value: rss,
      unit: "KB",
      judged: rss / blazen.rss,
      basis: "x blazen's",
    });
    return [
      { label: "a pending promise, RSS each", value: bare.rss, unit: "KB" },
      { label: "blazen, RSS each", value: blazen.rss, unit: "KB", judged: blazen.rss, basis: "KB", target: atMost(4) },
      { label: "blazen, V8's heap and buffers each", value: blazen.heap, unit: "KB" },
      ...Object.entries(peers).map(peerRow),
    ];
  },
};

async function parkMany(parking, count) {
  const parked = new Array(count);
  for (let i = 0; i < count; i += 1) {
    parked[i] = await parking.park();
  }
  // Starting a run need not mean that its first step has settled.
  await delay(200);
  return parked;
}

async function answerAll(parking, parked) {
  for (const run of parked) {
    const result = await parking.answer(run, "yes");
    if (result !== "yes") {
      throw new Error(`A parked run was answered "yes" and ended with ${JSON.stringify(result)}.`);
    }
  }
}
