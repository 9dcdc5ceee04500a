// `npm run benchmark`: measures what blazen promises, beside its peers, and says which targets are met.
//
//   node benchmark/run.mjs [--only NAME] [--json FILE] [--check]
//
// The exit code is 0 unless something failed to run; with `--check` a missed target makes it 1 too.

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { probeInOwnProcess } from "./harness/child.mjs";
import { installPeers, isPeer, peerVersions } from "./harness/peers.mjs";
import { postgresVersion } from "./harness/postgres.mjs";
import { medianOfEach } from "./harness/statistics.mjs";
import { storeDisk } from "./harness/store-folder.mjs";
import { renderTable } from "./harness/table.mjs";
import { verdict } from "./harness/target.mjs";
import { measureNamed, measures } from "./measures/index.mjs";

const { options, chosen } = readArguments();
const withPeers = chosen.some((measure) => measure.subjects.some(isPeer));
if (withPeers) {
  installPeers();
}

const machine = `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} x ${cpus()[0].model}`;
const disk = chosen.some((measure) => measure.onDisk) ? [storeDisk(), postgresVersion()].filter(Boolean) : [];
const peers = withPeers ? peerVersions() : [];
const sections = [];
for (const measure of chosen) {
  sections.push(await take(measure));
}

console.log([machine, ...disk, ...peers].join("\n"));
console.log(`\n${renderTable(sections)}`);
for (const failure of sections.flatMap((section) => section.failures)) {
  console.error(`\n${failure}`);
}
if (options.json) {
  writeFileSync(options.json, `${JSON.stringify(asDocument(), null, 2)}\n`);
}
process.exitCode = exitCode();

/** A wrong argument deserves a sentence, not a stack. */
function readArguments() {
  try {
    const { values } = parseArgs({
      options: { only: { type: "string" }, json: { type: "string" }, check: { type: "boolean", default: false } },
    });
    return { options: values, chosen: values.only ? [measureNamed(values.only)] : measures };
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

/** All processes of one measure. The subjects take turns, so that a slow minute of the machine is shared by all of them. */
async function take(measure) {
  const samples = Object.fromEntries(measure.subjects.map((name) => [name, []]));
  const missing = {};
  const failures = [];
  for (let turn = 1; turn <= measure.processes; turn += 1) {
    for (const name of measure.subjects) {
      console.error(`${measure.name}: ${name}, process ${turn} of ${measure.processes}`);
      try {
        const report = await probeInOwnProcess(measure, name);
        if (report.missing) {
          missing[name] = report.missing;
        } else {
          samples[name].push(report.figures);
        }
      } catch (error) {
        failures.push(error.message);
      }
    }
  }
  const figures = Object.fromEntries(measure.subjects.map((name) => [name, medianOfEach(samples[name])]));
  return { measure, rows: measure.rows(figures), samples, missing, failures };
}

function asDocument() {
  return {
    machine,
    disk,
    peers,
    measures: sections.map(({ measure, rows, samples, missing, failures }) => ({
      name: measure.name,
      title: measure.title,
      rows: rows.map((row) => ({ ...row, target: row.target?.text, verdict: verdict(row) || undefined })),
      samples,
      missing,
      failures,
    })),
  };
}

function exitCode() {
  const failed = sections.some(({ failures }) => failures.length > 0);
  const missed = sections.some(({ rows }) => rows.some((row) => verdict(row) === "MISSED"));
  return failed || (options.check && missed) ? 1 : 0;
}
