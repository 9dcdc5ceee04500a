// What the tests of hostile handlers share. Whatever imports it is kept alive until its tests have ended.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

export { quiet, turn } from "../turns.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const INDEX = fileURLToPath(new URL("../../index.js", import.meta.url));
/** Only there so that what hangs fails instead of holding everything. */
export const HANG = 120_000;
export const SHORT = { timeout: 60_000 };
// What hangs may hold nothing that keeps the event loop alive.
const keepAlive = setInterval(() => {}, HANG);
after(() => clearInterval(keepAlive));

/** Runs an ES module in a process of its own; a promise that nobody handles ends it. */
export async function inProcess(source, flags = [], timeout = HANG) {
  const child = spawn(
    process.execPath,
    ["--unhandled-rejections=strict", ...flags, "--input-type=module", "--eval", source],
    {
      cwd: ROOT,
      timeout,
      killSignal: "SIGKILL",
    },
  );
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (piece) => {
    stdout += piece;
  });
  child.stderr.on("data", (piece) => {
    stderr += piece;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, stdout: stdout.trim(), stderr };
}

export async function assertPrints(expected, source, flags, timeout) {
  const { code, signal, stdout, stderr } = await inProcess(source, flags, timeout);
  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: expected }, stderr);
}

export const IMPORTS = `import { BlazenError, Context, Workflow } from "blazen";
const START = "blazen::StartEvent";
const stop = (result) => ({ type: "blazen::StopEvent", result });
const one = (handler) => new Workflow("w").addStep("s", [START], handler);
const turn = () => new Promise(setImmediate);
const quiet = async () => { for (let n = 0; n < 20; n += 1) await turn(); };
`;
