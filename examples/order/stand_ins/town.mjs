// All the stand-ins together, and the folder in which their books are.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Book } from "./book.mjs";
import { startStandIn } from "./stand_in.mjs";
import { TRADES } from "./trades.mjs";
import { drive } from "./van.mjs";

/** @param {{ folder: string, requestMs: number }} options */
export async function openTown({ folder, requestMs }) {
  mkdirSync(folder, { recursive: true });
  const books = {};
  const standIns = {};
  for (const [name, trade] of Object.entries(TRADES)) {
    books[name] = new Book(join(folder, `${name}.ndjson`));
    standIns[name] = await startStandIn({ trade, book: books[name], requestMs });
  }
  const night = new AbortController();
  let driving;
  return {
    urlOf: (name) => standIns[name].url,

    /** Nothing is delivered before somebody is there to hear of it. */
    deliver(callbackUrl) {
      driving = drive({ book: books.carrier, callbackUrl, signal: night.signal });
    },

    async close() {
      night.abort();
      await driving;
      for (const standIn of Object.values(standIns)) standIn.close();
    },
  };
}
