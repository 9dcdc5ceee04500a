// Reading and writing an object of 2 KB in the run's state. A state that copies, so that nobody shares an object by
// accident, has to serialise on set and parse on get; the rest is what the state itself costs.

import { deepStrictEqual } from "node:assert";
import { besideFloor } from "../harness/beside-floor.mjs";
import { atMost } from "../harness/target.mjs";
import { order, orderText } from "../workload/order.mjs";

const OPERATIONS = 2_000;

// Where results go, so that no compiler may leave out the work of making them.
let latest;

export default besideFloor({
  name: "state-object",
  title: "An object of 2 KB in the state",
  operations: OPERATIONS,
  target: atMost(2.5),

  prepare: (ctx) => ctx.set("order", order),

  figures: {
    parse: {
      label: "JSON.parse(text)",
      async loop() {
        for (let i = 0; i < OPERATIONS; i += 1) {
          latest = JSON.parse(orderText);
        }
      },
    },
    get: {
      label: "await ctx.get(key)",
      floor: "parse",
      async loop(ctx) {
        for (let i = 0; i < OPERATIONS; i += 1) {
          latest = await ctx.get("order");
        }
      },
    },
    stringify: {
      label: "JSON.stringify(object)",
      async loop() {
        for (let i = 0; i < OPERATIONS; i += 1) {
          latest = JSON.stringify(order);
        }
      },
    },
    set: {
      label: "await ctx.set(key, object)",
      floor: "stringify",
      async loop(ctx) {
        for (let i = 0; i < OPERATIONS; i += 1) {
          await ctx.set("order", order);
        }
      },
    },
  },

  async check(ctx) {
    latest = await ctx.get("order");
    deepStrictEqual(latest, order);
  },
});
