// Removes from `dist` what no source in `ts` makes any more: the compiler leaves it, and the package would ship it.

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./command.mjs";

const dist = join(ROOT, "dist");
for (const made of readdirSync(dist, { recursive: true })) {
  const source = made.replace(/\.d\.ts$|\.js$/, ".ts");
  if (!existsSync(join(ROOT, "ts", source))) {
    // A folder goes with what is in it, which is listed as well.
    rmSync(join(dist, made), { recursive: true, force: true });
  }
}
