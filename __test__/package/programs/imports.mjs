// An ES module that uses blazen, in a process where a CommonJS module uses it too, and so does a worker.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { isMainThread, Worker } from "node:worker_threads";
import * as imported from "blazen";
import { storePromises } from "blazen/conformance";
import { tell } from "./story.cjs";

// What CommonJS gives is one object; some runtimes add it, whole, under names of their own.
const { default: _, "module.exports": __, ...named } = imported;
const required = createRequire(import.meta.url)("blazen");
assert.deepEqual(named, { ...required });
assert.equal(named.Workflow, required.Workflow);
assert.ok(storePromises(() => assert.fail("nothing is checked")).length > 0);

await tell(imported);
if (isMainThread) {
  await new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url)).on("error", reject).on("exit", resolve);
  }).then((code) => assert.equal(code, 0));
  console.log("told");
}
