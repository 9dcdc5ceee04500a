// Reading and writing 1 MB of bytes in the run's state, against the one copy that no state without aliasing can avoid.

import { deepStrictEqual } from "node:assert";
import { randomBytes } from "node:crypto";
import { besideFloor } from "../harness/beside-floor.mjs";
import { atMost } from "../harness/target.mjs";

const OPERATIONS = 100;

// Each copy is kept until the next one: a copy whose result nobody takes measures twice as slow, and would be a lax floor.
let latest;

export default besideFloor({
  name: "state-bytes",
  title: "1 MB of bytes in the state",
  operations: OPERATIONS,
  target: atMost(1.5),

  async prepare(ctx) {
    const bytes = randomBytes(1024 * 1024);
    await ctx.setBytes("image", bytes);
    return bytes;
  },

  figures: {
    copy: {
      label: "Buffer.from(bytes)",
      async loop(_ctx, bytes) {
        for (let i = 0; i < OPERATIONS; i += 1) {
          latest = Buffer.from(bytes);
        }
      },
    },
    get: {
      label: "await ctx.getBytes(key)",
      floor: "copy",
      async loop(ctx) {
        for (let i = 0; i < OPERATIONS; i += 1) {
          latest = await ctx.getBytes("image");
        }
      },
    },
    set: {
      label: "await ctx.setBytes(key, bytes)",
      floor: "copy",
      async loop(ctx, bytes) {
        for (let i = 0; i < OPERATIONS; i += 1) {
          await ctx.setBytes("image", bytes);
        }
      },
    },
  },

  async check(ctx, bytes) {
    latest = await ctx.getBytes("image");
    deepStrictEqual(latest, bytes);
  },
});
