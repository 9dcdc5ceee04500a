// What runs and stores leave in memory: nothing. Each program counts in a process of its own.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const MIB = 2 ** 20;
const run = promisify(execFile);

/** Memory when the process had warmed up, and at its end. */
async function measured(program) {
  const path = fileURLToPath(new URL(`memory/${program}.mjs`, import.meta.url));
  const { stdout } = await run(process.execPath, ["--expose-gc", path]);
  return JSON.parse(stdout);
}

function assertFlat({ warm, end }) {
  const rss = (end.rss - warm.rss) / MIB;
  const heap = (end.heap - warm.heap) / MIB;
  assert.ok(rss <= 8, `RSS has grown by ${rss.toFixed(1)} MiB`);
  assert.ok(heap <= 1, `the heap has grown by ${heap.toFixed(1)} MiB`);
}

describe("memory is what it was", () => {
  test("after a million runs of ten steps", async () => assertFlat(await measured("runs")));

  test("after a hundred thousand runs that had, or waited for, a slot of a key of their own", async () =>
    assertFlat(await measured("limits")));

  test("but for the events themselves, while they wait", async () => {
    const { warm, end } = await measured("waiting_events");
    const heap = (end.heap - warm.heap) / MIB;
    assert.ok(heap <= 1, `the heap has grown by ${heap.toFixed(1)} MiB`);
  });

  test("after a million events on the stream of a run", async () => assertFlat(await measured("streams")));

  test("after a thousand stores in memory, each with a run", async () => assertFlat(await measured("memory_stores")));

  test("after a thousand stores in a file, each with a run", async () => assertFlat(await measured("sqlite_stores")));
});
