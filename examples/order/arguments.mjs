// What was asked for on the command line.

import { parseArgs } from "node:util";

export const USAGE = `A shop that reserves, charges, ships and confirms orders, and undoes what does not come to its end.

Usage: node examples/order/main.mjs [options]

      --patience-ms N  how long a delivery may take, in milliseconds (default: 5000)
      --request-ms N   how long each request takes, to have time for kill -9 (default: 50)
  -h, --help           show this

While it is at work, type the number of an order to cancel it. Kill it whenever you like: the next start goes on from
there. Runs are kept in order.db, and the books of the others in order-books, in the folder in which it is started.`;

/** What cannot be done as it was asked for. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readArguments(args) {
  const { help = false, ...values } = parsed(args);
  return {
    help,
    patienceMs: milliseconds("patience-ms", values["patience-ms"] ?? "5000"),
    requestMs: milliseconds("request-ms", values["request-ms"] ?? "50"),
  };
}

function milliseconds(name, text) {
  if (!/^\d{1,8}$/.test(text)) throw new UsageError(`--${name} takes milliseconds, and not ${JSON.stringify(text)}`);
  return Number(text);
}

function parsed(args) {
  try {
    return parseArgs({
      args,
      options: {
        "patience-ms": { type: "string" },
        "request-ms": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error.message);
  }
}
