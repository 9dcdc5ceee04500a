// What an event costs that waits for its time: a run with 100,000 of them, all due in a day.

import { setTimeout as delay } from "node:timers/promises";
import { memoryHeld } from "../harness/memory.mjs";
import { atMost } from "../harness/target.mjs";

const SLEEPING = 100_000;
const EARLIER = 10_000;
/** Milliseconds over which the process is watched while all sleep. */
const WATCHED = 1_000;

export default {
  name: "sleeping",
  title: "100,000 events that are due in a day",
  subjects: ["blazen"],
  processes: 3,
  // As for the parked runs.
  nodeFlags: ["--expose-gc", "--max-semi-space-size=1"],

  async probe(subject) {
    const endEarlier = await subject.sleepers(EARLIER);
    const before = await memoryHeld();
    const end = await subject.sleepers(SLEEPING);
    const after = await memoryHeld();
    await delay(WATCHED); // V8 tidies up after the collections
    const busy = await busyWhile(WATCHED);
    await Promise.all([endEarlier(), end()]);
    const heap = (after.heap - before.heap) / SLEEPING;
    const rss = (after.rss - before.rss) / SLEEPING;
    return { engine: rss - heap, heap, busy };
  },

  rows: ({ blazen }) => [
    {
      label: "blazen, RSS each outside of V8's heap",
      value: blazen.engine,
      unit: "B",
      judged: blazen.engine,
      basis: "bytes",
      target: atMost(300),
    },
    { label: "blazen, V8's heap each, with the event itself", value: blazen.heap, unit: "B" },
    {
      label: "processor time of the process while all sleep",
      value: blazen.busy * 1e3,
      unit: "ms/s",
      judged: blazen.busy * 1e3,
      basis: "ms a second",
      target: atMost(2),
    },
  ],
};

/** The share of a processor that this process takes while it has nothing to do. */
async function busyWhile(milliseconds) {
  const start = process.cpuUsage();
  await delay(milliseconds);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / milliseconds;
}
