// One probe of one subject in a process of its own, so that nobody's heap, timers or compiled code meet anybody else's.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROBE = fileURLToPath(new URL("../probe.mjs", import.meta.url));
const TIME_LIMIT_MS = 10 * 60 * 1000;

// Tracing to a hosted service would be charged to LangGraph's hop; development checks to anybody's.
const ENVIRONMENT = {
  ...process.env,
  NODE_ENV: "production",
  NODE_OPTIONS: "",
  LANGSMITH_TRACING: "false",
  LANGCHAIN_TRACING_V2: "false",
};

/** Resolves to what the probe reports, `{ figures }` or `{ missing }`; rejects with the end of its stderr if it dies before that. */
export function probeInOwnProcess(measure, subjectName) {
  return new Promise((resolve, reject) => {
    const child = fork(PROBE, [measure.name, subjectName], {
      execArgv: measure.nodeFlags ?? [],
      env: ENVIRONMENT,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      timeout: TIME_LIMIT_MS,
    });
    let report;
    let complaint = "";
    child.on("message", (message) => {
      report = message;
    });
    child.stderr.on("data", (chunk) => {
      complaint = (complaint + chunk).slice(-4000);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (report) {
        resolve(report);
      } else {
        reject(new Error(`${measure.name} of ${subjectName} ended with ${signal ?? `code ${code}`}\n${complaint}`));
      }
    });
  });
}
