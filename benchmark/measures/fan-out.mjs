// What a run pays for going wide: one event becomes 10,000, a handler answers each, and one handler gets all the answers.

import { medianOfRounds, microsecondsEach } from "../harness/statistics.mjs";
import { atMost } from "../harness/target.mjs";

const WIDTH = 10_000;
/** One out and one back for each. */
const HOPS = 2 * WIDTH;
const ROUNDS = 9;

export default {
  name: "fan-out",
  title: "A fan-out to 10,000 and back, in memory",
  subjects: ["blazen"],
  processes: 3,
  nodeFlags: ["--expose-gc"],

  async probe(subject) {
    const hops = subject.loop(HOPS);
    const fanOut = subject.fanOut(WIDTH);
    return medianOfRounds(ROUNDS, async () => {
      const hop = await timed(hops, HOPS);
      const wide = await timed(fanOut, WIDTH);
      return { hop, wide, ratio: wide / hop };
    });
  },

  rows: ({ blazen }) => [
    { label: "20,000 hops one after the other, each", value: blazen.hop, unit: "us" },
    {
      label: "10,000 out and back, each of the 20,000",
      value: blazen.wide,
      unit: "us",
      judged: blazen.ratio,
      basis: "x a hop",
      target: atMost(3),
    },
  ],
};

/** Microseconds of each of the hops, without the garbage of what was timed before. */
async function timed(run, expected) {
  globalThis.gc();
  let counted;
  const each = await microsecondsEach(HOPS, async () => {
    counted = await run();
  });
  if (counted !== expected) throw new Error(`The run was to count ${expected} and counted ${counted}.`);
  return each;
}
