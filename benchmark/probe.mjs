// The child process: `node probe.mjs MEASURE SUBJECT` takes one measure of one subject and sends the figures to its parent.

import { measureNamed } from "./measures/index.mjs";

const [measureName, subjectName] = process.argv.slice(2);
const { default: subject } = await import(`./subjects/${subjectName}.mjs`);
const figures = await measureNamed(measureName).probe(subject, subjectName);

// A peer may leave a timer or a handle behind; the figures are in, so nothing is worth waiting for.
process.send(figures, () => process.exit());
