// Rust code that is built to be watched while it runs: its branches by a fuzzer, its memory by AddressSanitizer. Every
// kind of build has a target folder of its own.

import { join, resolve } from "node:path";
import { ROOT } from "./command.mjs";

const TRIPLE = "x86_64-unknown-linux-gnu";
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");

/** What libFuzzer reads; a stable compiler has it too. */
const BRANCHES = [
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=4",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Cllvm-args=-sanitizer-coverage-pc-table",
];

/** A stable compiler has this and does not admit it: RUSTC_BOOTSTRAP. */
const MEMORY = ["-Zsanitizer=address"];

/** Whether this machine can do it; if not, says what is left out. */
export function canInstrument(what) {
  const can = process.platform === "linux" && process.arch === "x64";
  if (!can) {
    console.log(`${what} is left out: it is set up for Linux on x86-64.`);
  }
  return can;
}

/** How cargo is to be called for such a build, and where its programs will be. */
export function instrument({ branches = false, memory = false }) {
  const folder = join(TARGET, ["watched", branches && "branches", memory && "memory"].filter(Boolean).join("-"));
  const flags = [...(branches ? BRANCHES : []), ...(memory ? MEMORY : [])];
  return {
    folder,
    programs: join(folder, TRIPLE, "release"),
    // With a named target, what runs at build time is not instrumented.
    args: ["--target", TRIPLE, "--target-dir", folder],
    env: {
      RUSTFLAGS: flags.join(" "),
      // SQLite, which is C, is watched too.
      ...(memory && { RUSTC_BOOTSTRAP: "1", [`CFLAGS_${TRIPLE.replaceAll("-", "_")}`]: "-fsanitize=address" }),
      // The tests run once: optimizing them takes longer than it saves.
      ...(memory && { CARGO_PROFILE_DEV_OPT_LEVEL: "0" }),
    },
  };
}
