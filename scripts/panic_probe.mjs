// A second addon, quick to build, with an export that panics on purpose; it never stands beside the one that is shipped.

import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT, succeeds } from "./command.mjs";

const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");
const LIBRARY = { darwin: "libblazen.dylib", win32: "blazen.dll" }[process.platform] ?? "libblazen.so";

/** Where `buildPanicProbe` puts the addon. */
export const PANIC_PROBE = join(TARGET, "panic-probe", "blazen.node");

/** Builds the addon with its probe and tells whether that succeeded. */
export function buildPanicProbe() {
  if (!succeeds("cargo", ["build", "--quiet", "--features", "panic-probe"])) {
    return false;
  }
  mkdirSync(join(TARGET, "panic-probe"), { recursive: true });
  // Moved into place whole: a process that has the old one loaded keeps it.
  copyFileSync(join(TARGET, "debug", LIBRARY), `${PANIC_PROBE}.new`);
  renameSync(`${PANIC_PROBE}.new`, PANIC_PROBE);
  return true;
}
