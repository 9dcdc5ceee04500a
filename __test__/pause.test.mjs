// Pausing into a snapshot, and going on: here, or from the snapshot anywhere.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { SessionPausePolicy, Workflow } from "blazen";
import { quiet } from "./turns.mjs";

const stop = (result) => ({ type: "blazen::StopEvent", result });

/** Something to wait for, and to let go. */
function gate() {
  let open;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Two steps, of which the first waits: started, then held until `hold` opens. */
function held({ session } = {}) {
  const started = gate();
  const hold = gate();
  const calls = [];
  const wf = new Workflow("held");
  wf.addStep("first", ["blazen::StartEvent"], async (_event, ctx) => {
    calls.push(`first ${ctx.attempt}`);
    await ctx.set("seen", calls.length);
    if (session) await ctx.session.set("secret", "stays here");
    started.open();
    await hold.opened;
    return { type: "Next", from: "first" };
  });
  wf.addStep("second", ["Next"], async (event, ctx) => {
    calls.push(`second ${ctx.attempt}`);
    return stop({ from: event.from, seen: await ctx.get("seen"), session: await ctx.session.get("secret") });
  });
  return { wf, started, hold, calls };
}

test("a pause in mid-step waits for the step, keeps its events, and runs nothing twice", async () => {
  const { wf, started, hold, calls } = held();
  const handler = await wf.runWithHandler();
  await started.opened;
  const pausing = handler.pause();
  hold.open();
  const snapshot = await pausing;
  assert.deepEqual(calls, ["first 1"]);

  const document = JSON.parse(snapshot);
  assert.deepEqual(Object.keys(document), [
    "version",
    "workflow_name",
    "run_id",
    "timestamp",
    "context_state",
    "pending_events",
    "metadata",
  ]);
  assert.equal(document.workflow_name, "held");
  assert.equal(document.run_id, handler.runId);
  assert.ok(!Number.isNaN(Date.parse(document.timestamp)));
  assert.deepEqual(document.pending_events[0].event, { type: "Next", from: "first" });
  assert.equal(await handler.snapshot(), snapshot);
  assert.equal(await handler.pause(), snapshot, "pausing a paused run gives the same snapshot");

  const resumed = await wf.resume(snapshot);
  assert.equal(resumed.runId, handler.runId);
  assert.deepEqual((await resumed.result()).data, { from: "first", seen: 1, session: null });
  assert.deepEqual(calls, ["first 1", "second 1"]);
});

test("a paused run goes on in place, with its session", async () => {
  const { wf, started, hold } = held({ session: true });
  const handler = await wf.runWithHandler();
  await started.opened;
  const result = handler.result();
  hold.open();
  await handler.pause();
  await handler.resumeInPlace();
  assert.deepEqual((await result).data, { from: "first", seen: 1, session: "stays here" });
  await assert.rejects(handler.snapshot(), { code: "ERR_BLAZEN_RUN_ENDED" });
});

test("a snapshot is a copy: two processes may go on from it, and so may the paused run", async () => {
  const { wf, started, hold } = held();
  const handler = await wf.runWithHandler();
  await started.opened;
  hold.open();
  const snapshot = await handler.pause();
  const [one, other] = [await wf.resume(snapshot), await wf.resume(snapshot)];
  await handler.resumeInPlace();
  const results = await Promise.all([one.result(), other.result(), handler.result()]);
  assert.deepEqual(
    results.map(({ data }) => data.from),
    ["first", "first", "first"],
  );
});

test("a snapshot holds what is pending, and nothing of what has happened", async () => {
  const wf = new Workflow("long");
  const reached = gate();
  const hold = gate();
  wf.addStep("again", ["blazen::StartEvent", "Again"], async ({ n = 0 }) => {
    if (n < 1_000) return { type: "Again", n: n + 1, ballast: "x".repeat(1_000) };
    reached.open();
    await hold.opened;
    return stop();
  });
  const handler = await wf.runWithHandler();
  await reached.opened;
  const snapshot = await handler.pause({ graceMs: 0 });
  assert.ok(snapshot.length < 3_000, `${snapshot.length} characters`);
  hold.open();
});

test("a pause with a grace aborts what is still at work, which is invoked again with its attempt raised", async () => {
  const wf = new Workflow("grace");
  const begun = gate();
  const attempts = [];
  let told;
  wf.addStep("stubborn", ["blazen::StartEvent"], async (_event, ctx) => {
    attempts.push(ctx.attempt);
    if (ctx.attempt > 1) return stop("second attempt");
    const aborted = once(ctx.signal, "abort");
    begun.open();
    await aborted;
    told = ctx.signal.reason.code;
    return stop("first attempt");
  });
  const handler = await wf.runWithHandler();
  await begun.opened;
  await handler.pause({ graceMs: 5 });
  assert.equal(told, "ERR_BLAZEN_PAUSED");
  await handler.resumeInPlace();
  assert.equal((await handler.result()).data, "second attempt");
  assert.deepEqual(attempts, [1, 2]);
});

test("what an attempt that was cut short had written is taken back, so that the next counts anew", async () => {
  const wf = new Workflow("count");
  const begun = gate();
  wf.addStep("first", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.setBytes("bytes", Buffer.of(1));
    await ctx.set("gone", true);
    return { type: "Next" };
  });
  wf.addStep("only", ["Next"], async (_event, ctx) => {
    const count = await ctx.state.update("count", (n) => (n ?? 0) + 1);
    await ctx.setBytes("bytes", Buffer.of(2));
    await ctx.state.remove("gone");
    if (ctx.attempt === 1) {
      begun.open();
      await new Promise(() => {});
    }
    return stop({ attempt: ctx.attempt, count });
  });
  const handler = await wf.runWithHandler();
  await begun.opened;
  const snapshot = await handler.pause({ graceMs: 0 });
  assert.deepEqual(JSON.parse(snapshot).context_state, { bytes: { bytes: "AQ==" }, gone: { json: true } });
  await handler.resumeInPlace();
  for (const run of [handler, await wf.resume(snapshot)]) {
    assert.deepEqual((await run.result()).data, { attempt: 2, count: 1 });
  }
});

