// Reading and writing 1 MB of bytes in the run's state, against the one copy that no state without aliasing can avoid.

import { deepStrictEqual } from "node:assert";
import { randomBytes } from "node:crypto";
import { besideFloor } from "../harness/beside-floor.mjs";
import { atMost } from "../harness/target.mjs";

const OPERATIONS = 100;

// Each copy is kept until the next one: a copy whose result nobody takes measures twice as slow, and would be a lax floor.
let latest;

export default {
  name: "state-bytes",
  title: "1 MB of bytes in the state",
  subjects: ["blazen"],
  processes: 3,
  nodeFlags: ["--expose-gc"],

  probe: (subject) =>
    subject.insideStep(async (ctx) => {
      const bytes = randomBytes(1024 * 1024);
      await ctx.setBytes("image", bytes);
      const figures = await besideFloor({
        operations: OPERATIONS,
        rounds: 15,
        loops: {
          copy: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              latest = Buffer.from(bytes);
            }
          },
          get: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              latest = await ctx.getBytes("image");
            }
          },
          set: async () => {
            for (let i = 0; i < OPERATIONS; i += 1) {
              await ctx.setBytes("image", bytes);
            }
          },
        },
        ratios: { getRatio: ["get", "copy"], setRatio: ["set", "copy"] },
      });
      latest = await ctx.getBytes("image");
      deepStrictEqual(latest, bytes);
      return figures;
    }),

  rows({ blazen }) {
    const judgedRow = (label, value, judged) => ({
      label,
      value,
      unit: "us",
      judged,
      basis: "x that",
      target: atMost(1.5),
    });
    return [
      { label: "Buffer.from(bytes)", value: blazen.copy, unit: "us" },
      judgedRow("await ctx.getBytes(key)", blazen.get, blazen.getRatio),
      judgedRow("await ctx.setBytes(key, bytes)", blazen.set, blazen.setRatio),
    ];
  },
};
