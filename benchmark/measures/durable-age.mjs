// Does a durable step get dearer as its run grows old? A run at its ten-thousandth step and beyond, in turns with new
// runs at their tenth, all in one store.

import { withRuns } from "../harness/open-runs.mjs";
import { median } from "../harness/statistics.mjs";
import { atMost } from "../harness/target.mjs";
import { Pace } from "../workload/pace.mjs";

const HALF_WINDOW = 5;
const WINDOW = 2 * HALF_WINDOW;
const YOUNG = 10;
const OLD = 10_000;
const ROUNDS = 60;
const WARM_UP = 500;

export default {
  name: "durable-age",
  title: "A durable step late in a run against one early in it",
  subjects: ["blazen-sqlite"],
  processes: 3,
  onDisk: true,

  probe(subject) {
    // Runs of one workflow share its handler; which of them a step belongs to is known by how many steps the run has.
    const paces = new Map();
    const before = (n, last) => paces.get(last)?.before(n);
    return withRuns(subject, { before }, async (runs) => {
      const begin = (last) => {
        const pace = new Pace();
        paces.set(last, pace);
        return { pace, ended: runs.run(last) };
      };
      await runs.run(WARM_UP);
      const old = begin(OLD + ROUNDS * WINDOW);
      await old.pace.advance(YOUNG - HALF_WINDOW);
      const ownYouth = await old.pace.time(WINDOW);
      await old.pace.advance(OLD - HALF_WINDOW - (YOUNG + HALF_WINDOW));

      const times = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const young = begin(YOUNG + WINDOW + round);
        await young.pace.advance(YOUNG - HALF_WINDOW);
        times.push({ young: await young.pace.time(WINDOW), old: await old.pace.time(WINDOW) });
        young.pace.release();
        await young.ended;
      }
      old.pace.release();
      await old.ended;
      return {
        ownYouth,
        young: median(times.map((time) => time.young)),
        old: median(times.map((time) => time.old)),
        ratio: median(times.map((time) => time.old / time.young)),
      };
    });
  },

  rows: ({ "blazen-sqlite": blazen }) => [
    { label: "blazen, SQLite, step 10 of the same run", value: blazen.ownYouth, unit: "us" },
    { label: "blazen, SQLite, step 10 of new runs", value: blazen.young, unit: "us" },
    {
      label: "blazen, SQLite, step 10,000",
      value: blazen.old,
      unit: "us",
      judged: blazen.ratio,
      basis: "x the new runs'",
      target: atMost(1.2),
    },
  ],
};
