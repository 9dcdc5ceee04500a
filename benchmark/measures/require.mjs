// What loading the package costs, which every process that uses it pays before its first line.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "../harness/statistics.mjs";
import { atMost } from "../harness/target.mjs";

const REQUIRE_ONCE = fileURLToPath(new URL("../harness/require-once.cjs", import.meta.url));
const PROCESSES = 15;

export default {
  name: "require",
  title: "require() in a fresh process",
  subjects: ["blazen", "xstate", "llamaindex", "langgraph"],
  processes: 1,

  async probe({ entry }) {
    // The first one finds a cold disk cache.
    requireInFreshProcess(entry);
    return { load: median(Array.from({ length: PROCESSES }, () => requireInFreshProcess(entry))) };
  },

  rows: ({ blazen, xstate, llamaindex, langgraph }) => [
    { label: "blazen", value: blazen.load, unit: "ms", judged: blazen.load, basis: "ms", target: atMost(15) },
    { label: "XState", value: xstate.load, unit: "ms" },
    { label: "LlamaIndex", value: llamaindex.load, unit: "ms" },
    { label: "LangGraph.js", value: langgraph.load, unit: "ms" },
  ],
};

function requireInFreshProcess(entry) {
  return Number(execFileSync(process.execPath, [REQUIRE_ONCE, entry], { encoding: "utf8" }));
}
