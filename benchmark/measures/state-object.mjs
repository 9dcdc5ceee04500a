// Reading and writing an object of 2 KB in the run's state. A state that copies, so that nobody shares an object by
// accident, has to serialise on set and parse on get; the rest is what the state itself costs.

import { deepStrictEqual } from "node:assert";
import { besideFloor } from "../harness/beside-floor.mjs";
import { atMost } from "../harness/target.mjs";
import { order, orderText } from "../work/order.mjs";

const OPERATIONS = 2_000;

// Where results go, so that no compiler may leave out the work of making them.
let latest;

export default {
  name: "state-object",
  title: "An object of 2 KB in the state",
  subjects: ["blazen"],
  processes: 3,
  nodeFlags: ["--expose-gc"],

  probe: (subject) =>
    subject.insideStep(async (ctx) => {
      await ctx.set("order", order);
      const figures = await besideFloor({
        operations: OPERATIONS,
        rounds: 15,
        loops: {
          parse: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              latest = JSON.parse(orderText);
            }
          },
          get: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              latest = await ctx.get("order");
            }
          },
          stringify: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              latest = JSON.stringify(order);
            }
          },
          set: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              await ctx.set("order", order);
            }
          },
        },
        ratios: { getRatio: ["get", "parse"], setRatio: ["set", "stringify"] },
      });
      latest = await ctx.get("order");
      deepStrictEqual(latest, order);
      return figures;
    }),

  rows({ blazen }) {
    const judgedRow = (label, value, judged) => ({
      label,
      value,
      unit: "us",
      judged,
      basis: "x that",
      target: atMost(2.5),
    });
    return [
      { label: "JSON.parse(text)", value: blazen.parse, unit: "us" },
      judgedRow("await ctx.get(key)", blazen.get, blazen.getRatio),
      { label: "JSON.stringify(object)", value: blazen.stringify, unit: "us" },
      judgedRow("await ctx.set(key, object)", blazen.set, blazen.setRatio),
    ];
  },
};
