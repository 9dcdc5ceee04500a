// Reading and writing a number in the run's state, against the cheapest thing that can be awaited.

import { besideFloor } from "../harness/beside-floor.mjs";
import { atMost } from "../harness/target.mjs";

const OPERATIONS = 20_000;

export default {
  name: "state-number",
  title: "A number in the state",
  subjects: ["blazen"],
  processes: 3,
  nodeFlags: ["--expose-gc"],

  probe: (subject) =>
    subject.insideStep(async (ctx) => {
      await ctx.set("n", 0);
      return besideFloor({
        operations: OPERATIONS,
        rounds: 15,
        loops: {
          floor: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              await Promise.resolve();
            }
          },
          get: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              await ctx.get("n");
            }
          },
          set: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              await ctx.set("n", i);
            }
          },
        },
        ratios: { getRatio: ["get", "floor"], setRatio: ["set", "floor"] },
      });
    }),

  rows({ blazen }) {
    const judgedRow = (label, value, judged) => ({
      label,
      value,
      unit: "us",
      judged,
      basis: "x that",
      target: atMost(15),
    });
    return [
      { label: "await Promise.resolve()", value: blazen.floor, unit: "us" },
      judgedRow("await ctx.get(key)", blazen.get, blazen.getRatio),
      judgedRow("await ctx.set(key, number)", blazen.set, blazen.setRatio),
    ];
  },
};
