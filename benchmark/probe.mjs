// The child process: `node probe.mjs MEASURE SUBJECT` takes one measure of one subject and sends its parent
// the figures, or why there can be none on this machine.

import { measureNamed } from "./measures/index.mjs";

const [measureName, subjectName] = process.argv.slice(2);
const { default: subject } = await import(`./subjects/${subjectName}.mjs`);
const missing = await subject.missing?.();
const report = missing ? { missing } : { figures: await measureNamed(measureName).probe(subject, subjectName) };

// A peer may leave a timer or a handle behind; the report is made, so nothing is worth waiting for.
process.send(report, () => process.exit());
