// How much memory a process holds when it has done a thing often, and when it has done it much more often.

import { setImmediate as turn } from "node:timers/promises";

/**
 * Prints, as JSON, what is held after `warm` times and after `end` times.
 *
 * @param batch after so many times the garbage is collected: what waits for that is no leak, and only V8 decides how
 *   much of it there is
 */
export async function printGrowth({ warm, end, batch }, doOnce) {
  const times = async (count) => {
    for (let time = 1; time <= count; time += 1) {
      await doOnce();
      if (time % batch === 0) await collectGarbage();
    }
    await collectGarbage();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heap: heapUsed + external };
  };
  console.log(JSON.stringify({ warm: await times(warm), end: await times(end - warm) }));
}

/** The first collection may only queue finalizers, which run between turns of the event loop. */
async function collectGarbage() {
  for (let time = 0; time < 2; time += 1) {
    globalThis.gc();
    await turn();
  }
}