test("what an attempt that was cut short does later is not taken for the next attempt's", async () => {
  const wf = new Workflow("stale");
  const begun = [gate(), gate()];
  const hold = [gate(), gate()];
  const late = gate();
  const contexts = [];
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    const attempt = ctx.attempt - 1;
    contexts.push(ctx);
    begun[attempt].open();
    await hold[attempt].opened;
    if (attempt === 0) {
      const refused = { code: "ERR_BLAZEN_DELIVERY_SETTLED" };
      await assert.rejects(ctx.set("late", true), refused);
      await assert.rejects(ctx.sendEvent({ type: "blazen::StopEvent" }), refused);
      setImmediate(late.open);
    }
    return stop([`attempt ${attempt + 1}`, await ctx.get("late")]);
  });
  const handler = await wf.runWithHandler();
  await begun[0].opened;
  await handler.pause({ graceMs: 0 });
  await handler.resumeInPlace();
  await begun[1].opened;
  assert.equal(contexts[0].signal.aborted, true);
  assert.equal(contexts[1].signal.aborted, false);
  hold[0].open();
  await late.opened;
  hold[1].open();
  assert.deepEqual((await handler.result()).data, ["attempt 2", null]);
});

test("events that a cut short handler had sent are not doubled", async () => {
  const wf = new Workflow("sent");
  const received = [];
  const arrived = gate();
  wf.addStep("send", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.sendEvent({ type: "Note", n: 1 });
    if (ctx.attempt === 1) await new Promise(() => {});
    await ctx.sendEvent({ type: "Note", n: 2 });
    return null;
  });
  wf.addStep("receive", ["Note"], async ({ n }) => {
    received.push(n);
    if (n === 2) return stop(received);
    arrived.open();
  });
  const handler = await wf.runWithHandler();
  await arrived.opened;
  await quiet(); // receive has settled
  const snapshot = await handler.pause({ graceMs: 0 });
  const resumed = await wf.resume(snapshot);
  assert.deepEqual((await resumed.result()).data, [1, 2]);
});

test("a run that ends before it has paused rejects the pause", async () => {
  const wf = new Workflow("quick");
  const begun = gate();
  const hold = gate();
  wf.addStep("only", ["blazen::StartEvent"], async () => {
    begun.open();
    await hold.opened;
    return stop("done");
  });
  const handler = await wf.runWithHandler();
  await begun.opened;
  const pausing = handler.pause();
  hold.open();
  await assert.rejects(pausing, { code: "ERR_BLAZEN_RUN_ENDED" });
  assert.equal((await handler.result()).data, "done");
  await assert.rejects(handler.pause(), { code: "ERR_BLAZEN_RUN_ENDED" });
  await assert.rejects(handler.resumeInPlace(), { code: "ERR_BLAZEN_RUN_ENDED" });
  assert.equal((await handler.result()).data, "done", "the result may be asked for many times");
});

