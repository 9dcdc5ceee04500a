// What a handler's `ctx` does, timed in turns with its floor, in one process and one handler, so that both see the same
// machine.

import { medianOfRounds, microsecondsEach } from "./statistics.mjs";

const ROUNDS = 15;

/**
 * A measure of what blazen's `ctx` does.
 *   operations  how many operations each loop does
 *   target      what the ratios of an operation to its floor must keep
 *   prepare     async (ctx) => anything the loops need, before them
 *   figures     { name: { label, loop, floor } }, in the order of the rows. `loop` is async (ctx, prepared) and does
 *               all operations itself: a call for each would be measured with them. `floor` names the figure that this
 *               one is judged by; a figure without it is a floor.
 *   check       async (ctx, prepared), after the loops, throws if they did not do the work; may be left out
 */
export function besideFloor({ name, title, operations, target, prepare, figures, check }) {
  const entries = Object.entries(figures);
  return {
    name,
    title,
    subjects: ["blazen"],
    processes: 3,
    nodeFlags: ["--expose-gc"],

    probe: (subject) =>
      subject.insideStep(async (ctx) => {
        const prepared = await prepare(ctx);
        const medians = await medianOfRounds(ROUNDS, () => oneRound(entries, operations, ctx, prepared));
        await check?.(ctx, prepared);
        return medians;
      }),

    rows: ({ blazen }) =>
      entries.map(([figure, { label, floor }]) => ({
        label,
        value: blazen[figure],
        unit: "us",
        ...(floor && { judged: blazen[ratioOf(figure)], basis: "x that", target }),
      })),
  };
}

const ratioOf = (figure) => `${figure}Ratio`;

/** Microseconds of an operation of each loop, and the ratios. Garbage is collected before each loop, lest one pays for another's. */
async function oneRound(entries, operations, ctx, prepared) {
  const taken = {};
  for (const [figure, { loop }] of entries) {
    globalThis.gc();
    taken[figure] = await microsecondsEach(operations, () => loop(ctx, prepared));
  }
  for (const [figure, { floor }] of entries) {
    if (floor) {
      taken[ratioOf(figure)] = taken[figure] / taken[floor];
    }
  }
  return taken;
}
