// Steps of which so many handlers may be at work at a time.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { Workflow } from "blazen";
import { START, stop, test } from "./stores/harness.mjs";
import { inEveryWay } from "./ways/harness.mjs";

describe("a step with a concurrency", () => {
  inEveryWay("has at most so many handlers at work, and takes everything in the end", {
    build: ({ store, pass }) => {
      let atWork = 0;
      return new Workflow("limited", { store })
        .addStep("split", [START], () => Array.from({ length: 20 }, (_, n) => ({ type: "Work", n })))
        .addStep(
          "work",
          ["Work"],
          async ({ n }) => {
            atWork += 1;
            assert.ok(atWork <= 3, `${atWork} at a time`);
            await new Promise((resolve) => setTimeout(resolve, 2));
            atWork -= 1;
            return { type: "Done", n };
          },
          { concurrency: 3 },
        )
        .addStep("join", ["Done"], async (event, ctx) => {
          const all = await ctx.collectEvents(event, { Done: 20 });
          if (all === null && event.n === 4) pass();
          return all && stop(all.map(({ n }) => n).sort((a, b) => a - b));
        });
    },
    restless: true,
    expect: Array.from({ length: 20 }, (_, n) => n),
  });

  test("lets an attempt that failed wait without taking up a place", async () => {
    const order = [];
    const workflow = new Workflow("places")
      .addStep("split", [START], () => [
        { type: "Work", n: 0 },
        { type: "Work", n: 1 },
      ])
      .addStep(
        "work",
        ["Work"],
        async ({ n }, ctx) => {
          order.push(n);
          if (n === 0 && ctx.attempt === 1) throw new Error("not yet");
          return order.length === 3 ? stop(order) : null;
        },
        { concurrency: 1, retry: { initialDelayMs: 20 } },
      );
    assert.deepEqual((await workflow.run()).data, [0, 1, 0]);
  });

  test("takes ten thousand events one at a time", async () => {
    const count = 10_000;
    const workflow = new Workflow("one by one")
      .addStep("split", [START], () => Array.from({ length: count }, (_, n) => ({ type: "Work", n })))
      .addStep("work", ["Work"], async ({ n }) => (n === count - 1 ? stop(n) : null), { concurrency: 1 });
    assert.equal((await workflow.run()).data, count - 1);
  });
});
