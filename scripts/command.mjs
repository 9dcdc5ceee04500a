// Other programs, run from the root of the repository with our own output.

import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The environment in which the tools of `node_modules` go by their name, as in an npm script. */
export const ENVIRONMENT = {
  ...process.env,
  PATH: [join(ROOT, "node_modules/.bin"), process.env.PATH].join(delimiter),
};

/** Runs a program to its end and tells whether it succeeded. */
export function succeeds(program, args, { cwd = ROOT, env = {} } = {}) {
  const { status, error } = spawnSync(program, args, {
    cwd,
    env: { ...ENVIRONMENT, ...env },
    // Nothing here asks anything, so nothing may wait for an answer.
    stdio: ["ignore", "inherit", "inherit"],
    // On Windows npm and its tools are scripts, which only a shell can start.
    shell: process.platform === "win32",
  });
  if (error) {
    console.error(`${program} cannot be run: ${error.message}`);
  }
  return status === 0;
}

/** Runs a program that the rest depends on: if it fails, this process ends. */
export function run(program, args, options) {
  if (!succeeds(program, args, options)) {
    console.error(`\nFailed: ${[program, ...args].join(" ")}`);
    process.exit(1);
  }
}
