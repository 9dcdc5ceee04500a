// What is asked of a run from outside: results, streams, answers, limits, and the end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SessionPausePolicy, Workflow, WorkflowBuilder, WorkflowHandler } from "blazen";
import { quiet, turn } from "./turns.mjs";

const stop = (result) => ({ type: "blazen::StopEvent", result });

test("a handler gives the result as often as it is asked", async () => {
  const wf = new Workflow("result").addStep("only", ["blazen::StartEvent"], async () => stop({ n: 1 }));
  const handler = await wf.runWithHandler();
  assert.ok(handler instanceof WorkflowHandler);
  const [one, other] = [await handler.result(), await handler.result()];
  assert.equal(one, other);
  assert.deepEqual(one, { type: "blazen::StopEvent", data: { n: 1 }, runId: handler.runId });
});

test("a run that fails before anybody asks is no unhandled rejection", async () => {
  const wf = new Workflow("fails").addStep("only", ["blazen::StartEvent"], async () => {
    throw new Error("mine");
  });
  const handler = await wf.runWithHandler();
  await quiet();
  await assert.rejects(handler.result(), { code: "ERR_BLAZEN_STEP_FAILED" });
  await assert.rejects(handler.respondToInput("r", 1), (error) => {
    assert.equal(error.code, "ERR_BLAZEN_RUN_ENDED");
    assert.equal(error.cause.code, "ERR_BLAZEN_STEP_FAILED", "what ended the run is the cause");
    return true;
  });
});

test("abort ends the run, tells the handlers, and rejects the result with the reason as its cause", async () => {
  let told;
  const begun = resolvers();
  const wf = new Workflow("abort").addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    ctx.signal.addEventListener("abort", () => {
      told = ctx.signal.reason;
    });
    begun.resolve();
    await new Promise(() => {});
  });
  const handler = await wf.runWithHandler();
  await begun.promise;
  const reason = new Error("no longer needed");
  await handler.abort(reason);
  const failed = await handler.result().catch((error) => error);
  assert.equal(failed.code, "ERR_BLAZEN_ABORTED");
  assert.equal(failed.cause, reason);
  assert.equal(told, failed);
  await handler.abort("again"); // stays as it ended
  assert.equal(await handler.result().catch((error) => error), failed);
});

test("an abort that comes after the stop event does not undo it", async () => {
  const wf = new Workflow("late-abort");
  wf.addStep("again", ["blazen::StartEvent", "Again"], ({ n = 0 }) =>
    n < 5_000 ? { type: "Again", n: n + 1 } : stop(n),
  );
  for (let round = 0; round < 30; round += 1) {
    const handler = await wf.runWithHandler();
    for (let turns = round; turns > 0; turns -= 1) await turn();
    const asked = handler.pause().catch((error) => error.code);
    await handler.abort();
    const outcome = await handler.result().then(
      ({ data }) => data,
      (error) => error.code,
    );
    assert.ok(outcome === 5_000 || outcome === "ERR_BLAZEN_ABORTED", String(outcome));
    await asked;
  }
});

test("what a handler asks of a person in its last words is on the stream", async () => {
  const wf = new Workflow("last-words");
  wf.addStep("only", ["blazen::StartEvent"], async ({ send }, ctx) => {
    if (!send) return [{ type: "blazen::InputRequestEvent", request_id: "r" }, stop()];
    await ctx.sendEvent({ type: "blazen::InputRequestEvent", request_id: "r" });
    await ctx.sendEvent(stop());
  });
  wf.addStep("read", ["blazen::InputResponseEvent"], async () => null);
  for (const send of [true, false]) {
    const handler = await wf.runWithHandler({ send });
    const seen = [];
    const { done } = await handler.streamEvents(({ request_id }) => void seen.push(request_id));
    await handler.result();
    await done;
    assert.deepEqual(seen, ["r"]);
  }
});

test("a paused run can be aborted", async () => {
  const handler = await asking().runWithHandler({ id: "r1" });
  await handler.pause();
  await handler.abort();
  await assert.rejects(handler.result(), { code: "ERR_BLAZEN_ABORTED" });
  await assert.rejects(handler.snapshot(), { code: "ERR_BLAZEN_RUN_ENDED" });
});

test("a run that exceeds its limit fails, and its handlers are told", async () => {
  const told = resolvers();
  const wf = new Workflow("limit", { timeout: 0.5 });
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
    told.resolve(ctx.signal.reason);
  });
  const failed = await wf.run().catch((error) => error);
  assert.equal(failed.name, "TimeoutError");
  assert.equal(failed.code, "ERR_BLAZEN_TIMEOUT");
  assert.equal(await told.promise, failed);
});

