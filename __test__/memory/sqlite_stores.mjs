// A file that is opened as a store, has a run more, and is closed.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteStore } from "blazen";
import { printGrowth } from "./growth.mjs";
import { useOnce } from "./stored_run.mjs";

const folder = mkdtempSync(join(tmpdir(), "blazen-memory-"));
try {
  await printGrowth({ warm: 100, end: 1_100, batch: 50 }, () => useOnce(SqliteStore.open(join(folder, "store.db"))));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
