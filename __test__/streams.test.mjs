// The stream of a run: who reads it, from where, how slowly, and what it costs.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { StreamGoneError, Workflow } from "blazen";
import { turn } from "./turns.mjs";

const START = "blazen::StartEvent";
const stop = (result) => ({ type: "blazen::StopEvent", result });
const range = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

/** Writes `count` events, and a turn of the event loop after each `every`. */
function talking(options, every = 1) {
  const wf = new Workflow("talking", options);
  return wf.addStep("talk", [START], async ({ count }, ctx) => {
    for (let n = 0; n < count; n += 1) {
      await ctx.writeEventToStream({ type: "Progress", n });
      if (n % every === every - 1) await turn();
    }
    return stop("done");
  });
}

async function all(events) {
  const seen = [];
  for await (const event of events) seen.push(event);
  return seen;
}

const numbers = async (events) => (await all(events)).map(({ n }) => n);

test("for await reads every event in order, and ends with the run, for any number of readers", async () => {
  const handler = await talking().runWithHandler({ count: 50 });
  const readers = [numbers(handler), numbers(handler.stream()), numbers(handler.toReadableStream())];
  for (const seen of await Promise.all(readers)) assert.deepEqual(seen, range(0, 50));
  assert.deepEqual(await numbers(handler), range(0, 50), "one who comes when the run has ended");
});

test("of a run that fails the loop ends, and the result says why", async () => {
  const wf = new Workflow("fails").addStep("only", [START], async (_event, ctx) => {
    await ctx.writeEventToStream({ type: "Progress", n: 0 });
    throw new Error("mine");
  });
  const handler = await wf.runWithHandler();
  assert.deepEqual(await numbers(handler), [0]);
  await assert.rejects(handler.result(), { code: "ERR_BLAZEN_STEP_FAILED" });
});

test("an event has an offset, from which another reader goes on", async () => {
  const handler = await talking().runWithHandler({ count: 10 });
  const entries = await all(handler.stream({ withOffsets: true }));
  assert.deepEqual(
    entries.map(({ offset, event }) => [offset, event.n]),
    range(0, 10).map((n) => [n, n]),
  );
  assert.deepEqual(await numbers(handler.stream({ from: 7 })), [7, 8, 9]);
  assert.deepEqual(await numbers(handler.toReadableStream({ from: 8 })), [8, 9]);
  assert.deepEqual(await numbers(handler.stream({ from: 10 })), [], "the end is a place to read from");
  await assert.rejects(numbers(handler.stream({ from: 11 })), {
    code: "ERR_BLAZEN_INVALID_ARGUMENT",
    message: /has 10 events so far/,
  });
});

test("an offset that is not kept any more is refused with what there is", async () => {
  const handler = await talking({ streamBuffer: 4 }).runWithHandler({ count: 10 });
  await handler.result();
  assert.deepEqual(await numbers(handler), [6, 7, 8, 9], "without an offset, from the oldest on");
  for (const read of [handler.stream({ from: 5 }), handler.toReadableStream({ from: 5 })]) {
    await assert.rejects(all(read), (error) => {
      assert.ok(error instanceof StreamGoneError);
      assert.equal(error.code, "ERR_BLAZEN_STREAM_GONE");
      assert.deepEqual([error.offset, error.oldest], [5, 6]);
      return true;
    });
  }
  await assert.rejects(handler.toResponse({ from: 5 }), { code: "ERR_BLAZEN_STREAM_GONE" });
});

test("a reader that falls too far behind is told, reads no further, and nobody else is concerned", async () => {
  const handler = await talking({ streamBuffer: 4 }).runWithHandler({ count: 20 });
  const quick = numbers(handler);
  const slow = handler[Symbol.asyncIterator]();
  assert.equal((await slow.next()).value.n, 0);
  await handler.result();
  await assert.rejects(slow.next(), {
    code: "ERR_BLAZEN_STREAM_GONE",
    message: 'the reader was 19 events behind, and the last 4 are kept ("streamBuffer")',
  });
  assert.deepEqual(await slow.next(), { done: true, value: undefined });
  assert.deepEqual(await quick, range(0, 20));
});

