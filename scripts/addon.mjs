// The addon that stands in the root of the repository once it is built.

import { readdirSync } from "node:fs";
import { ROOT } from "./command.mjs";

/** The file name of the addon for this platform, or undefined. It ends with what the build alone knows: the C library. */
export function addonFile() {
  const beginning = `blazen.${process.platform}-${process.arch}`;
  return readdirSync(ROOT).find((file) => file.startsWith(beginning) && file.endsWith(".node"));
}
