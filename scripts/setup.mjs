// Makes what a fresh clone lacks: the installed packages, the addon, the TypeScript layer. What is there and not older
// than its sources is left alone, so every other script may begin with this one. `--rebuild` makes the last two anew.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { addonFile } from "./addon.mjs";
import { ROOT, run } from "./command.mjs";
import { dateBack, isStale } from "./freshness.mjs";
import { installPackages } from "./install_packages.mjs";

const rebuild = process.argv.includes("--rebuild");

installPackages(ROOT);
requireRust();
const crate = ["src", "build.rs", "Cargo.toml", "Cargo.lock", "package.json"];
make("build:native", () => [addonFile() ?? "not built"], crate);
// The types are written last, and not at all if the compiler finds an error.
const layer = ["index.js", "conformance.js", "shared.js", "index.d.ts"].map((name) => `dist/${name}`);
make("build:ts", () => layer, ["ts", "native.d.ts", "package.json"]);

/** Without Rust the tools say what they tried, and not what is missing. */
function requireRust() {
  if (addonFile() !== undefined && !rebuild) return;
  if (spawnSync("cargo", ["--version"], { stdio: "ignore" }).status === 0) return;
  console.error("Building blazen needs Rust 1.95 or newer, with cargo on the PATH: see rustup.rs.");
  process.exit(1);
}

/** Runs the npm script that makes `outputs` from `sources`. */
function make(script, outputs, sources) {
  const inRoot = (path) => join(ROOT, path);
  const isOld = (output) => isStale(inRoot(output), sources.map(inRoot));
  if (!rebuild && !outputs().some(isOld)) {
    return;
  }
  const began = new Date();
  run("npm", ["run", "--silent", script]);
  for (const output of outputs()) dateBack(inRoot(output), began);
}
