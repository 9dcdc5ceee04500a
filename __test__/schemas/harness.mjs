// What the tests of schemas share: workflows whose events have some.

import assert from "node:assert/strict";
import { SchemaError, Workflow } from "blazen";

export const START = "blazen::StartEvent";
export const STOP = "blazen::StopEvent";
export const REQUEST = "blazen::InputRequestEvent";
export const RESPONSE = "blazen::InputResponseEvent";
export const stop = (result) => ({ type: STOP, result });

/** A workflow that begins with `handler`, and ends with the first `Charged` that arrives. */
export function charging(schemas, handler, options = {}) {
  return new Workflow("orders", { schemas, ...options })
    .addStep("charge", [START], handler)
    .addStep("end", ["Charged"], async (event) => stop(event));
}

/** A run that was paused while `event` was on its way. */
export async function pausedOnTheWay(schemas, event, options) {
  let pausing;
  const workflow = charging(
    schemas,
    async () => {
      await new Promise(setImmediate);
      pausing = handler.pause();
      return event;
    },
    options,
  );
  const handler = await workflow.runWithHandler();
  while (pausing === undefined) await new Promise(setImmediate);
  return { workflow, handler, snapshot: await pausing };
}

/** A schema that does what the test wants. */
export const schemaOf = (validate) => ({ "~standard": { version: 1, vendor: "here", validate } });

export const refused = (eventType, paths, message) => (error) => {
  assert.ok(error instanceof SchemaError, error);
  assert.equal(error.code, "ERR_BLAZEN_SCHEMA");
  assert.equal(error.eventType, eventType);
  assert.deepEqual(
    error.issues.map(({ path }) => path),
    paths,
  );
  if (message !== undefined) assert.match(error.message, message);
  return true;
};
