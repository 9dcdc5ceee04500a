// The peers live in a package of their own, so that nobody who installs or builds blazen has to download them.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../", import.meta.url);

/** The package behind each subject that is not ours. */
const PEERS = {
  llamaindex: "@llamaindex/workflow-core",
  langgraph: "@langchain/langgraph",
  xstate: "xstate",
  "langgraph-sqlite": "@langchain/langgraph-checkpoint-sqlite",
  "dbos-postgres": "@dbos-inc/dbos-sdk",
};

/** Installs what package-lock.json names, unless every peer is there already. */
export function installPeers() {
  if (Object.values(PEERS).every((name) => existsSync(manifestOf(name)))) {
    return;
  }
  // One peer has a native addon. Where that can be neither downloaded nor compiled the others are measured without it.
  if (!install([]) && !install(["--ignore-scripts"])) {
    throw new Error("The peers could not be installed: `npm ci` failed in benchmark/.");
  }
}

function install(flags) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", ...flags], {
    cwd: fileURLToPath(FOLDER),
    // npm's own talk goes to stderr: stdout is the report.
    stdio: ["ignore", process.stderr, process.stderr],
    // On Windows npm is a script, which only a shell can start.
    shell: process.platform === "win32",
  });
  return status === 0;
}

export const isPeer = (subjectName) => subjectName in PEERS;

/** `["xstate 5.33.3", ...]` as installed. */
export function peerVersions() {
  return Object.values(PEERS).map((name) => `${name} ${JSON.parse(readFileSync(manifestOf(name), "utf8")).version}`);
}

const manifestOf = (name) => new URL(`node_modules/${name}/package.json`, FOLDER);
