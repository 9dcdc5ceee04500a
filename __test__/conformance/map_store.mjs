// The MapStore of docs/durability.md.

import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../../docs/durability.md", import.meta.url), "utf8");
const [, code] = page.match(/^```js\n(\/\/ map_store\.mjs\n.*?)^```$/ms);

export const { MapStore } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

/** The same runs as another process has them, to which a store is another object; `methods` take the place of its own. */
export const around = (kept, methods) => ({
  commit: (commits) => kept.commit(commits),
  load: (runId) => kept.load(runId),
  runs: (query) => kept.runs(query),
  ...methods,
});