test("zero or less takes the limit off, and a limit concerns runs that begin afterwards", async () => {
  const wf = new Workflow("limit");
  let go;
  wf.addStep("only", ["blazen::StartEvent"], async () => {
    await new Promise((resolve) => {
      go = resolve;
    });
    return stop("done");
  });
  for (const none of [0, -1, Number.POSITIVE_INFINITY]) {
    wf.setTimeout(0.001);
    wf.setTimeout(none);
    const result = wf.run();
    wf.setTimeout(0.001);
    await turn();
    await new Promise((resolve) => setTimeout(resolve, 5));
    go();
    assert.equal((await result).data, "done");
  }
});

test("time counts while a pause waits for a handler that never returns", async () => {
  const wf = new Workflow("limit", { timeout: 0.02 });
  wf.addStep("only", ["blazen::StartEvent"], () => new Promise(() => {}));
  const handler = await wf.runWithHandler();
  await quiet();
  await assert.rejects(handler.pause(), (error) => {
    assert.equal(error.code, "ERR_BLAZEN_RUN_ENDED");
    assert.equal(error.cause.code, "ERR_BLAZEN_TIMEOUT");
    return true;
  });
  await assert.rejects(handler.result(), { code: "ERR_BLAZEN_TIMEOUT" });
});

test("the time of a pause does not count", async () => {
  const wf = new Workflow("limit", { timeout: 1 });
  wf.addStep("ask", ["blazen::StartEvent"], async () => ({ type: "blazen::InputRequestEvent", request_id: "r" }));
  wf.addStep("read", ["blazen::InputResponseEvent"], async ({ response }) => stop(response));
  const handler = await wf.runWithHandler();
  await quiet();
  await handler.pause();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await handler.resumeInPlace();
  await handler.respondToInput("r", "in time");
  assert.equal((await handler.result()).data, "in time");
});

test("a stream reader gets every event from the first on, in order, whenever it comes", async () => {
  const wf = new Workflow("stream");
  wf.addStep("talk", ["blazen::StartEvent"], async (_event, ctx) => {
    for (let n = 0; n < 100; n += 1) {
      await ctx.writeEventToStream({ type: "Progress", n });
      if (n % 10 === 0) await turn();
    }
    return stop("done");
  });
  const expected = Array.from({ length: 100 }, (_, n) => n);
  const handler = await wf.runWithHandler();
  const early = [];
  const subscription = await handler.streamEvents(({ n }) => void early.push(n));
  await handler.result();
  assert.deepEqual(early, expected, "a reader that takes no time has had everything when the result is there");
  await subscription.done;

  const late = [];
  await (await handler.streamEvents(({ n }) => void late.push(n))).done;
  assert.deepEqual(late, expected);
});

test("a slow stream reader loses nothing and holds up nobody", async () => {
  const wf = new Workflow("slow");
  wf.addStep("talk", ["blazen::StartEvent"], async (_event, ctx) => {
    for (let n = 0; n < 50; n += 1) await ctx.writeEventToStream({ type: "Progress", n });
    return stop("done");
  });
  const handler = await wf.runWithHandler();
  const read = [];
  let atOnce = 0;
  const { done } = await handler.streamEvents(async ({ n }) => {
    assert.equal(++atOnce, 1, "one event at a time");
    await turn();
    read.push(n);
    atOnce -= 1;
  });
  await handler.result();
  assert.ok(read.length < 50, "the run did not wait");
  await done;
  assert.deepEqual(
    read,
    Array.from({ length: 50 }, (_, n) => n),
  );
});

test("a reader that unsubscribes gets nothing more", async () => {
  const wf = new Workflow("leave");
  wf.addStep("talk", ["blazen::StartEvent"], async (_event, ctx) => {
    for (let n = 0; n < 10; n += 1) await ctx.writeEventToStream({ type: "Progress", n });
    return stop();
  });
  const handler = await wf.runWithHandler();
  const read = [];
  const subscription = await handler.streamEvents(({ n }) => {
    read.push(n);
    if (n === 3) subscription.unsubscribe();
  });
  await handler.result();
  await subscription.done;
  assert.deepEqual(read, [0, 1, 2, 3]);
});

test("runStreaming resolves when its callback has had everything", async () => {
  const wf = new Workflow("streaming");
  wf.addStep("talk", ["blazen::StartEvent"], async ({ count }, ctx) => {
    for (let n = 0; n < count; n += 1) await ctx.writeEventToStream({ type: "Progress", n });
    return stop("done");
  });
  const read = [];
  const result = await wf.runStreaming({ count: 5 }, async ({ n }) => {
    await turn();
    read.push(n);
  });
  assert.equal(result.data, "done");
  assert.deepEqual(read, [0, 1, 2, 3, 4]);
});

test("a stream callback that fails is told of, and the run goes to its end", async (t) => {
  const warn = t.mock.method(process, "emitWarning", () => {});
  let ended = false;
  const wf = new Workflow("bad-callback");
  wf.addStep("talk", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.writeEventToStream({ type: "Progress" });
    await turn();
    ended = true;
    return stop("done");
  });
  const mine = new Error("mine");
  const failing = () => {
    throw mine;
  };
  await assert.rejects(wf.runStreaming({}, failing), (error) => {
    assert.equal(error.code, "ERR_BLAZEN_STREAM_CALLBACK");
    assert.equal(error.cause, mine);
    return true;
  });
  assert.equal(ended, true);

  const handler = await wf.runWithHandler();
  const { done } = await handler.streamEvents(() => Promise.reject(mine));
  assert.equal((await handler.result()).data, "done");
  await assert.rejects(done, { code: "ERR_BLAZEN_STREAM_CALLBACK" });
  assert.equal(warn.mock.callCount(), 2);
});

