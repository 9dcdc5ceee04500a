// What was asked for on the command line.

import { resolve } from "node:path";
import { parseArgs } from "node:util";

export const USAGE = `Imports a folder of sales files (*.ndjson), and writes a report of what was sold.

Usage: node examples/import/main.mjs [options] [folder]

  folder            where the files are (default: import-sales, made with a sample if it is not there)
      --report FILE where the report is written (default: import-report.json)
      --file-ms N   dwell N milliseconds on every file, to have time for kill -9
  -h, --help        show this

Kill it whenever you like: the next start goes on with the files that are left. Runs are kept in import.db, in the
folder in which it is started.`;

export const SAMPLE_FOLDER = "import-sales";

/** What cannot be done as it was asked for. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readArguments(args) {
  const { values, positionals } = parsed(args);
  const { help = false, report = "import-report.json", "file-ms": fileMs = "0" } = values;
  if (positionals.length > 1) throw new UsageError(`one folder at a time, please, and not ${positionals.length}`);
  if (!/^\d{1,5}$/.test(fileMs))
    throw new UsageError(`--file-ms takes milliseconds, and not ${JSON.stringify(fileMs)}`);
  // A run may be taken up in another folder than the one in which it was begun.
  return {
    help,
    folder: positionals[0] === undefined ? undefined : resolve(positionals[0]),
    report: resolve(report),
    fileMs: Number(fileMs),
  };
}

function parsed(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        report: { type: "string" },
        "file-ms": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
}
