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
};

/** Installs what package-lock.json names, unless it is there already. */
export function installPeers() {
  if (existsSync(new URL("node_modules", FOLDER))) {
    return;
  }
  const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: fileURLToPath(FOLDER),
    // npm's own talk goes to stderr: stdout is the report.
    stdio: ["ignore", process.stderr, process.stderr],
    // On Windows npm is a script, which only a shell can start.
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    throw new Error("The peers could not be installed: `npm ci` failed in benchmark/.", { cause: error });
  }
}

export const isPeer = (subjectName) => subjectName in PEERS;

/** `["xstate 5.33.3", ...]` as installed. */
export function peerVersions() {
  return Object.values(PEERS).map((name) => {
    const manifest = new URL(`node_modules/${name}/package.json`, FOLDER);
    return `${name} ${JSON.parse(readFileSync(manifest, "utf8")).version}`;
  });
}
