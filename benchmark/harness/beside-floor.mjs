// Operations timed in turns with their floor, in one process and one handler, so that both see the same machine.

import { medianOfRounds, microsecondsEach } from "./statistics.mjs";

/**
 * `loops` are async functions that do `operations` operations each; `ratios` names pairs of them, as
 * `{ getRatio: ["get", "floor"] }`. Gives the median microseconds of an operation of each loop, and the median over the
 * rounds of each ratio. Garbage is collected before each loop, lest one pays for another's.
 */
export function besideFloor({ operations, rounds, loops, ratios }) {
  return medianOfRounds(rounds, async () => {
    const figures = {};
    for (const [name, loop] of Object.entries(loops)) {
      globalThis.gc();
      figures[name] = await microsecondsEach(operations, loop);
    }
    for (const [name, [ours, floor]] of Object.entries(ratios)) {
      figures[name] = figures[ours] / figures[floor];
    }
    return figures;
  });
}
