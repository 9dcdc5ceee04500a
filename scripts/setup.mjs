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
make("build:native", () => addonFile() ?? "not built", ["src", "build.rs", "Cargo.toml", "Cargo.lock", "package.json"]);
// The types come last, and not if there is an error in them.
make("build:ts", () => "dist/index.d.ts", ["ts", "native.d.ts", "package.json"]);

/** Without Rust the tools say what they tried, and not what is missing. */
function requireRust() {
  if (addonFile() !== undefined && !rebuild) return;
  if (spawnSync("cargo", ["--version"], { stdio: "ignore" }).status === 0) return;
  console.error("Building blazen needs Rust 1.95 or newer, with cargo on the PATH: see rustup.rs.");
  process.exit(1);
}

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
