// The import at a terminal: begins a run or goes on with the one that a crash has left, tells of every file, and shows
// the report. What the import does is in workflow.mjs.

import { resolve } from "node:path";
import { BlazenError, SqliteStore } from "blazen";
import { readArguments, SAMPLE_FOLDER, USAGE, UsageError } from "./arguments.mjs";
import { makeSampleSales, salesFilesIn } from "./sales_folder.mjs";
import { importWorkflow, progressOf } from "./workflow.mjs";

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return;
  }
  const store = SqliteStore.open("import.db");
  try {
    const workflow = importWorkflow({ fileMs: options.fileMs, store });
    const run = (await unfinished(workflow, store)) ?? (await begun(workflow, options));
    for await (const event of run.stream()) tell(event);
    show((await run.result()).data);
  } finally {
    await store.close();
  }
}

/** The import that a crash has left. It is finished first; only then is there another one. */
async function unfinished(workflow, store) {
  const { runs } = await store.runs({ workflow: "import", status: "running" });
  for (const { runId } of runs) {
    const { folder, total, done } = progressOf(await store.run(runId));
    console.log(`Going on with ${folder}: ${done} of ${total} files were done already, and not again.`);
  }
  const [run] = await workflow.recover();
  return run;
}

async function begun(workflow, { folder, report }) {
  if (folder === undefined) await makeSampleSales(SAMPLE_FOLDER);
  const from = folder ?? resolve(SAMPLE_FOLDER);
  const files = await filesIn(from);
  console.log(`Importing ${files.length} files from ${from}. Kill it as you like, the next start goes on.`);
  return workflow.runWithHandler({ folder: from, files, report });
}

async function filesIn(folder) {
  try {
    const files = await salesFilesIn(folder);
    if (files.length > 0) return files;
  } catch (error) {
    throw new UsageError(`cannot read the folder: ${error.message}`);
  }
  throw new UsageError(`there are no *.ndjson files in ${folder}`);
}

function tell({ type, file, sales, reason }) {
  if (type === "Imported") console.log(`${file}: ${sales} sales`);
  if (type === "Rejected") console.log(`${file}: rejected, ${reason}`);
}

function show({ imported, rejected, sales, products }) {
  console.log(`\n${sales} sales from ${imported.length} files, ${rejected.length} rejected`);
  for (const { product, quantity, cents } of products) {
    console.log(`${product.padEnd(16)}${String(quantity).padStart(8)}${(cents / 100).toFixed(2).padStart(12)}`);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof BlazenError)) throw error;
  console.error(`import: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
