// The import: every file is read on its own, a few at a time; what is in the good ones is added up in the state, what is
// wrong with the others is noted, and when all are done there is a report.
//
//     start -> list -> File (many) -> read -> FileRead -> add -------> FileDone (many) -> report -> stop
//                                       \-> FileFailed -> set_aside -/
//
// A file is counted once, however often the import is killed: that it is counted, and what it adds to the state, are one
// commit.

import { rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Workflow } from "blazen";
import { totalsOf } from "./sales_file.mjs";

const FILES_AT_ONCE = 3;

/** What the machine is short of for the moment. Everything else is wrong with the file, and stays so. */
const PASSING = new Set(["EAGAIN", "EBUSY", "EIO", "EMFILE", "ENFILE", "ETIMEDOUT"]);

const READ = {
  concurrency: FILES_AT_ONCE,
  timeout: 60_000,
  retry: { maxAttempts: 4, initialDelayMs: 200, when: (error) => PASSING.has(error.code) },
  onFailure: "FileFailed",
};

/**
 * @param {object} [options]
 * @param {number} [options.fileMs] how long to dwell on a file, in milliseconds
 * @param {import("blazen").SqliteStore} [options.store] where runs are kept
 */
export function importWorkflow({ fileMs = 0, store } = {}) {
  return (
    new Workflow("import", { store })
      // Which files there are is decided once: what is put into the folder later is for another import.
      .addStep("list", ["blazen::StartEvent"], async ({ folder, files, report }, ctx) => {
        await ctx.state.set("folder", folder);
        await ctx.state.set("files", files.length);
        await ctx.state.set("report", report);
        return files.map((name) => ({ type: "File", path: join(folder, name), of: files.length }));
      })

      // Changes nothing but what it returns, so it may be cut short at any time.
      .addStep(
        "read",
        ["File"],
        async ({ path, of }, ctx) => {
          await delay(fileMs, undefined, { signal: ctx.signal });
          return { type: "FileRead", path, of, ...(await totalsOf(path, { signal: ctx.signal })) };
        },
        READ,
      )

      .addStep("add", ["FileRead"], async ({ path, of, sales, products }, ctx) => {
        await ctx.state.increment("sales", sales);
        for (const { product, quantity, cents } of products) {
          await ctx.state.increment(`quantity of ${product}`, quantity);
          await ctx.state.increment(`cents for ${product}`, cents);
        }
        await ctx.state.append("imported", basename(path));
        await ctx.writeEventToStream({ type: "Imported", file: basename(path), sales });
        return { type: "FileDone", of };
      })

      // All of a file or nothing of it: whoever mends the file can import it again.
      .addStep("set_aside", ["FileFailed"], async ({ error, event: { path, of } }, ctx) => {
        const rejected = { file: basename(path), reason: error.message };
        await ctx.state.append("rejected", rejected);
        await ctx.writeEventToStream({ type: "Rejected", ...rejected });
        return { type: "FileDone", of };
      })

      .addStep("report", ["FileDone"], async (event, ctx) => {
        if ((await ctx.collectEvents(event, { FileDone: event.of })) === null) return null;
        const report = await reportFrom(ctx.state);
        await writeWhole(await ctx.state.get("report"), `${JSON.stringify(report, null, 2)}\n`);
        return { type: "blazen::StopEvent", result: report };
      })
  );
}

/**
 * How far a stored run has come. A file is done when the step that reads it has returned, or failed.
 *
 * @param {import("blazen").StoredRun} stored
 */
export function progressOf({ state, pending }) {
  if (!state.has("files")) return { folder: pending[0].event.folder, total: pending[0].event.files.length, done: 0 };
  const left = pending.filter(({ step }) => step === "read").length;
  return { folder: state.get("folder"), total: state.get("files"), done: state.get("files") - left };
}

/** The same for the same files, in whatever order they were done. */
async function reportFrom(state) {
  const keys = await state.keys();
  const names = keys.flatMap((key) => key.match(/^quantity of (.*)$/s)?.[1] ?? []).sort();
  const products = [];
  for (const product of names) {
    products.push({
      product,
      quantity: await state.get(`quantity of ${product}`),
      cents: await state.get(`cents for ${product}`),
    });
  }
  const rejected = await state.get("rejected", []);
  return {
    imported: (await state.get("imported", [])).sort(),
    rejected: rejected.sort((one, other) => (one.file < other.file ? -1 : 1)),
    sales: await state.get("sales", 0),
    products,
  };
}

/** Whole or not at all, and the same if it is done again. */
async function writeWhole(path, text) {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
