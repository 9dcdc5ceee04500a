// Does a run slow down as it grows old? The same run's millionth hop against its thousandth.

import { median } from "../harness/statistics.mjs";
import { atMost } from "../harness/target.mjs";
import { markedPingPong } from "../workload/ping-pong.mjs";

const HALF_WINDOW = 500;
const YOUNG = 1_000;
const OLD = 1_000_000;
const MARKS = [YOUNG - HALF_WINDOW, YOUNG + HALF_WINDOW, OLD - HALF_WINDOW, OLD + HALF_WINDOW];
const RUNS = 15;

export default {
  name: "age",
  title: "A hop late in a run against one early in it, 1,000 hops around each",
  subjects: ["bare", "blazen"],
  processes: 1,

  // The first run warms the code up: otherwise the thousandth hop of a cold process is compared, and any age looks good.
  async probe(subject) {
    await timesAtMarks(subject);
    const runs = [];
    for (let run = 0; run < RUNS; run += 1) {
      const [youngStart, youngEnd, oldStart, oldEnd] = await timesAtMarks(subject);
      runs.push({ young: youngEnd - youngStart, old: oldEnd - oldStart });
    }
    // The window is 1,000 hops, so its milliseconds read as microseconds a hop.
    return { young: median(runs.map((run) => run.young)), old: median(runs.map((run) => run.old)) };
  },

  rows: ({ bare, blazen }) => [
    { label: "bare await, the millionth", ...ageing(bare) },
    { label: "blazen, the thousandth", value: blazen.young, unit: "us" },
    { label: "blazen, the millionth", ...ageing(blazen), target: atMost(1.2) },
  ],
};

async function timesAtMarks(subject) {
  const times = [];
  const handlers = markedPingPong(OLD + 2 * HALF_WINDOW, MARKS, () => {
    times.push(performance.now());
  });
  await subject.loopOver(handlers)();
  return times;
}

function ageing({ young, old }) {
  return { value: old, unit: "us", judged: old / young, basis: "x the thousandth" };
}