test("a callback that falls too far behind is told by its subscription and by runStreaming", async (t) => {
  const warn = t.mock.method(process, "emitWarning", () => {});
  const slow = () => new Promise((resolve) => setTimeout(resolve, 50));
  const wf = talking({ streamBuffer: 4 });
  const handler = await wf.runWithHandler({ count: 20 });
  const { done } = await handler.streamEvents(slow);
  await assert.rejects(done, { code: "ERR_BLAZEN_STREAM_GONE" });
  await assert.rejects(wf.runStreaming({ count: 20 }, slow), { code: "ERR_BLAZEN_STREAM_GONE" });
  assert.match(warn.mock.calls[0].arguments[0], /too slow/);
});

test("an infinite buffer lets go of nothing", async () => {
  const wf = talking({ streamBuffer: Number.POSITIVE_INFINITY }, 1_000);
  const handler = await wf.runWithHandler({ count: 25_000 });
  await handler.result();
  assert.deepEqual(await numbers(handler.stream({ from: 0 })), range(0, 25_000));
});

test("leaving a loop reads no further, and what waits is answered", async () => {
  const handler = await talking().runWithHandler({ count: 5 });
  const seen = [];
  for await (const { n } of handler) {
    seen.push(n);
    if (n === 1) break;
  }
  assert.deepEqual(seen, [0, 1]);
  const iterator = handler.stream({ from: 5 - 5 })[Symbol.asyncIterator]();
  await iterator.return();
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });

  const parked = await asking().runWithHandler();
  const waiting = parked[Symbol.asyncIterator]();
  assert.equal((await waiting.next()).value.type, "blazen::InputRequestEvent");
  const questions = [waiting.next(), waiting.next()];
  await waiting.return();
  for (const answer of await Promise.all(questions)) assert.deepEqual(answer, { done: true, value: undefined });
});

test("a ReadableStream reads when it is read, and cancelling it stops reading", async () => {
  const parked = await asking().runWithHandler();
  const reader = parked.toReadableStream().getReader();
  assert.equal((await reader.read()).value.type, "blazen::InputRequestEvent");
  const waiting = reader.read();
  await reader.cancel();
  assert.deepEqual(await waiting, { done: true, value: undefined });
});

test("several questions at once are answered in order", async () => {
  const handler = await talking().runWithHandler({ count: 3 });
  const iterator = handler[Symbol.asyncIterator]();
  const answers = await Promise.all(range(0, 5).map(() => iterator.next()));
  assert.deepEqual(
    answers.map(({ done, value }) => (done ? "done" : value.n)),
    [0, 1, 2, "done", "done"],
  );
});

test("AsyncLocalStorage of whoever reads is its own", async () => {
  const storage = new AsyncLocalStorage();
  const handler = await storage.run("run", () => talking().runWithHandler({ count: 3 }));
  const seen = [];
  await storage.run("reader", async () => {
    for await (const _event of handler) seen.push(storage.getStore());
    for await (const _event of handler.toReadableStream()) seen.push(storage.getStore());
  });
  assert.deepEqual(seen, Array(6).fill("reader"));
});

test("a resumed run has a stream of its own, from offset 0 on", async () => {
  const wf = asking();
  const handler = await wf.runWithHandler();
  const resumed = await wf.resume(await handler.pause());
  const iterator = resumed.stream({ withOffsets: true })[Symbol.asyncIterator]();
  const { value } = await iterator.next();
  assert.deepEqual([value.offset, value.event.type], [0, "blazen::InputRequestEvent"]);
  await resumed.respondToInput("r", 1);
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});

function asking() {
  return new Workflow("asking")
    .addStep("ask", [START], async () => ({ type: "blazen::InputRequestEvent", request_id: "r" }))
    .addStep("read", ["blazen::InputResponseEvent"], async ({ response }) => stop(response));
}
