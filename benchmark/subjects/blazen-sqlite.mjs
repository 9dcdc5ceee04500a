// blazen over its SQLite store, as built in this repository, with the durability it has by default: a step is invoked
// when what caused it is on the disk.

import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { durableStep, firstEvent, STEP } from "../workload/durable-step.mjs";
import { START, STOP } from "../workload/ping-pong.mjs";

const { SqliteStore, Workflow } = createRequire(import.meta.url)("../..");

/** Runs over the store in `folder`, which need not be empty. `options` are those of the workload's `durableStep`. */
async function openRuns(folder, options) {
  const store = SqliteStore.open(join(folder, "runs.db"));
  const steps = new Workflow("steps", { store });
  steps.addStep("step", [START, STEP], durableStep(options));

  let asked = 0;
  let afterEachAsk;
  const parking = new Workflow("parking", { store });
  parking.addStep("step", [START, STEP], durableStep({ ...options, end: () => ({ type: "Ask" }) }));
  parking.addStep("ask", ["Ask"], async () => {
    asked += 1;
    afterEachAsk();
    return { type: "blazen::InputRequestEvent", request_id: "approval", prompt: "Ship the order?", metadata: {} };
  });
  parking.addStep("decide", ["blazen::InputResponseEvent"], async (event) => ({ type: STOP, result: event.response }));

  return {
    run: async (last) => (await steps.run(firstEvent(last))).data,

    /** Resolves when `count` more runs have done `last` steps each and ask for an answer. */
    async park(count, last) {
      const enough = asked + count;
      const allAsked = new Promise((resolve) => {
        afterEachAsk = () => asked === enough && resolve();
      });
      await Promise.all(Array.from({ length: count }, () => parking.runWithHandler(firstEvent(last))));
      await allAsked;
    },

    /** How many of the parked runs a page of `limit` shows. */
    async countParked(limit) {
      const page = await store.runs({ workflow: "parking", status: "running", limit });
      return page.runs.length;
    },

    async close() {
      if (asked > 0) {
        // A request is durable a moment after its handler has returned it.
        await delay(200);
      }
      await store.close();
    },
  };
}

export default { openRuns };
