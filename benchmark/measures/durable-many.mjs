// How many durable steps a second many runs make together, from their start to their results. One sync can serve all
// the runs that wait for it, so the floor is what the disk does for one run, and the figures are multiples of it.

import { openDisk } from "../harness/disk.mjs";
import { mustCount, withRuns } from "../harness/open-runs.mjs";
import { median, medianOfEach } from "../harness/statistics.mjs";
import { atLeast } from "../harness/target.mjs";

const SYNCS = 200;

// `own` is what the target is judged by; `short` is what the peers can do in reasonable time, and is done by everyone,
// since starting and ending a run weighs more in a short one.
const CROWDS = [
  { count: 50, own: 400, short: 20, rate: 50_000, overDisk: 15 },
  { count: 500, own: 100, short: 10, rate: 100_000, overDisk: 30 },
  { count: 2_000, own: 100, short: 5, rate: 100_000 },
];
const OURS = ["blazen", "blazen-sqlite"];
const OUR_ROUNDS = 5;
const TIMES_DBOS = 100;

export default {
  name: "durable-many",
  title: "Many durable runs at once, steps of all of them a second",
  subjects: [...OURS, "langgraph-sqlite", "dbos-postgres"],
  processes: 2,
  onDisk: true,

  probe: (subject, subjectName) =>
    withRuns(subject, {}, async (runs, folder) => {
      const disk = openDisk(folder);
      const ours = OURS.includes(subjectName);
      const figures = {};
      await stepsASecond(runs, CROWDS[0].count, CROWDS[0].short);
      for (const { count, own, short } of CROWDS) {
        if (ours) {
          Object.assign(figures, await besideDisk(disk, runs, count, own));
        }
        figures[`short${count}`] = await medianRate(ours ? OUR_ROUNDS : 1, () => stepsASecond(runs, count, short));
      }
      disk.close();
      return figures;
    }),

  rows: ({ blazen: inMemory, "blazen-sqlite": blazen, "langgraph-sqlite": langgraph, "dbos-postgres": dbos }) =>
    CROWDS.flatMap(({ count, own, short, rate, overDisk }) => {
      const crowd = (steps) => `${count.toLocaleString("en-US")} runs of ${steps} steps`;
      const behindOurs = (label, figures, target) => ({
        label: `${label}, ${crowd(short)}`,
        value: figures[`short${count}`],
        unit: "/s",
        judged: blazen[`short${count}`] / figures[`short${count}`],
        basis: "x behind blazen's",
        target,
      });
      return [
        { label: `blazen without a store, ${crowd(own)}`, value: inMemory[`own${count}`], unit: "/s" },
        {
          label: `blazen, SQLite, ${crowd(own)}`,
          value: blazen[`own${count}`],
          unit: "/s",
          judged: blazen[`own${count}`],
          basis: "/s",
          target: atLeast(rate),
        },
        {
          label: "  beside the disk's appends",
          value: blazen[`appends${count}`],
          unit: "/s",
          judged: blazen[`overDisk${count}`],
          basis: "x as many",
          target: overDisk && atLeast(overDisk),
        },
        { label: `blazen, SQLite, ${crowd(short)}`, value: blazen[`short${count}`], unit: "/s" },
        behindOurs("LangGraph.js, SQLite", langgraph),
        behindOurs("DBOS, Postgres", dbos, atLeast(TIMES_DBOS)),
      ];
    }),
};

/** Rounds of the disk and of a crowd in turns; the first one is the warm-up. */
async function besideDisk(disk, runs, count, steps) {
  await stepsASecond(runs, count, steps);
  const samples = [];
  for (let round = 0; round < OUR_ROUNDS; round += 1) {
    const appends = 1e6 / disk.append(SYNCS);
    const rate = await stepsASecond(runs, count, steps);
    samples.push({ [`own${count}`]: rate, [`appends${count}`]: appends, [`overDisk${count}`]: rate / appends });
  }
  return medianOfEach(samples);
}

async function medianRate(rounds, sample) {
  const rates = [];
  for (let round = 0; round < rounds; round += 1) {
    rates.push(await sample());
  }
  return median(rates);
}

/** Starts `count` runs at once and waits for the results of all. */
async function stepsASecond(runs, count, steps) {
  const start = performance.now();
  await Promise.all(Array.from({ length: count }, () => mustCount(steps, runs.run(steps))));
  return (count * steps * 1000) / (performance.now() - start);
}
