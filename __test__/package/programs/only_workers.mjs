// Worker threads that use blazen, one after the other and then together, in a process whose main thread does not.

import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";

const tell = () =>
  new Promise((resolve, reject) => {
    new Worker(new URL("imports.mjs", import.meta.url)).on("error", reject).on("exit", resolve);
  }).then((code) => assert.equal(code, 0));

for (let worker = 0; worker < 5; worker += 1) {
  await tell();
}
await Promise.all([tell(), tell(), tell()]);
console.log("told");