test("a pause that meets an event which is not JSON rejects, and the run goes on", async () => {
  const wf = new Workflow("not-json");
  const begun = gate();
  const hold = gate();
  wf.addStep("first", ["blazen::StartEvent"], async () => {
    begun.open();
    await hold.opened;
    return { type: "Next", deep: { call: () => "called" } };
  });
  wf.addStep("second", ["Next"], async (event) => stop(event.deep.call()));
  const handler = await wf.runWithHandler();
  await begun.opened;
  const pausing = handler.pause();
  hold.open();
  await assert.rejects(pausing, (error) => {
    assert.equal(error.code, "ERR_BLAZEN_NOT_SERIALIZABLE");
    assert.equal(error.path, ".deep.call");
    assert.match(error.message, /"Next"/);
    return true;
  });
  assert.equal((await handler.result()).data, "called");
});

test("an abort listener that ends or resumes the run while a pause cuts it short is obeyed", async () => {
  for (const [act, code] of [
    ["abort", "ERR_BLAZEN_RUN_ENDED"],
    ["resumeInPlace", "ERR_BLAZEN_NOT_PAUSED"],
  ]) {
    const wf = new Workflow("listener");
    const begun = gate();
    let handler;
    wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
      if (ctx.attempt > 1) return stop("went on");
      ctx.signal.addEventListener("abort", () => handler[act]());
      begun.open();
      await new Promise(() => {});
    });
    handler = await wf.runWithHandler();
    await begun.opened;
    await assert.rejects(handler.pause({ graceMs: 0 }), { code });
    const ended = await handler.result().catch((error) => error);
    assert.equal(ended.code ?? ended.data, act === "abort" ? "ERR_BLAZEN_ABORTED" : "went on");
  }
});

test("what was read and not yet called when the run was paused is not called, however often that is", async () => {
  const wf = new Workflow("twice");
  const calls = [];
  let handler;
  let paused;
  wf.addStep("split", ["blazen::StartEvent"], async () => {
    await new Promise(setImmediate);
    return [
      { type: "Piece", n: 1 },
      { type: "Piece", n: 2 },
      { type: "Piece", n: 3 },
    ];
  });
  wf.addStep("work", ["Piece"], ({ n }, ctx) => {
    calls.push(`${n}:${ctx.attempt}`);
    if (calls.length === 1) {
      handler.pause({ graceMs: 0 }).catch(() => {});
      handler.resumeInPlace();
      paused = handler.pause({ graceMs: 0 });
    }
    return calls.filter((call) => call.endsWith(":2")).length === 3 ? stop(calls) : null;
  });
  handler = await wf.runWithHandler();
  while (paused === undefined) await new Promise(setImmediate);
  await paused;
  assert.deepEqual(calls, ["1:1"]);
  await handler.resumeInPlace();
  assert.deepEqual((await handler.result()).data, ["1:1", "1:2", "2:2", "3:2"]);
});

test("a toJSON that ends or resumes the run while its snapshot is taken is obeyed", async () => {
  for (const act of ["abort", "resumeInPlace"]) {
    const wf = new Workflow("meddling");
    const begun = gate();
    const hold = gate();
    let handler;
    const toJSON = () => {
      handler[act]();
      return {};
    };
    wf.addStep("first", ["blazen::StartEvent"], async () => {
      begun.open();
      await hold.opened;
      return { type: "Next", meddler: { toJSON } };
    });
    wf.addStep("second", ["Next"], async () => stop("went on"));
    handler = await wf.runWithHandler();
    await begun.opened;
    const pausing = handler.pause();
    hold.open();
    await assert.rejects(pausing, { code: act === "abort" ? "ERR_BLAZEN_RUN_ENDED" : "ERR_BLAZEN_NOT_PAUSED" });
    const ended = await handler.result().catch((error) => error);
    assert.equal(ended.code ?? ended.data, act === "abort" ? "ERR_BLAZEN_ABORTED" : "went on");
  }
});

