// `npm ci`, but only where it has something to do.

import { join } from "node:path";
import { run } from "./command.mjs";
import { isStale } from "./freshness.mjs";

/** Installs what `package-lock.json` in `folder` names, unless that is what is installed. */
export function installPackages(folder) {
  // The file in which npm notes what it has installed.
  const installed = join(folder, "node_modules/.package-lock.json");
  if (isStale(installed, [join(folder, "package-lock.json")])) {
    run("npm", ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
  }
}
