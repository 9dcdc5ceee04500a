// Runs that go on after their process, or their store, was gone.

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import {
  ask,
  asking,
  gate,
  NOBODY,
  newFile,
  nextEvent,
  one,
  RESPONSE,
  START,
  stop,
  test,
  turn,
  waiting,
} from "./stores/harness.mjs";

/** Runs a story up to where its handlers stand still, takes the store away from them, and opens it again. */
async function interrupted(begin) {
  const path = newFile();
  const before = SqliteStore.open(path);
  const given = await begin(before);
  await before.close();
  return { path, store: SqliteStore.open(path), given };
}

const never = () => new Promise(() => {});

/** A handler that never returns, and when it has been called. */
function stuck() {
  const { open, opened } = gate();
  const handler = () => {
    open();
    return never();
  };
  return { handler, called: opened };
}

describe("recover() takes up what was pending", () => {
  test("in the order in which it was emitted, with attempts raised", async () => {
    const received = [];
    const workflow = (store, hold) =>
      new Workflow("order", { store })
        .addStep("fan", [START], () => ["a", "b", "c"].map((name) => ({ type: "Item", name })))
        .addStep("work", ["Item"], async ({ name }, ctx) => {
          received.push([name, ctx.attempt]);
          if (hold?.has(name)) await hold.get(name);
          const done = await ctx.state.update("done", (done) => [...(done ?? []), name]);
          return done.length === 3 ? stop(done) : null;
        });
    const { store, given } = await interrupted(async (store) => {
      const hold = new Map([
        ["a", never()],
        ["c", never()],
      ]);
      const handler = await workflow(store, hold).runWithHandler();
      while (!(await store.run(handler.runId)).state.has("done")) await turn();
      return handler.runId;
    });
    assert.deepEqual((await store.run(given)).pending, [
      { step: "work", event: { type: "Item", name: "a" }, attempt: 1 },
      { step: "work", event: { type: "Item", name: "c" }, attempt: 1 },
    ]);
    received.length = 0;
    const handlers = await workflow(store).recover();
    assert.deepEqual(
      handlers.map(({ runId }) => runId),
      [given],
    );
    assert.deepEqual((await handlers[0].result()).data, ["b", "a", "c"]);
    assert.deepEqual(received, [
      ["a", 2],
      ["c", 2],
    ]);
  });

  test("without doubling what a handler had sent, or what it had added before", async () => {
    const received = [];
    const workflow = (store, hold) =>
      new Workflow("sends", { store })
        .addStep("send", [START], async (_event, ctx) => {
          for (const name of ["a", "b", "c"]) {
            await ctx.state.update("sent", (sent) => [...(sent ?? []), name]);
            await ctx.sendEvent({ type: "Sent", name, attempt: ctx.attempt });
            if (name === "b") await hold?.();
          }
          return null;
        })
        .addStep("receive", ["Sent"], async ({ name, attempt }, ctx) => {
          received.push([name, attempt]);
          const count = await ctx.state.update("count", (count) => (count ?? 0) + 1);
          return count === 3 ? stop(await ctx.get("sent")) : null;
        });
    const { store, given } = await interrupted(async (store) => {
      const holding = stuck();
      const handler = await workflow(store, holding.handler).runWithHandler();
      await holding.called;
      while ((await store.run(handler.runId)).state.get("count") !== 2) await turn();
      return handler.runId;
    });
    const { pending, state } = await store.run(given);
    assert.deepEqual(
      pending.map(({ step, attempt }) => [step, attempt]),
      [["send", 1]],
    );
    assert.deepEqual(state.get("sent"), ["a", "b"]);
    const [handler] = await workflow(store).recover();
    assert.deepEqual((await handler.result()).data, ["a", "b", "c"]);
    assert.deepEqual(received, [
      ["a", 1],
      ["b", 1],
      ["c", 2],
    ]);
  });

  test("several times over: each attempt has its number, and none is lost", async () => {
    const path = newFile();
    const attempts = [];
    for (let life = 1; life <= 4; life += 1) {
      const store = SqliteStore.open(path);
      const invoked = gate();
      const wf = one(store, async (_event, ctx) => {
        attempts.push(ctx.attempt);
        invoked.open();
        return life === 4 ? stop(attempts) : never();
      });
      const handler = await wf.runWithHandler({}, { runId: NOBODY });
      await invoked.opened;
      if (life === 4) assert.deepEqual((await handler.result()).data, [1, 2, 3, 4]);
      await store.close();
    }
  });

  test("oldest first, once, and only of the workflow that asks", async () => {
    const { store, given } = await interrupted(async (store) => {
      const ids = [];
      for (let n = 0; n < 40; n += 1) ids.push((await one(store, never).runWithHandler()).runId);
      await waiting(asking(store));
      await one(store, () => stop()).run();
      return ids;
    });
    let calls = 0;
    const wf = one(store, () => {
      calls += 1;
      return stop();
    });
    const [first, second] = await Promise.all([wf.recover(), wf.recover()]);
    assert.deepEqual(
      first.map(({ runId }) => runId),
      given,
    );
    assert.deepEqual(second, []);
    await Promise.all(first.map((handler) => handler.result()));
    assert.deepEqual([calls, await wf.recover()], [40, []]);
    assert.equal((await store.runs({ status: "running" })).runs.length, 1);
  });

  test("with the state as it was: bytes, order, and keys and values with half surrogate pairs", async () => {
    const workflow = (store, last) =>
      new Workflow("state", { store })
        .addStep("write", [START], async (_event, ctx) => {
          await ctx.set("z", { "\udc00": "\ud800" });
          await ctx.set("gone", 1);
          await ctx.setBytes("\ud83d", Buffer.from([0, 255]));
          await ctx.set("a", [0.1, 1e300]);
          await ctx.session.set("secret", 1);
          return { type: "Next" };
        })
        .addStep("remove", ["Next"], async (_event, ctx) => {
          await ctx.state.remove("gone");
          await ctx.state.set("z", { "\udc00": "\ud801" });
          return { type: "Last", text: "\ud800" };
        })
        .addStep("last", ["Last"], last);
    const { store } = await interrupted(async (store) => {
      const last = stuck();
      await workflow(store, last.handler).runWithHandler();
      await last.called;
    });
    const [handler] = await workflow(store, async ({ text }, ctx) => {
      const keys = await ctx.state.keys();
      const values = await Promise.all(keys.map(async (key) => [key, await ctx.get(key)]));
      assert.deepEqual(values, [
        ["z", { "\udc00": "\ud801" }],
        ["\ud83d", Buffer.from([0, 255])],
        ["a", [0.1, 1e300]],
      ]);
      assert.equal(text, "\ud800");
      return stop(await ctx.session.get("secret"));
    }).recover();
    assert.equal((await handler.result()).data, null);
  });
});

