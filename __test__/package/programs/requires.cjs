// A CommonJS module that uses blazen, twice: test runners drop modules from the cache and load them anew.

const assert = require("node:assert/strict");
const { tell } = require("./story.cjs");

async function main() {
  const first = require("blazen");
  const { Workflow } = await import("blazen");
  assert.equal(Workflow, first.Workflow);
  assert.equal(typeof require("blazen/conformance").storePromises, "function");
  for (const path of Object.keys(require.cache)) {
    if (!path.endsWith(".node")) delete require.cache[path];
  }
  const second = require("blazen");
  assert.notEqual(second.Workflow, first.Workflow);
  await Promise.all([tell(first), tell(second)]);
  console.log("told");
}

main();
