// What a process holds once its garbage is gone. Needs `--expose-gc`.

import { setTimeout as delay } from "node:timers/promises";

/**
 * Bytes held now: `rss` is all of the process, memory allocated by Rust included; `heap` is what V8 knows of
 * (its own heap and the buffers that hang off it). The first collection may only queue finalizers, which run between
 * turns of the event loop, so a second one follows a pause.
 */
export async function memoryHeld() {
  globalThis.gc();
  await delay(100);
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}