describe("after a crash, whoever is waited for", () => {
  test("finds the question still open, and answers it once", async () => {
    const { store } = await interrupted((store) => waiting(asking(store)));
    const wf = asking(store);
    const [handler] = await wf.recover();
    assert.equal((await nextEvent(handler)).request_id, "question");
    await assert.rejects(handler.respondToInput("another", 1), { code: "ERR_BLAZEN_UNKNOWN_REQUEST" });
    await handler.respondToInput("question", "yes");
    await assert.rejects(handler.respondToInput("question", "again"));
    assert.equal((await handler.result()).data, "yes");
  });

  test("may answer without looking, abort, or pause", async () => {
    const { store } = await interrupted((store) => Promise.all([1, 2, 3].map(() => waiting(asking(store)))));
    const [answered, aborted, paused] = await asking(store).recover();
    await answered.respondToInput("question", "at once");
    assert.equal((await answered.result()).data, "at once");
    await aborted.abort("enough");
    await assert.rejects(aborted.result(), { code: "ERR_BLAZEN_ABORTED", cause: "enough" });
    assert.equal(JSON.parse(await paused.pause()).run_id, paused.runId);
    assert.equal((await store.run(paused.runId)).status, "paused");
  });

  test("an answer that was given is not lost with the handler that hears it", async () => {
    const { store } = await interrupted(async (store) => {
      const hearing = stuck();
      const wf = new Workflow("hears", { store })
        .addStep("ask", [START], () => ask("question"))
        .addStep("hear", [RESPONSE], hearing.handler);
      const handler = await waiting(wf);
      await handler.respondToInput("question", "yes");
      await hearing.called;
    });
    const wf = new Workflow("hears", { store })
      .addStep("ask", [START], () => ask("question"))
      .addStep("hear", [RESPONSE], ({ response }, ctx) => stop([response, ctx.attempt]));
    const [handler] = await wf.recover();
    assert.deepEqual((await handler.result()).data, ["yes", 2]);
  });
});

