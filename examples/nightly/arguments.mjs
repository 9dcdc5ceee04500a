// What was asked for on the command line.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { dateOf } from "./night.mjs";

export const USAGE = `Makes bills of the readings of all regions, once for each night.

Usage: node examples/nightly/main.mjs [options] [folder]

  folder            where the readings are, a *.csv for each region (default: nightly-readings, made with a sample)
      --once        do one night, now (the default)
      --date DATE   which one (default: that of today)
      --at HH:MM    do every night at that time, until it is stopped
      --batch-ms N  dwell N milliseconds on every batch, to have time for kill -9
  -h, --help        show this

Kill it whenever you like: the next start goes on with what is left. Runs are kept in nightly.db, and bills are written to
nightly-bills, in the folder in which it is started.`;

export const SAMPLE_FOLDER = "nightly-readings";

/** What cannot be done as it was asked for. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readArguments(args, now) {
  const { values, positionals } = parsed(args);
  const { help = false, once, at, date, "batch-ms": batchMs = "0" } = values;
  if (positionals.length > 1) throw new UsageError(`one folder at a time, please, and not ${positionals.length}`);
  if (at !== undefined && (once || date !== undefined))
    throw new UsageError("--at goes with neither --once nor --date");
  if (!/^\d{1,5}$/.test(batchMs)) throw new UsageError(`--batch-ms takes milliseconds, and not ${quoted(batchMs)}`);
  // A run may be taken up in another folder than the one in which it was begun.
  return {
    help,
    folder: positionals[0] === undefined ? undefined : resolve(positionals[0]),
    into: resolve("nightly-bills"),
    at: at === undefined ? undefined : timeIn(at),
    date: date === undefined ? dateOf(now) : dateIn(date),
    batchMs: Number(batchMs),
  };
}

function timeIn(text) {
  const [, hours, minutes] = text.match(/^([01]\d|2[0-3]):([0-5]\d)$/) ?? [];
  if (hours === undefined) throw new UsageError(`--at takes a time such as 02:30, and not ${quoted(text)}`);
  return { hours: Number(hours), minutes: Number(minutes) };
}

function dateIn(text) {
  const isDate = /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
  if (!isDate) throw new UsageError(`--date takes a date such as 2024-03-01, and not ${quoted(text)}`);
  return text;
}

function quoted(text) {
  return JSON.stringify(text);
}

function parsed(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        once: { type: "boolean" },
        at: { type: "string" },
        date: { type: "string" },
        "batch-ms": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
}