test("a toJSON that resumes the run, pauses it anew and throws leaves no pause waiting", {
  timeout: 10_000,
}, async () => {
  const begun = gate();
  const hold = gate();
  let handler;
  let again;
  const toJSON = () => {
    if (again !== undefined) return {};
    handler.resumeInPlace();
    again = assert.rejects(handler.pause(), { code: "ERR_BLAZEN_NOT_SERIALIZABLE" });
    throw new Error("no JSON");
  };
  handler = await new Workflow("meddling")
    .addStep("first", ["blazen::StartEvent"], async () => {
      begun.open();
      await hold.opened;
      return { type: "Next", meddler: { toJSON } };
    })
    .addStep("second", ["Next"], () => stop("went on"))
    .runWithHandler();
  await begun.opened;
  const pausing = handler.pause();
  hold.open();
  await assert.rejects(pausing, { code: "ERR_BLAZEN_NOT_PAUSED" });
  await again;
  assert.equal((await handler.result()).data, "went on");
});

test("the session stays behind in silence under the default policy", async (t) => {
  const warn = t.mock.method(process, "emitWarning", () => {});
  const { wf, started, hold } = held({ session: true });
  const handler = await wf.runWithHandler();
  await started.opened;
  hold.open();
  const snapshot = await handler.pause();
  assert.ok(!snapshot.includes("stays here"));
  assert.equal(warn.mock.callCount(), 0);
  const resumed = await wf.resume(snapshot);
  assert.equal((await resumed.result()).data.session, null);
});

for (const policy of [SessionPausePolicy.WarnDrop, "warn_drop"]) {
  test(`the policy ${policy} warns of the keys that stay behind (${typeof policy})`, async (t) => {
    const warn = t.mock.method(process, "emitWarning", () => {});
    const { wf, started, hold } = held({ session: true });
    wf.setSessionPausePolicy(policy);
    const handler = await wf.runWithHandler();
    await started.opened;
    hold.open();
    await handler.pause();
    assert.equal(warn.mock.callCount(), 1);
    assert.match(warn.mock.calls[0].arguments[0], /"secret"/);
  });
}

test("the policy hard_error refuses to pause, naming the keys, and the run goes on", async () => {
  const { wf, started, hold } = held({ session: true });
  wf.setSessionPausePolicy(SessionPausePolicy.HardError);
  const handler = await wf.runWithHandler();
  await started.opened;
  await assert.rejects(handler.pause(), (error) => {
    assert.equal(error.code, "ERR_BLAZEN_SESSION_NOT_EMPTY");
    assert.match(error.message, /"secret"/);
    return true;
  });
  hold.open();
  assert.equal((await handler.result()).data.session, "stays here");
});

test("the policy hard_error sees what is set while the pause waits", async () => {
  const wf = new Workflow("late-session");
  const begun = gate();
  const hold = gate();
  wf.setSessionPausePolicy("hard_error");
  wf.addStep("first", ["blazen::StartEvent"], async (_event, ctx) => {
    begun.open();
    await hold.opened;
    await ctx.session.set("late", 1);
    return { type: "Next" };
  });
  wf.addStep("second", ["Next"], async () => stop("went on"));
  const handler = await wf.runWithHandler();
  await begun.opened;
  const pausing = handler.pause();
  hold.open();
  await assert.rejects(pausing, { code: "ERR_BLAZEN_SESSION_NOT_EMPTY" });
  assert.equal((await handler.result()).data, "went on");
});

test("a hundred random pauses of a fan-out lose nothing and run nothing twice", async () => {
  const pieces = 20;
  for (let round = 0; round < 100; round += 1) {
    const done = [];
    const wf = new Workflow("fan");
    wf.addStep("split", ["blazen::StartEvent"], async () =>
      Array.from({ length: pieces }, (_, n) => ({ type: "Piece", n })),
    );
    wf.addStep("work", ["Piece"], async ({ n }) => {
      for (let turns = (n * 7 + round) % 5; turns > 0; turns -= 1) await new Promise(setImmediate);
      done.push(n);
      return { type: "Done", n };
    });
    wf.addStep("collect", ["Done"], async ({ n }, ctx) => {
      const all = await ctx.state.update("all", (list) => [...(list ?? []), n]);
      return all.length === pieces ? stop(all) : null;
    });
    let handler = await wf.runWithHandler();
    for (let turns = round % 8; turns > 0; turns -= 1) await new Promise(setImmediate);
    const snapshot = await handler.pause().catch((error) => {
      assert.equal(error.code, "ERR_BLAZEN_RUN_ENDED");
    });
    if (snapshot !== undefined) handler = await wf.resume(snapshot);
    const { data } = await handler.result();
    const sorted = (list) => [...list].sort((a, b) => a - b);
    const expected = Array.from({ length: pieces }, (_, n) => n);
    assert.deepEqual(sorted(data), expected);
    assert.deepEqual(sorted(done), expected);
  }
});