describe("a paused run", () => {
  test("stays paused in another process until it is resumed by its id", async () => {
    const { store, given } = await interrupted(async (store) => {
      const handler = await waiting(asking(store));
      await handler.pause();
      return handler.runId;
    });
    const wf = asking(store);
    assert.deepEqual(await wf.recover(), []);
    assert.equal((await store.run(given)).status, "paused");
    const attached = await wf.attach(given);
    await assert.rejects(attached.respondToInput("question", "early"), { code: "ERR_BLAZEN_PAUSED" });
    assert.equal(JSON.parse(await attached.snapshot()).run_id, given);
    const handler = await wf.resume(given);
    assert.equal((await store.run(given)).status, "running");
    await handler.respondToInput("question", "yes");
    assert.equal((await handler.result()).data, "yes");
    assert.equal((await attached.result()).data, "yes");
    await assert.rejects(wf.resume(given), { code: "ERR_BLAZEN_RUN_ENDED" });
  });

  test("that waits is found by recover(), and a snapshot that is refused does not take its place", async () => {
    const { store, given } = await interrupted(async (store) => {
      const handler = await waiting(asking(store));
      const snapshot = await handler.pause();
      await handler.resumeInPlace();
      return { snapshot, runId: handler.runId };
    });
    const [recovered] = await asking(store).recover();
    for (const durability of ["sync", "async", "exit"]) {
      const resuming = asking(store, { durability }).resume(given.snapshot);
      await assert.rejects(resuming, { code: "ERR_BLAZEN_RUN_EXISTS" });
    }
    await asking(store).respondToInput(given.runId, "question", "yes");
    assert.equal((await recovered.result()).data, "yes");
  });

  test("has its snapshot for whoever attaches to it, also while another run takes up the thread", async () => {
    const { store, given } = await interrupted(async (store) => {
      const handler = await waiting(asking(store));
      await handler.pause();
      return handler.runId;
    });
    let isOver = false;
    const busy = new Workflow("busy").addStep("again", [START, "Again"], () => (isOver ? stop() : { type: "Again" }));
    const running = busy.run();
    const attached = await asking(store).attach(given);
    assert.equal(JSON.parse(await attached.snapshot()).run_id, given);
    isOver = true;
    await running;
  });
});

describe("a run whose workflow has lost a step", () => {
  /** Two runs of a workflow, of which each is at work in one step. */
  const changed = () =>
    interrupted(async (store) => {
      const wf = new Workflow("changed", { store })
        .addStep("route", [START], ({ to }) => ({ type: to }))
        .addStep("old", ["Old"], never)
        .addStep("kept", ["Kept"], never);
      const [old, kept] = await Promise.all(["Old", "Kept"].map((to) => wf.runWithHandler({ to })));
      for (const { runId } of [old, kept]) {
        while ((await store.run(runId)).pending[0].step === "route") await turn();
      }
      return { old: old.runId, kept: kept.runId };
    });
  const mismatch = { code: "ERR_BLAZEN_RUN_MISMATCH", message: /"old"/ };

  test("stays as it is and says so by name, and the others go on", async () => {
    const { path, store, given } = await changed();
    const untouched = await store.run(given.old);
    const wf = new Workflow("changed", { store }).addStep("kept", ["Kept"], () => stop("kept"));
    const warned = once(process, "warning");
    const handlers = new Map((await wf.recover()).map((handler) => [handler.runId, handler]));
    assert.equal((await handlers.get(given.kept).result()).data, "kept");
    await assert.rejects(handlers.get(given.old).result(), mismatch);
    const [warning] = await warned;
    assert.match(warning.message, new RegExp(`${given.old}.*"old"`, "s"));
    await assert.rejects(wf.attach(given.old), mismatch);
    assert.deepEqual(await store.run(given.old), untouched);
    await store.close();

    const again = SqliteStore.open(path);
    const repaired = new Workflow("changed", { store: again }).addStep("old", ["Old"], () => stop("old"));
    assert.equal((await (await repaired.attach(given.old)).result()).data, "old");
  });

  test("goes on in the same process when the workflow has the step again", async () => {
    const { store, given } = await changed();
    const wf = new Workflow("changed", { store }).addStep("kept", ["Kept"], () => stop("kept"));
    await assert.rejects(wf.attach(given.old), mismatch);
    const handlers = await wf.recover();
    const { result } = Object.fromEntries(handlers.map((handler) => [handler.runId, { result: handler.result() }]))[
      given.old
    ];
    await assert.rejects(result, mismatch);
    wf.addStep("old", ["Old"], () => stop("old"));
    assert.equal((await (await wf.attach(given.old)).result()).data, "old");
  });
});

