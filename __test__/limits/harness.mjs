// What the tests of limits share: handlers that stay at work until they are let go.

import { Workflow } from "blazen";
import { gate, quiet, START, stop } from "../stores/harness.mjs";

/** A handler for events with a `name`: it is at work until that name is let go. */
export class Desk {
  /** The names of the events that it was called with, in order; an attempt after the first says so. */
  calls = [];
  #gates = new Map();

  handler = async ({ name }, ctx) => {
    this.calls.push(ctx.attempt === 1 ? name : `${name} again`);
    const { begun, done } = this.#gatesOf(name);
    begun.open();
    await done.opened;
    return { type: "Done", name };
  };

  /** Resolves when the handler has been called with the name. */
  begun(name) {
    return this.#gatesOf(name).begun.opened;
  }

  letGo(...names) {
    for (const name of names) this.#gatesOf(name).done.open();
  }

  #gatesOf(name) {
    if (!this.#gates.has(name)) this.#gates.set(name, { begun: gate(), done: gate() });
    return this.#gates.get(name);
  }
}

/**
 * A workflow whose runs have each of their `names` worked on, and end with those in order.
 *
 * @param options of the step that does the work
 */
export function working(handler, options, workflowOptions) {
  return new Workflow("working", workflowOptions)
    .addStep("split", [START], async ({ names, tenant }, ctx) => {
      await ctx.state.set("names", names);
      return names.map((name) => ({ type: "Work", name, tenant }));
    })
    .addStep("work", ["Work"], handler, options)
    .addStep("join", ["Done"], async (event, ctx) => {
      const names = await ctx.state.get("names");
      const all = await ctx.collectEvents(event, { Done: names.length });
      return all && stop(names);
    });
}

/** A run of `workflow` that has taken up `name`. */
export async function atWork(workflow, desk, name, input = {}) {
  const handler = await workflow.runWithHandler({ names: [name], ...input });
  await desk.begun(name);
  return handler;
}

/** Runs that wait. */
export async function waitingFor(workflow, ...runs) {
  const handlers = [];
  for (const names of runs) {
    handlers.push(await workflow.runWithHandler({ names: [names].flat() }));
    await quiet();
  }
  return handlers;
}
