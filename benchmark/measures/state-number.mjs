// Reading and writing a number in the run's state, against the cheapest thing that can be awaited.

import { besideFloor } from "../harness/beside-floor.mjs";
import { atMost } from "../harness/target.mjs";

const OPERATIONS = 20_000;

export default besideFloor({
  name: "state-number",
  title: "A number in the state",
  operations: OPERATIONS,
  target: atMost(15),

  prepare: (ctx) => ctx.set("n", 0),

  figures: {
    floor: {
      label: "await Promise.resolve()",
      async loop() {
        for (let i = 0; i < OPERATIONS; i += 1) {
          await Promise.resolve();
        }
      },
    },
    get: {
      label: "await ctx.get(key)",
      floor: "floor",
      async loop(ctx) {
        for (let i = 0; i < OPERATIONS; i += 1) {
          await ctx.get("n");
        }
      },
    },
    set: {
      label: "await ctx.set(key, number)",
      floor: "floor",
      async loop(ctx) {
        for (let i = 0; i < OPERATIONS; i += 1) {
          await ctx.set("n", i);
        }
      },
    },
  },
});
