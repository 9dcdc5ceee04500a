// Files that are there whole or not at all, and the same if they are written again.

import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export async function writeWhole(path, text) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
