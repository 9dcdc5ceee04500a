// `npm run fuzz`: builds the fuzz targets and gives each of them inputs, for a bounded time. What an input has broken is
// told with the input.
//
//     npm run fuzz -- [--target NAME] [--runs N | --seconds S] [--seed N] [--asan]
//
// The seed is 1 unless given, so that a fresh clone tries the same inputs every time; another seed tries others.

import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { ENVIRONMENT, ROOT, run } from "./command.mjs";
import { canInstrument, instrument } from "./instrumented.mjs";

/**
 * The targets, with how long an input may be, and how many inputs and seconds are enough for `npm test`. Time ends
 * first: on two busy cores, with ten million inputs of `exact_string`, with six million of `snapshot`, and with far fewer
 * of the others, which do more with each.
 *
 * Inputs that reach what few reach are preferred, unless their choice is `plain`: where an input takes a few
 * microseconds, that costs a third of the time, and in `exact_string` it finds no more.
 */
const TARGETS = {
  exact_string: { longest: 64, runs: 20_000_000, seconds: 75, choice: "plain" },
  snapshot: { longest: 2_048, runs: 20_000_000, seconds: 75 },
  stored_run: { longest: 192, runs: 20_000_000, seconds: 40 },
  schedule: { longest: 512, runs: 20_000_000, seconds: 15 },
  store_file: { longest: 256, runs: 20_000_000, seconds: 15 },
};

/** So long may one input take. */
const PATIENCE_SECONDS = 20;

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    seed: { type: "string", default: "1" },
    runs: { type: "string" },
    seconds: { type: "string" },
    asan: { type: "boolean", default: false },
  },
});

if (values.target !== undefined && !(values.target in TARGETS)) {
  console.error(`There is no target ${values.target}; there are ${Object.keys(TARGETS).join(", ")}.`);
  process.exitCode = 1;
} else if (canInstrument("Fuzzing")) {
  const build = buildTargets();
  const queue = values.target === undefined ? Object.keys(TARGETS) : [values.target];
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      await fuzz(target, build);
    }
  });
  await Promise.all(workers);
}

function buildTargets() {
  const build = instrument({ branches: true, memory: values.asan });
  const manifest = ["--manifest-path", "fuzz/Cargo.toml", "--locked"];
  run("cargo", ["build", "--quiet", "--release", ...manifest, ...build.args], { env: build.env });
  return build;
}

/** Runs one target to its end and prints how it went. */
async function fuzz(target, { folder, programs }) {
  const [inputs, findings] = ["inputs", "findings"].map((name) => join(folder, name, target));
  mkdirSync(inputs, { recursive: true });
  mkdirSync(findings, { recursive: true });
  const log = join(folder, `${target}.log`);
  const dictionary = join(ROOT, "fuzz", `${target}.dict`);
  // New inputs that reach something new go to the first folder.
  const child = spawn(
    join(programs, target),
    [
      inputs,
      join(ROOT, "fuzz/corpus", target),
      `-artifact_prefix=${findings}/`,
      ...(existsSync(dictionary) ? [`-dict=${dictionary}`] : []),
      ...limits(TARGETS[target]),
      ...(TARGETS[target].choice === "plain" ? ["-entropic=0"] : []),
      `-timeout=${PATIENCE_SECONDS}`,
      `-seed=${Number(values.seed)}`,
      "-rss_limit_mb=2048",
      "-malloc_limit_mb=64", // of what is not Rust, AddressSanitizer alone knows the allocations
      "-print_final_stats=1",
    ],
    { cwd: ROOT, env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] },
  );
  const output = createWriteStream(log);
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  const status = await new Promise((resolve) => child.on("close", resolve));
  output.end();
  await finished(output);
  report(target, status === 0, readFileSync(log, "utf8"));
}

function limits({ longest, runs, seconds }) {
  const isBounded = values.runs !== undefined || values.seconds !== undefined;
  const [mostRuns, mostSeconds] = isBounded ? [values.runs ?? -1, values.seconds ?? 0] : [runs, seconds];
  return [`-max_len=${longest}`, `-runs=${mostRuns}`, `-max_total_time=${mostSeconds}`];
}

function report(target, passed, output) {
  const [executions, perSecond] = ["number_of_executed_units", "average_exec_per_sec"].map((name) => {
    const found = output.match(new RegExp(`stat::${name}: +(\\d+)`));
    return Number(found?.[1] ?? 0).toLocaleString("en");
  });
  console.log(`${passed ? "passed" : "FAILED"}  ${target}: ${executions} executions, ${perSecond} per second`);
  if (passed) {
    return;
  }
  process.exitCode = 1;
  // Before it are the inputs that were fine.
  console.error(output.slice(Math.max(0, output.search(/^.*(panicked at|ERROR:|an allocation of)/m))));
  const input = output.match(/Test unit written to (.+)/)?.[1];
  if (input !== undefined) {
    console.error(`\nTo replay it, now and in every later test, give it a name in the corpus:
  cp ${relative(ROOT, input)} fuzz/corpus/${target}/NAME
  cargo test --no-default-features --test fuzz_corpus`);
  }
}
