// The layer as the package ships it: one file for each entry point, and what they share. A hundred modules take
// `require("blazen")` twice as long as one file, and hops across them take longer, too.

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
