// The disk itself: what no durable step can do without. Node's own share of a write and its sync is one to two
// microseconds (against the same two calls in C): less than a tenth even of a disk that syncs in twenty.

import { closeSync, fdatasyncSync, fsyncSync, mkdtempSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const RECORD = Buffer.alloc(200, "r");
const BLOCK = Buffer.alloc(4_096);

/** Two files in a folder of `parent`, one to overwrite and one that grows. Both measures give microseconds for one of `count`. */
export function openDisk(parent) {
  const folder = mkdtempSync(join(parent, "disk-"));
  const fixed = openSync(join(folder, "overwritten"), "w");
  const growing = openSync(join(folder, "appended"), "w");
  writeSync(fixed, BLOCK);
  fsyncSync(fixed);
  return {
    overwrite: (count) => syncedWrites(fixed, count, 0),
    append: (count) => syncedWrites(growing, count, null),
    close() {
      closeSync(fixed);
      closeSync(growing);
    },
  };
}

function syncedWrites(file, count, position) {
  const start = performance.now();
  for (let i = 0; i < count; i += 1) {
    writeSync(file, RECORD, 0, RECORD.length, position);
    fdatasyncSync(file);
  }
  return ((performance.now() - start) * 1000) / count;
}
