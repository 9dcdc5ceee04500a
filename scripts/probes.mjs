// A second addon, quick to build, with exports for tests: one panics on purpose, another calls the drivers of stores. It
// never stands beside the one that is shipped.

import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT, succeeds } from "./command.mjs";

const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
const LIBRARY = { darwin: "libblazen.dylib", win32: "blazen.dll" }[process.platform] ?? "libblazen.so";

/** Where `buildProbes` puts the addon. */
export const PROBES = join(TARGET, "probes", "blazen.node");

/** Builds the addon with its probes and tells whether that succeeded. */
export function buildProbes() {
  if (!succeeds("cargo", ["build", "--quiet", "--features", "probes"])) {
    return false;
  }
  mkdirSync(join(TARGET, "probes"), { recursive: true });
  // Moved into place whole: a process that has the old one loaded keeps it.
  copyFileSync(join(TARGET, "debug", LIBRARY), `${PROBES}.new`);
  renameSync(`${PROBES}.new`, PROBES);
  return true;
}
