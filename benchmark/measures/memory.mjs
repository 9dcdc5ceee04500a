// Does a run grow as it grows old? What the process holds after one million hops of a run and after ten million.

import { memoryHeld } from "../harness/memory.mjs";
import { atMost } from "../harness/target.mjs";
import { markedPingPong } from "../workload/ping-pong.mjs";

const YOUNG = 1_000_000;
const OLD = 10_000_000;

export default {
  name: "memory",
  title: "Memory of one run between its millionth and its ten-millionth hop",
  subjects: ["bare", "blazen"],
  processes: 1,
  nodeFlags: ["--expose-gc"],

  async probe(subject) {
    const held = [];
    const handlers = markedPingPong(OLD + 2, [YOUNG, OLD], async () => {
      held.push(await memoryHeld());
    });
    await subject.loopOver(handlers)();
    const [young, old] = held;
    return { rssYoung: young.rss, rssOld: old.rss, heapYoung: young.heap, heapOld: old.heap };
  },

  rows: ({ bare, blazen }) => [
    { label: "bare await, RSS", ...growth(bare.rssYoung, bare.rssOld) },
    { label: "blazen, RSS", ...growth(blazen.rssYoung, blazen.rssOld), target: atMost(1) },
    { label: "blazen, V8's heap and buffers", ...growth(blazen.heapYoung, blazen.heapOld), target: atMost(1) },
  ],
};

/** Less than a byte a hop cannot be something kept per hop. */
function growth(young, old) {
  return { value: old / 1e6, unit: "MB", judged: (old - young) / (OLD - YOUNG), basis: "bytes more per hop" };
}
