// A module of the TypeScript layer that needs no addon, by itself: for tests of what the package does not export.

import { join } from "node:path";
import { build } from "rolldown";
import { ROOT } from "../scripts/command.mjs";

export async function importFromLayer(name) {
  const { output } = await build({ input: join(ROOT, "ts", name), platform: "node", write: false });
  return import(`data:text/javascript,${encodeURIComponent(output[0].code)}`);
}
