// The layer as the package ships it: one file for each entry point, and what they share. With a hundred modules
// `require("blazen")` takes twice as long.

import { defineConfig } from "rolldown";

export default defineConfig({
  input: { index: "ts/index.ts", conformance: "ts/conformance.ts" },
  platform: "node",
  tsconfig: "ts/tsconfig.json",
  external: ["../native.js"],
  output: {
    dir: "dist",
    cleanDir: true,
    format: "cjs",
    entryFileNames: "[name].js",
    chunkFileNames: "shared.js",
    strict: true,
    comments: false,
    generatedCode: { symbols: false },
  },
});
