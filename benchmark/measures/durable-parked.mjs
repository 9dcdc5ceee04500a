// What runs that wait for an answer cost a process that opens the file they are in: it neither reads nor holds them.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { medianOfEach } from "../harness/statistics.mjs";
import { withStoreFolder } from "../harness/store-folder.mjs";
import { atMost } from "../harness/target.mjs";

const OPEN_ONCE = fileURLToPath(new URL("../harness/open-once.mjs", import.meta.url));
const RUNS = 100_000;
const AT_ONCE = 1_000;
const PROCESSES = 7;

export default {
  name: "durable-parked",
  title: "A file of 100,000 runs that wait for an answer",
  subjects: ["blazen-sqlite"],
  processes: 1,
  onDisk: true,

  probe: (subject, subjectName) =>
    withStoreFolder((few) =>
      withStoreFolder(async (many) => {
        await parkMany(subject, few, AT_ONCE);
        await parkMany(subject, many, RUNS);
        const samples = [];
        for (let turn = 0; turn < PROCESSES; turn += 1) {
          const before = openInFreshProcess(subjectName, few);
          const { open, list, held } = openInFreshProcess(subjectName, many);
          samples.push({ open, list, both: open + list, held, each: (held - before.held) / (RUNS - AT_ONCE) });
        }
        return medianOfEach(samples);
      }),
    ),

  rows: ({ "blazen-sqlite": blazen }) => [
    { label: "blazen, SQLite, opening", value: blazen.open, unit: "ms" },
    {
      label: "blazen, SQLite, opening and runs() of 50",
      value: blazen.both,
      unit: "ms",
      judged: blazen.both,
      basis: "ms",
      target: atMost(50),
    },
    {
      label: "blazen, SQLite, RSS that opening and runs() add",
      value: blazen.held / 1e6,
      unit: "MB",
      judged: blazen.each,
      basis: "bytes per parked run, against 1,000",
      target: atMost(10),
    },
  ],
};

async function parkMany(subject, folder, count) {
  const runs = await subject.openRuns(folder);
  for (let parked = 0; parked < count; parked += AT_ONCE) {
    await runs.park(AT_ONCE, 1);
  }
  await runs.close();
}

/** The first look at a file is by a process that knows nothing of it. */
function openInFreshProcess(subjectName, folder) {
  return JSON.parse(
    execFileSync(process.execPath, ["--expose-gc", OPEN_ONCE, subjectName, folder], { encoding: "utf8" }),
  );
}