describe("after a crash, a run", () => {
  test("is taken up by attach(), and by its id", async () => {
    const { store, given } = await interrupted((store) =>
      Promise.all([1, 2].map(async () => (await one(store, never).runWithHandler()).runId)),
    );
    const wf = one(store, (_event, ctx) => stop(ctx.attempt));
    assert.equal((await (await wf.attach(given[0])).result()).data, 2);
    assert.equal((await wf.run({}, { runId: given[1] })).data, 2);
  });

  for (const durability of ["sync", "async"]) {
    test(`is one run, however many take it up at once, with the durability ${durability}`, async () => {
      const { store, given } = await interrupted(async (store) => {
        await one(store, never).runWithHandler({}, { runId: NOBODY });
        return NOBODY;
      });
      const attempts = [];
      const wf = one(
        store,
        (_event, ctx) => {
          attempts.push(ctx.attempt);
          return stop(ctx.attempt);
        },
        { durability },
      );
      const ways = [
        () => wf.attach(given),
        () => wf.runWithHandler({}, { runId: given }),
        () => wf.attach(given),
        async () => (await wf.recover())[0],
        () => wf.runWithHandler({}, { runId: given }),
      ];
      const handlers = await Promise.all(ways.map((way) => way()));
      const results = await Promise.all(handlers.filter(Boolean).map((handler) => handler.result()));
      assert.ok(results.every(({ data }) => data === 2));
      assert.deepEqual(attempts, [2]);
    });
  }

  test("has as much time left as it had", async () => {
    const timed = { timeout: 3_600 };
    const { store } = await interrupted((store) => waiting(asking(store, timed)).then((handler) => handler.pause()));
    const { runs } = await store.runs();
    const handler = await asking(store, { timeout: 10_000 }).resume(runs[0].runId);
    const left = JSON.parse(await handler.pause()).metadata.time_remaining_ms;
    assert.ok(left > 0 && left <= 3_600_000, `${left}`);
    await handler.abort();
  });

  test("of asynchronous durability has all that was reported", async () => {
    const path = newFile();
    const store = SqliteStore.open(path);
    const wf = one(store, ({ n }) => stop(n), { durability: "async" });
    const runs = await Promise.all(Array.from({ length: 50 }, (_, n) => wf.run({ n })));
    await store.close();
    const again = SqliteStore.open(path);
    for (const { runId, data } of runs) assert.equal((await again.run(runId)).result, data);
  });

  test("of durability exit is what it was when it was paused, and else was never there", async () => {
    const options = { durability: "exit" };
    const { store, given } = await interrupted(async (store) => {
      const lost = await waiting(asking(store, options));
      const paused = await waiting(asking(store, options));
      await paused.pause();
      return { lost: lost.runId, paused: paused.runId };
    });
    assert.equal(await store.run(given.lost), null);
    const handler = await asking(store, options).resume(given.paused);
    await handler.respondToInput("question", "yes");
    assert.equal((await handler.result()).data, "yes");
  });
});