/** Asks for a yes under the id that the input gives. */
function asking() {
  const wf = new Workflow("asking");
  wf.addStep("ask", ["blazen::StartEvent"], async ({ id }, ctx) => {
    await ctx.set("asked", id ?? "made up");
    return { type: "blazen::InputRequestEvent", request_id: id, prompt: "Go on?", metadata: { risk: "low" } };
  });
  wf.addStep("read", ["blazen::InputResponseEvent"], async (event, ctx) =>
    stop({ ...event, asked: await ctx.get("asked") }),
  );
  return wf;
}

/** The next input request on the stream. */
function request(handler) {
  return new Promise((resolve) => {
    handler.streamEvents((event) => {
      if (event.type === "blazen::InputRequestEvent") resolve(event);
    });
  });
}

test("an input request parks the run, goes to the stream, and is answered", async () => {
  const handler = await asking().runWithHandler({ id: "r1" });
  assert.deepEqual(await request(handler), {
    type: "blazen::InputRequestEvent",
    request_id: "r1",
    prompt: "Go on?",
    metadata: { risk: "low" },
  });
  await handler.respondToInput("r1", { yes: true });
  assert.deepEqual((await handler.result()).data, {
    type: "blazen::InputResponseEvent",
    request_id: "r1",
    response: { yes: true },
    asked: "r1",
  });
});

test("a request without an id is given one", async () => {
  const handler = await asking().runWithHandler({});
  const { request_id } = await request(handler);
  assert.match(request_id, /^[0-9a-f-]{36}$/);
  await handler.respondToInput(request_id, "yes");
  assert.equal((await handler.result()).data.request_id, request_id);
});

test("an unknown or answered request is a clear error, and the run waits on", async () => {
  const handler = await asking().runWithHandler({ id: "r1" });
  await request(handler);
  await assert.rejects(handler.respondToInput("r2", 1), { code: "ERR_BLAZEN_UNKNOWN_REQUEST", message: /"r1"/ });
  const answered = handler.respondToInput("r1", 1);
  await assert.rejects(handler.respondToInput("r1", 2), { code: "ERR_BLAZEN_UNKNOWN_REQUEST" });
  await answered;
  assert.equal((await handler.result()).data.response, 1);
  await assert.rejects(handler.respondToInput("r1", 3), { code: "ERR_BLAZEN_RUN_ENDED" });
});

test("a request is open after a pause, here and in a resumed run", async () => {
  const wf = asking();
  const handler = await wf.runWithHandler({ id: "r1" });
  await request(handler);
  const snapshot = await handler.pause();
  await assert.rejects(handler.respondToInput("r1", 1), { code: "ERR_BLAZEN_PAUSED" });

  const resumed = await wf.resume(snapshot);
  assert.equal((await request(resumed)).prompt, "Go on?");
  await resumed.respondToInput("r1", "there");
  assert.equal((await resumed.result()).data.response, "there");

  await handler.resumeInPlace();
  await handler.respondToInput("r1", "here");
  assert.equal((await handler.result()).data.response, "here");
});

test("a request whose answer no step takes fails the run", async () => {
  const wf = new Workflow("deaf").addStep("ask", ["blazen::StartEvent"], async () => ({
    type: "blazen::InputRequestEvent",
    request_id: "r1",
  }));
  await assert.rejects(wf.run(), { code: "ERR_BLAZEN_NOBODY_TAKES_ANSWERS" });
});

test("a run that nobody holds fails when it asks, since nobody could answer", async () => {
  const asked = [];
  await assert.rejects(asking().run({ id: "r1" }), {
    code: "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
    message: /runWithHandler/,
  });
  await assert.rejects(
    asking().runStreaming({ id: "r1" }, (event) => void asked.push(event.request_id)),
    { code: "ERR_BLAZEN_NOBODY_TAKES_ANSWERS" },
  );
  assert.deepEqual(asked, ["r1"]);
});

test("a workflow is built in one expression", async () => {
  const builder = Workflow.builder("built")
    .addStep("only", ["blazen::StartEvent"], async () => stop("built"))
    .timeout(60)
    .sessionPausePolicy(SessionPausePolicy.HardError);
  assert.ok(builder instanceof WorkflowBuilder);
  const wf = builder.build();
  assert.ok(wf instanceof Workflow);
  assert.equal(wf.name, "built");
  assert.equal((await wf.run()).data, "built");
  assert.throws(() => builder.build(), { code: "ERR_BLAZEN_INVALID_ARGUMENT" });
});

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
