// The nightly job at a terminal: goes on with the night that a crash has left, does the one that is asked for or each at its
// time, and tells of every region. What is done in a night is in workflow.mjs, and for a region in region.mjs.

import { resolve } from "node:path";
import { BlazenError, SqliteStore } from "blazen";
import { readArguments, SAMPLE_FOLDER, USAGE, UsageError } from "./arguments.mjs";
import { dateOf, nextAt, runIdOf } from "./night.mjs";
import { regionWorkflow } from "./region.mjs";
import { makeSampleReadings } from "./sample_readings.mjs";
import { nightlyWorkflow, progressOf, regionFilesIn } from "./workflow.mjs";

async function main() {
  const now = new Date();
  const { help, folder, into, at, date, batchMs } = readArguments(process.argv.slice(2), now);
  if (help) {
    console.log(USAGE);
    return;
  }
  if (folder === undefined) await makeSampleReadings(SAMPLE_FOLDER);
  const from = folder ?? resolve(SAMPLE_FOLDER);
  await checkThatItHasRegions(from);
  const store = SqliteStore.open("nightly.db");
  try {
    const nightly = nightlyWorkflow({ region: regionWorkflow({ batchMs, store }), store });
    for (const run of await left(nightly, store, now)) await follow(run);
    if (at === undefined) await night(nightly, store, { date, at: now, from, into });
    for (let next = at && nextAt(at, now); next !== undefined; next = nextAt(at, next)) {
      await night(nightly, store, { date: dateOf(next), at: next, from, into });
    }
  } finally {
    await store.close();
  }
}

async function checkThatItHasRegions(folder) {
  const files = await regionFilesIn(folder).catch((error) => {
    throw new UsageError(`cannot read the folder: ${error.message}`);
  });
  if (files.length === 0) throw new UsageError(`there are no *.csv files in ${folder}`);
}

/** The nights that a crash has left. They are finished first; those whose time has not come are not waited for here. */
async function left(nightly, store, now) {
  const { runs } = await store.runs({ workflow: "nightly", status: "running" });
  const waiting = new Set();
  for (const { runId } of runs) {
    const { date, due, regions, done } = progressOf(await store.run(runId));
    if (due > now) waiting.add(runId);
    else
      console.log(
        `Going on with the night of ${date}: ${done} of ${regions} regions were done already, and not again.`,
      );
  }
  const recovered = await nightly.recover();
  return recovered.filter(({ runId }) => !waiting.has(runId));
}

async function night(nightly, store, { date, at, from, into }) {
  const runId = runIdOf(date);
  const stored = await store.run(runId);
  const run = await nightly.runWithHandler({ date, at: at.getTime(), from, into }, { runId });
  if (stored === null) console.log(`The night of ${date} begins at ${at.toLocaleString()}.`);
  else if (stored.status === "running") console.log(`The night of ${date} is known, and has still to come.`);
  else console.log(`The night of ${date} was done already, and is not done again.`);
  await follow(run);
}

/** Until it has ended. A night that fails is no reason not to do the next. */
async function follow(run) {
  for await (const { type, region, bills, cents, failed } of run.stream()) {
    if (type !== "Told") continue;
    console.log(failed === undefined ? `${region}: ${bills} bills, ${euros(cents)}` : `${region}: failed, ${failed}`);
  }
  try {
    const { date, bills, cents, regions } = (await run.result()).data;
    const done = regions.filter(({ failed }) => failed === undefined);
    console.log(`${date}: ${bills} bills, ${euros(cents)}, from ${done.length} of ${regions.length} regions`);
  } catch (error) {
    if (!(error instanceof BlazenError)) throw error;
    console.error(`nightly: ${error.message}`);
    process.exitCode = 1;
  }
}

function euros(cents) {
  return (cents / 100).toFixed(2);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof BlazenError)) throw error;
  console.error(`nightly: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
