// The MapStore of docs/durability.md.

import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../../docs/durability.md", import.meta.url), "utf8");
const [, code] = page.match(/^```js\n(\/\/ map_store\.mjs\n.*?)^```$/ms);

export const { MapStore } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
