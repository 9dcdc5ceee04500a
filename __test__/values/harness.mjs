// What the tests of values share.

import assert from "node:assert/strict";
import { Workflow } from "blazen";
import { deferred, REQUEST, RESPONSE, START, stop } from "../bad_input/harness.mjs";

/** The value exactly: with key order, own `__proto__` keys and half surrogate pairs. */
const exactly = (value) => JSON.stringify(value);

export function assertSame(found, expected) {
  assert.equal(exactly(found), exactly(expected));
}

/** Lets a run write, pauses it, resumes its snapshot, and gives the state that is found there. */
export async function throughSnapshot(write, pending = {}) {
  const workflow = new Workflow("through")
    .addStep("write", [START], async (_event, ctx) => {
      await write(ctx);
      return { type: REQUEST, request_id: "go", metadata: pending };
    })
    .addStep("read", [RESPONSE], async (_event, ctx) => {
      const found = [];
      for (const key of await ctx.state.keys()) found.push([key, await ctx.state.get(key)]);
      return stop(new Map(found));
    });
  const handler = await workflow.runWithHandler();
  const asked = deferred();
  await handler.streamEvents(asked.resolve);
  await asked.promise;
  const snapshot = await handler.pause();
  await handler.abort();
  const again = await workflow.resume(snapshot);
  await again.respondToInput("go", null);
  return (await again.result()).data;
}
