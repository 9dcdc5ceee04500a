// One region: its readings are read, made into bills a batch at a time, and written to a file when all are there.
//
//     start -> extract -> Batch (many) -> transform -> Bills (many) -> load -> stop

import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Workflow } from "blazen";
import { writeWhole } from "./files.mjs";
import { billFor, readingsIn } from "./metering.mjs";

const READINGS_A_BATCH = 20;

/** Of one region, and of all regions together: whoever knows the prices bears no more. */
const TRANSFORM = { concurrency: 2, limit: { concurrency: 3 }, timeout: 60_000 };

/**
 * @param {object} options
 * @param {number} [options.batchMs] how long to dwell on a batch, in milliseconds
 * @param {import("blazen").SqliteStore} options.store that of the night
 */
export function regionWorkflow({ batchMs = 0, store }) {
  return (
    new Workflow("region", { store })
      .addStep("extract", ["blazen::StartEvent"], async ({ region, from, into }, ctx) => {
        const readings = readingsIn(await readFile(from, { encoding: "utf8", signal: ctx.signal }));
        const batches = batchesOf(readings);
        await ctx.set("region", { region, into, batches: batches.length });
        return batches.map((readings, index) => ({ type: "Batch", index, readings }));
      })

      .addStep(
        "transform",
        ["Batch"],
        async ({ index, readings }, ctx) => {
          await delay(batchMs, undefined, { signal: ctx.signal });
          return { type: "Bills", index, bills: readings.map(billFor) };
        },
        TRANSFORM,
      )

      // Batches come in any order, and are written in that of the readings.
      .addStep("load", ["Bills"], async (event, ctx) => {
        const { region, into, batches } = await ctx.get("region");
        const all = await ctx.collectEvents(event, { Bills: batches });
        if (all === null) return null;
        const bills = all.sort((one, other) => one.index - other.index).flatMap(({ bills }) => bills);
        const lines = bills.map(({ meter, cents }) => `${meter},${cents}\n`);
        await writeWhole(into, `meter,cents\n${lines.join("")}`);
        const cents = bills.reduce((sum, { cents }) => sum + cents, 0);
        return { type: "blazen::StopEvent", result: { region, bills: bills.length, cents } };
      })
  );
}

function batchesOf(readings) {
  const count = Math.ceil(readings.length / READINGS_A_BATCH);
  return Array.from({ length: count }, (_, index) =>
    readings.slice(index * READINGS_A_BATCH, (index + 1) * READINGS_A_BATCH),
  );
}
