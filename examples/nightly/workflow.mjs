// The night: waits until it is time, has each region done by a workflow of its own, a few at a time, and sums up. A region
// that fails stops no other.
//
//     start -> wait -> (until it is time) -> Night -> split -> Region (many) -> region -> RegionDone (many) -> sum_up -> stop
//                                                                             \-> RegionFailed -> set_aside -/
//
// A region is begun once, however often the night is killed: its run is known by the event that it was begun for.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Workflow } from "blazen";
import { writeWhole } from "./files.mjs";

const REGIONS_AT_ONCE = 3;

/**
 * @param {object} options
 * @param {Workflow} options.region what is done for each
 * @param {import("blazen").SqliteStore} options.store where runs are kept, its own and those of the regions
 */
export function nightlyWorkflow({ region, store }) {
  return (
    new Workflow("nightly", { store })
      .addStep("wait", ["blazen::StartEvent"], async ({ date, at, from, into }, ctx) => {
        await ctx.sendEvent({ type: "Night", date, at, from, into }, { at: new Date(at) });
      })

      // Which regions there are is decided once, when it is time.
      .addStep("split", ["Night"], async ({ date, from, into }, ctx) => {
        const files = await regionFilesIn(from);
        if (files.length === 0) throw new Error(`there are no *.csv files in ${from}`);
        await ctx.set("night", { date, folder: join(into, date), regions: files.length });
        return files.map((name) => ({
          type: "Region",
          region: name.slice(0, -".csv".length),
          from: join(from, name),
          into: join(into, date, name),
        }));
      })

      .addSubworkflowStep("region", ["Region"], region, {
        emits: "RegionDone",
        concurrency: REGIONS_AT_ONCE,
        onFailure: "RegionFailed",
      })

      .addStep("set_aside", ["RegionFailed"], ({ error, event: { region } }) => ({
        type: "RegionDone",
        result: { region, failed: error.message },
      }))

      .addStep("sum_up", ["RegionDone"], async (event, ctx) => {
        await ctx.writeEventToStream({ type: "Told", ...event.result });
        const { date, folder, regions } = await ctx.get("night");
        const all = await ctx.collectEvents(event, { RegionDone: regions });
        if (all === null) return null;
        const summary = summaryOf(
          date,
          all.map(({ result }) => result),
        );
        await writeWhole(join(folder, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
        return { type: "blazen::StopEvent", result: summary };
      })
  );
}

/** The names of the files of a folder that are those of regions, in order. */
export async function regionFilesIn(folder) {
  return (await readdir(folder)).filter((name) => name.endsWith(".csv")).sort();
}

/** The same for the same regions, in whatever order they were done. */
function summaryOf(date, results) {
  const regions = results.sort((one, other) => (one.region < other.region ? -1 : 1));
  const done = regions.filter(({ failed }) => failed === undefined);
  return {
    date,
    bills: done.reduce((sum, { bills }) => sum + bills, 0),
    cents: done.reduce((sum, { cents }) => sum + cents, 0),
    regions,
  };
}

/**
 * How far a stored night has come: when it is due, and how many of its regions are done.
 *
 * @param {import("blazen").StoredRun} stored
 */
export function progressOf({ state, pending }) {
  if (!state.has("night")) {
    const { date, at } = pending[0].event;
    return { date, due: new Date(at), regions: 0, done: 0 };
  }
  const { date, regions } = state.get("night");
  return { date, due: null, regions, done: regions - pending.filter(({ step }) => step === "region").length };
}
