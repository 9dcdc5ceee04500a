// What the packed package must run on. The runtimes come as npm packages, which exist for one platform only: elsewhere
// it is the Node.js that runs the tests.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "../../scripts/install_packages.mjs";
import { PLATFORM } from "./packed.mjs";

const FOLDER = fileURLToPath(new URL("runtimes", import.meta.url));
const installed = (path) => join(FOLDER, "node_modules", path);

const DENO = ["run", "--allow-all", "--no-config", "--node-modules-dir=manual"];

/** Each runtime's name, its program and the arguments before the script. */
export const RUNTIMES =
  PLATFORM === "linux-x64-gnu"
    ? [
        { name: "Node.js 20", program: installed("node20/bin/node"), args: [] },
        { name: "Node.js 22", program: installed("node22/bin/node"), args: [] },
        { name: "Node.js 24", program: installed("node24/bin/node"), args: [] },
        { name: "Bun", program: installed("@oven/bun-linux-x64/bin/bun"), args: [] },
        { name: "Deno", program: installed("@deno/linux-x64-glibc/deno"), args: DENO },
      ]
    : [{ name: `Node.js ${process.versions.node}`, program: process.execPath, args: [] }];

/** Installs the runtimes, unless they are there. */
export function installRuntimes() {
  if (RUNTIMES.length > 1) {
    installPackages(FOLDER);
  }
}
