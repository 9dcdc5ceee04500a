// `npm test`: every check there is, each under its heading, and a summary. `npm test -- WORD` runs only the parts whose
// heading has the word in it.

import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ROOT, succeeds } from "./command.mjs";
import { canInstrument, instrument } from "./instrumented.mjs";
import { buildProbes, PROBES } from "./probes.mjs";

const denyWarnings = ["--", "--deny", "warnings"];
// Biome colours its output even where nobody can see colours.
const plain = process.stdout.isTTY ? [] : ["--colors=off"];

const parts = {
  "Rust: formatting": () => ["Cargo.toml", "fuzz/Cargo.toml"].every(isFormatted),
  "Rust: lints with all features": () =>
    succeeds("cargo", ["clippy", "--quiet", "--all-targets", "--all-features", ...denyWarnings]),
  "Rust: lints of the engine alone": () =>
    succeeds("cargo", ["clippy", "--quiet", "--all-targets", "--no-default-features", ...denyWarnings]),
  "Rust: tests of the engine": () => succeeds("cargo", ["test", "--quiet", "--no-default-features"]),
  "Rust: tests under AddressSanitizer": testWatchingMemory,
  "Rust: fuzzing": () => succeeds(process.execPath, ["scripts/fuzz.mjs"]),
  "JavaScript: formatting and lints": () => succeeds("biome", ["ci", "--error-on-warnings", ...plain]),
  "Types: the TypeScript layer": () => succeeds("tsc", ["-p", "ts", "--noEmit"]),
  "Types: what must compile and what must not": () => succeeds("tsc", ["-p", "__test__/types"]),
  "Node: an addon for tests": buildProbes,
  "Node: tests": () => nodeTests("__test__"),
  "Package: tests": () => nodeTests("__test__/package"),
};

const word = process.argv[2] ?? "";
const outcomes = Object.entries(parts)
  .filter(([heading]) => heading.toLowerCase().includes(word.toLowerCase()))
  .map(([heading, passes]) => {
    console.log(`\n=== ${heading}`);
    const began = performance.now();
    const passed = passes();
    return { heading, passed, seconds: (performance.now() - began) / 1000 };
  });

console.log("\n=== Summary");
for (const { heading, passed, seconds } of outcomes) {
  console.log(`${passed ? "passed" : "FAILED"} ${seconds.toFixed(1).padStart(6)} s  ${heading}`);
}
process.exitCode = outcomes.length > 0 && outcomes.every(({ passed }) => passed) ? 0 : 1;

function isFormatted(manifest) {
  return succeeds("cargo", ["fmt", "--check", "--manifest-path", manifest]);
}

function testWatchingMemory() {
  if (!canInstrument("AddressSanitizer")) {
    return true;
  }
  const { args, env } = instrument({ memory: true });
  const tests = ["--no-default-features", "--lib", "--test", "fuzz_corpus"];
  return succeeds("cargo", ["test", "--quiet", ...tests, ...args], { env });
}

/** Runs the test files that stand in `folder` itself. */
function nodeTests(folder) {
  const files = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".test.mjs"));
  if (files.length === 0) {
    // Without files Node would look for tests everywhere.
    console.error(`There are no tests in ${folder}.`);
    return false;
  }
  const paths = files.sort().map((name) => join(folder, name));
  // A dot for each, and at the end what failed, so that it is not lost among thousands that passed. Most files wait for
  // programs that they start, so there may be as many at once as there are processors.
  const how = ["--test", "--test-reporter=dot", `--test-concurrency=${availableParallelism()}`];
  return succeeds(process.execPath, [...how, ...paths], { env: { BLAZEN_PROBES: PROBES } });
}
