// Runs three deep that are paused, moved, lost and resumed at any time: nothing of them is lost, and nothing is left behind.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import { seeded } from "./bad_input/harness.mjs";
import { newFile, START, stop, test, turn } from "./stores/harness.mjs";

const AGAIN = { retry: { maxAttempts: 1_000, initialDelayMs: 0 } };

/** Three children at a time, of which each runs three more; some of these fail. Gives the same result whatever happens. */
function build(store, dice) {
  const aWhile = async () => {
    for (let turns = dice(4); turns > 0; turns -= 1) await turn();
  };
  const leaf = new Workflow("leaf", { store })
    .addStep("keep", [START], async ({ n }, ctx) => {
      await aWhile();
      await ctx.set("n", n);
      return { type: "Kept" };
    })
    .addStep(
      "shake",
      ["Kept"],
      async () => {
        await aWhile();
        if (dice(6) === 0) throw new Error("shaken");
        return { type: "Steady" };
      },
      AGAIN,
    )
    .addStep("double", ["Steady"], async (_event, ctx) => stop((await ctx.get("n")) * 2));
  const shaky = new Workflow("shaky", { store })
    .addStep("shake", [START], async ({ n }) => {
      await aWhile();
      if (dice(3) === 0) throw new Error("shaken");
      return { type: "Steady", n };
    })
    .addStep("end", ["Steady"], ({ n }) => stop(n));
  const middle = new Workflow("middle", { store })
    .addStep(
      "run",
      [START],
      async ({ n }, ctx) => {
        const first = await ctx.runWorkflow(leaf, { n });
        const others = await Promise.all([ctx.runWorkflow(leaf, { n: n + 1 }), ctx.runWorkflow(shaky, { n: 1_000 })]);
        return { type: "Ran", sum: [first, ...others].reduce((sum, { data }) => sum + data, 0) };
      },
      AGAIN,
    )
    .addStep("end", ["Ran"], ({ sum }) => stop(sum));
  return new Workflow("top", { store })
    .addStep("split", [START], () => [1, 2, 3].map((n) => ({ type: "Number", n })))
    .addSubworkflowStep("run", ["Number"], middle, { emits: "Sum", concurrency: 2, ...AGAIN })
    .addStep("join", ["Sum"], async (event, ctx) => {
      const all = await ctx.collectEvents(event, { Sum: 3 });
      return all && stop(all.reduce((sum, { result }) => sum + result, 0));
    });
}

const RESULT = 3_030;

/** Does `interrupt` to a run at ten times; it gives the handler to go on with. */
async function play(dice, begun, interrupt) {
  let handler = begun;
  for (let times = 0; times < 10; times += 1) {
    for (let turns = dice(25); turns > 0; turns -= 1) await turn();
    try {
      handler = await interrupt(handler);
    } catch (error) {
      assert.equal(error.code, "ERR_BLAZEN_RUN_ENDED");
      break;
    }
  }
  return (await handler.result()).data;
}

const dicing = (seed) => {
  const chance = seeded(seed);
  return (sides) => Math.floor(chance() * sides);
};
const graces = (dice) => (dice(2) === 0 ? {} : { graceMs: dice(3) });

describe("a run with children, interrupted at random,", () => {
  test("ends as it would have, in memory", async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const dice = dicing(seed);
      const result = await play(dice, await build(undefined, dice).runWithHandler(), async (handler) => {
        const snapshot = await handler.pause(graces(dice));
        if (dice(2) === 0) return build(undefined, dice).resume(snapshot);
        await handler.resumeInPlace();
        return handler;
      });
      assert.equal(result, RESULT, `seed ${seed}`);
    }
  });

  test("ends as it would have, in a store, and leaves no child behind", async () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const dice = dicing(seed);
      const path = newFile();
      let store = SqliteStore.open(path);
      const openAgain = async () => {
        await store.close();
        store = SqliteStore.open(path);
        return build(store, dice);
      };
      const result = await play(dice, await build(store, dice).runWithHandler(), async (handler) => {
        if (dice(2) === 0) {
          const later = await openAgain();
          const [recovered] = await later.recover();
          return recovered ?? later.attach(handler.runId);
        }
        await handler.pause(graces(dice));
        if (dice(2) === 0) return (await openAgain()).resume(handler.runId);
        await handler.resumeInPlace();
        return handler;
      });
      assert.equal(result, RESULT, `seed ${seed}`);
      for (const status of ["running", "paused"])
        assert.deepEqual((await store.runs({ status })).runs, [], `seed ${seed}`);
      await store.close();
    }
  });
});
