// Stores in memory that are opened, have a run, and are closed.

import { MemoryStore } from "blazen";
import { printGrowth } from "./growth.mjs";
import { useOnce } from "./stored_run.mjs";

await printGrowth({ warm: 100, end: 1_100, batch: 50 }, () => useOnce(new MemoryStore()));
