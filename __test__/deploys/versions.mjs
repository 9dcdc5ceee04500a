// Two versions of a workflow, and stores in which the first has left a run to the second.

import { SqliteStore, Workflow } from "blazen";
import { around, MapStore } from "../conformance/map_store.mjs";
import { gate, newFile, START, stop } from "../stores/harness.mjs";

/** Stores that are opened by one process after another. */
export const WORLDS = {
  SqliteStore: () => {
    const path = newFile();
    return { open: () => SqliteStore.open(path), leave: (store) => store.close() };
  },
  // A workflow knows the runs at work by the object that it was given as store.
  MapStore: () => {
    const kept = new MapStore();
    return { open: () => around(kept), leave: async () => {} };
  },
};

export const forever = () => new Promise(() => {});

/** The first version: it charges an order, which takes forever. */
export function firstVersion(options, charge = forever) {
  return new Workflow("orders", { version: "1", ...options })
    .addStep("begin", [START], async ({ order }, ctx) => {
      await ctx.set("order", order);
      await ctx.set("cents", "1200");
      await ctx.state.setBytes("image", Buffer.from([1, 2]));
      return { type: "Charge", order };
    })
    .addStep("charge", ["Charge"], charge);
}

/** The second one: the step has another name, and the event and the state other fields. */
export const secondVersion = (options, bill) =>
  new Workflow("orders", { version: "2", ...options })
    .addStep("begin", [START], ({ order }) => ({ type: "Bill", number: order }))
    .addStep("bill", ["Bill"], bill ?? (async ({ number }, ctx) => stop({ number, ...(await seen(ctx)) })));

async function seen(ctx) {
  return { keys: await ctx.state.keys(), cents: await ctx.get("cents"), attempt: ctx.attempt };
}

export function toSecond(run) {
  run.state.set("cents", Number(run.state.get("cents")));
  run.state.set("currency", "EUR");
  run.state.delete("order");
  for (const pending of run.pending) {
    pending.step = "bill";
    pending.event = { type: "Bill", number: pending.event.order };
  }
}

/** A run of the first version that is at the step `charge`, in a store that its process has left. */
export async function leftBehind({ open, leave }, options) {
  const store = open();
  const reached = gate();
  const charge = () => {
    reached.open();
    return forever();
  };
  const { runId } = await firstVersion({ store, ...options }, charge).runWithHandler({ order: 42 });
  await reached.opened;
  await leave(store);
  return runId;
}

export const warningsOf = async (act) => {
  const warnings = [];
  const listener = ({ message }) => warnings.push(message);
  process.on("warning", listener);
  try {
    await act();
    await new Promise(setImmediate);
  } finally {
    process.off("warning", listener);
  }
  return warnings;
};

/** What a store has of a run, but for when. */
export async function kept(store, runId) {
  const { updatedAt, ...run } = await readable(store).run(runId);
  return run;
}

/** A store in JavaScript has no `run`; what it loads says the same. */
function readable(store) {
  return "run" in store ? store : { run: async (runId) => structuredClone(await store.load(runId)) };
}
