// What happens to a run and its steps, told among the events of its stream to whoever asks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Workflow } from "blazen";
import { quiet } from "./turns.mjs";

const START = "blazen::StartEvent";
const stop = (result) => ({ type: "blazen::StopEvent", result });
const lifecycle = true;

/** Each event in a few words. */
const brief = ({ type, step, attempt, error }) =>
  [type.replace("blazen::", ""), step, attempt, error?.message].filter((part) => part !== undefined).join(" ");

async function all(events) {
  const seen = [];
  for await (const event of events) seen.push(event);
  return seen;
}

test("steps are started, tried again, completed and failed, in order with the events of the stream", async () => {
  const wf = new Workflow("lifecycle");
  wf.addStep(
    "first",
    [START],
    async (_event, ctx) => {
      await ctx.writeEventToStream({ type: "Progress" });
      if (ctx.attempt === 1) throw new RangeError("once more");
      return { type: "Next" };
    },
    { retry: { maxAttempts: 2, initialDelayMs: 1 } },
  );
  wf.addStep("second", ["Next"], async () => {
    throw Object.assign(new TypeError("for good"), { code: "E_MINE" });
  });
  const handler = await wf.runWithHandler({}, { lifecycle });
  const seen = await all(handler.stream({ lifecycle }));
  assert.deepEqual(seen.map(brief), [
    "step.started first 1",
    "Progress",
    "step.retrying first 1 once more",
    "step.started first 2",
    "Progress",
    "step.completed first 2",
    "step.started second 1",
    "step.failed second 1 for good",
    'run.failed step "second" failed: for good',
  ]);
  assert.deepEqual(seen.at(-2).error, { name: "TypeError", message: "for good", code: "E_MINE" });
  assert.equal(seen.at(-1).error.code, "ERR_BLAZEN_STEP_FAILED");
  assert.equal(seen[0].invocation, seen[2].invocation, "the events of one attempt have one number");
  for (const event of seen.filter(({ type }) => type.startsWith("blazen::"))) {
    assert.ok(Math.abs(event.at - Date.now()) < 60_000);
    assert.deepEqual(JSON.parse(JSON.stringify(event)), event);
  }
  assert.deepEqual((await all(handler)).map(brief), ["Progress", "Progress"], "others are told nothing of it");
});

test("a failed step that tells of itself by an event has failed", async () => {
  const wf = new Workflow("tells");
  wf.addStep("only", [START], () => Promise.reject(new Error("boo")), { onFailure: "Failed" });
  wf.addStep("hear", ["Failed"], () => stop());
  const seen = [];
  await wf.runStreaming({}, (event) => void seen.push(brief(event)), { lifecycle });
  assert.deepEqual(seen, [
    "step.started only 1",
    "step.failed only 1 boo",
    "step.started hear 1",
    "step.completed hear 1",
    "run.completed",
  ]);
});

test("a pause, a resumption and the end of a run are told to whoever asks in the middle", async () => {
  for (const [end, told] of [
    [(handler) => handler.respondToInput("r", 1), ["step.started hear 1", "step.completed hear 1", "run.completed"]],
    [(handler) => handler.abort(), ["run.cancelled"]],
  ]) {
    const handler = await new Workflow("paused")
      .addStep("ask", [START], async () => ({ type: "blazen::InputRequestEvent", request_id: "r" }))
      .addStep("hear", ["blazen::InputResponseEvent"], () => stop())
      .runWithHandler();
    const seen = all(handler.stream({ lifecycle, withOffsets: true }));
    await quiet();
    await handler.pause();
    await handler.pause();
    await handler.resumeInPlace();
    await end(handler);
    const entries = await seen;
    assert.deepEqual(
      entries.map(({ event }) => brief(event)),
      ["InputRequestEvent", "run.paused", "run.resumed", ...told],
    );
    assert.deepEqual(
      entries.map(({ offset }) => offset),
      [0, ...entries.slice(1).map(() => null)],
    );
  }
});

test("they are part of a response, without an id", async () => {
  const wf = new Workflow("response").addStep("only", [START], () => stop());
  const handler = await wf.runWithHandler({}, { lifecycle });
  const text = await (await handler.toResponse({ lifecycle })).text();
  assert.match(text, /\n\nevent: blazen::step.started\ndata: \{"type":"blazen::step.started","step":"only",/);
  assert.match(text, /\n\nid: 0\nevent: blazen::end\n/);
});

test("a reader of lifecycle events that falls too far behind is told, too", async () => {
  const wf = new Workflow("behind", { streamBuffer: 3 }).addStep("again", [START, "Again"], async ({ n = 0 }) =>
    n < 10 ? { type: "Again", n: n + 1 } : stop(),
  );
  const handler = await wf.runWithHandler();
  const iterator = handler.stream({ lifecycle })[Symbol.asyncIterator]();
  await handler.result();
  await assert.rejects(iterator.next(), { code: "ERR_BLAZEN_STREAM_GONE", message: /lifecycle events behind/ });
});
