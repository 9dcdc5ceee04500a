// The id of a child: the same whenever the same handler asks for the same child again, so that nothing need be kept to find it.

import type * as Crypto from "node:crypto";

/** Where in a run a child belongs. */
export interface ChildPlace {
  /** The number of the delivery whose handler runs it. */
  readonly delivery: number;
  /** How many children the handler has run before it. */
  readonly position: number;
}

/**
 * @param parent the id of the parent
 * @param generation how many runs have been in this place before it, and have failed
 * @returns a UUID of version 8: one that is made by a rule of its own
 */
export function childRunId(parent: string, { delivery, position }: ChildPlace, generation: number): string {
  // Not loaded before it is needed, which it is by few: that takes a tenth of the time that the package takes.
  const { createHash } = require("node:crypto") as typeof Crypto;
  const bytes = createHash("sha256")
    .update(`blazen:child ${parent} ${delivery} ${position} ${generation}`)
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
