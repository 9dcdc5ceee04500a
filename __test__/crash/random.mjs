// Numbers that are the same whenever the same is asked: whatever a crash test leaves to chance comes from its seed.

import { createHash } from "node:crypto";

const digest = (...parts) => createHash("sha256").update(parts.join("/")).digest();

/** A number in [0, 1) that depends on nothing but the arguments. */
export const chance = (...parts) => digest(...parts).readUInt32LE() / 2 ** 32;

/** A whole number from `least` to `most`. */
export const between = (least, most, ...parts) => least + Math.floor(chance(...parts) * (most - least + 1));

/** A UUID. */
export const uuid = (...parts) => {
  const hex = digest(...parts).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `7${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
};
