// `node --expose-gc open-once.mjs SUBJECT FOLDER` opens the store in the folder and lists its parked runs, and prints how
// many milliseconds each took and how many bytes the process holds more than before.

import { memoryHeld } from "./memory.mjs";

const LISTED = 50;

const [subjectName, folder] = process.argv.slice(2);
const { default: subject } = await import(`../subjects/${subjectName}.mjs`);

const before = await memoryHeld();
const start = performance.now();
const runs = await subject.openRuns(folder);
const opened = performance.now();
const count = await runs.countParked(LISTED);
const listed = performance.now();
const after = await memoryHeld();
await runs.close();

if (count !== LISTED) {
  throw new Error(`The file holds more than ${LISTED} parked runs, and ${count} were listed.`);
}
process.stdout.write(JSON.stringify({ open: opened - start, list: listed - opened, held: after.rss - before.rss }));
