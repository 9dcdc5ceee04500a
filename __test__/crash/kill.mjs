// Kills processes at work, again and again: `node __test__/crash/kill.mjs --rounds 500 --seed 7 [--durability async]`.
//
// The seed settles the inputs, the order in which a program takes up its runs, how long handlers take, and when each
// process is killed: at a certain line of its log, a moment after one, or so many milliseconds after its start. What
// falls between two lines, and how threads meet, is up to the machine. So a failure comes again with its seed often, but
// not always; its folder is kept, with the store and the log as they were.

import { parseArgs } from "node:util";
import { tell } from "./story.mjs";
import { openReader } from "./tables.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "18" },
    durability: { type: "string" },
  },
});

const reader = await openReader();
if (reader === undefined) throw new Error("this needs an SQLite to look with: Node 22.5 or later, or Python");
const began = performance.now();
let killed = 0;
let told = 0;
for (let story = 0; killed < Number(values.rounds); story += 1) {
  const durability = values.durability ?? (story % 3 === 2 ? "async" : "sync");
  const seed = story === 0 ? values.seed : `${values.seed}.${story}`;
  const kills = Math.min(30, Number(values.rounds) - killed);
  const outcome = await tell(reader, { seed, kills, runs: Number(values.runs), durability });
  killed += outcome.killed;
  told += outcome.lines ?? 0;
  if (outcome.complaints.length > 0) {
    console.error(`Seed ${seed}, durability ${durability}: see ${outcome.folder}`);
    console.error(outcome.complaints.slice(0, 20).join("\n"));
    console.error(`Again: node __test__/crash/kill.mjs --rounds ${kills} --seed ${seed} --durability ${durability}`);
    process.exitCode = 1;
    break;
  }
}
reader.close();
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`${killed} kills, ${told} lines, ${seconds} s`);
