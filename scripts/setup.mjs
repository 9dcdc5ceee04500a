// Makes what a fresh clone lacks: the installed packages, the addon, the TypeScript layer. What is there and not older
// than its sources is left alone, so every other script may begin with this one. `--rebuild` makes the last two anew.

import { join } from "node:path";
import { addonFile } from "./addon.mjs";
import { ROOT, run } from "./command.mjs";
import { dateBack, isStale } from "./freshness.mjs";
import { installPackages } from "./install_packages.mjs";

const rebuild = process.argv.includes("--rebuild");

installPackages(ROOT);
make("build:native", () => addonFile() ?? "not built", ["src", "build.rs", "Cargo.toml", "Cargo.lock", "package.json"]);
make("build:ts", () => "dist/index.js", ["ts", "native.d.ts"]);

/** Runs the npm script that makes `output` from `sources`. */
function make(script, output, sources) {
  const inRoot = (path) => join(ROOT, path);
  if (!rebuild && !isStale(inRoot(output()), sources.map(inRoot))) {
    return;
  }
  const began = new Date();
  run("npm", ["run", "--silent", script]);
  dateBack(inRoot(output()), began);
}
