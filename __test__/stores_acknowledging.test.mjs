// Nothing is reported before the store has it. These stores, written in JavaScript, have it when they are told to.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import { asking, gate, KINDS, newFile, one, quiet, START, stop, test, turn, waiting } from "./stores/harness.mjs";

const RUN = "11111111-1111-4111-8111-111111111111";

/** A store whose commits wait until they are let through, one by one or for good. */
function slowStore() {
  const waiting = [];
  let open = false;
  return {
    commits: 0,
    commit(batch) {
      this.commits += batch.length;
      return open ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
    },
    load: async () => null,
    runs: async () => ({ runs: [] }),
    letThrough: () => waiting.shift()(),
    letAllThrough() {
      open = true;
      for (const resolve of waiting.splice(0)) resolve();
    },
    isAsked: async () => {
      while (waiting.length === 0) await turn();
    },
  };
}

/** Whether a promise has settled by now, with all turns that it could have used. */
async function hasSettled(promise) {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await quiet();
  return settled;
}

describe("before the store has it", () => {
  test("a run that was begun is reported to nobody, whoever began it", async () => {
    const store = slowStore();
    const wf = one(store, () => stop(1));
    const first = wf.runWithHandler({}, { runId: RUN });
    await store.isAsked();
    const second = wf.runWithHandler({}, { runId: RUN });
    const attached = wf.attach(RUN);
    for (const begun of [first, second, attached]) assert.equal(await hasSettled(begun), false);
    store.letAllThrough();
    for (const begun of [first, second, attached]) assert.equal((await (await begun).result()).data, 1);
  });

  test("a pause is not reported, and its snapshot given to nobody, also with the durability exit", async () => {
    const store = slowStore();
    const [working, going] = [gate(), gate()];
    const wf = new Workflow("exit", { store, durability: "exit" })
      .addStep("begin", [START], async () => {
        await going.opened;
        return { type: "Work" };
      })
      .addStep("work", ["Work"], async () => {
        await working.opened;
        return stop("done");
      });
    const handler = await wf.runWithHandler();
    const first = handler.pause();
    going.open();
    await store.isAsked();
    const second = handler.pause();
    assert.equal(await hasSettled(first), false);
    assert.equal(await hasSettled(second), false);
    await assert.rejects(handler.snapshot(), { code: "ERR_BLAZEN_NOT_PAUSED" });

    await handler.resumeInPlace();
    await assert.rejects(first, { code: "ERR_BLAZEN_NOT_PAUSED" });
    await assert.rejects(second, { code: "ERR_BLAZEN_NOT_PAUSED" });
    await quiet();
    const third = handler.pause();
    store.letThrough(); // what the first pause has written
    assert.equal(await hasSettled(third), false, "the handler is at work");
    working.open();
    store.letAllThrough();
    await assert.rejects(third, { code: "ERR_BLAZEN_RUN_ENDED" });
    assert.equal((await handler.result()).data, "done");
  });

  test("an asynchronous handler sends only so much", async () => {
    const store = slowStore();
    let sent = 0;
    const wf = new Workflow("ahead", { store, durability: "async" })
      .addStep("send", [START], async (_event, ctx) => {
        for (; sent < 10_000; sent += 1) await ctx.sendEvent({ type: "Sent" });
        return stop(sent);
      })
      .addStep("take", ["Sent"], () => null);
    const handler = await wf.runWithHandler();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await quiet();
    }
    assert.ok(sent <= 4_096, `${sent} are sent`);
    store.letAllThrough();
    assert.equal((await handler.result()).data, 10_000);
  });
});

describe("a handler that does not wait for what it sends", () => {
  test("does not end the process when nobody accepts the event", async () => {
    for (const open of Object.values(KINDS)) {
      const wf = one(open(), async (_event, ctx) => {
        ctx.sendEvent({ type: "Nobody" });
        return null;
      });
      await assert.rejects(wf.run(), { code: "ERR_BLAZEN_UNROUTED_EVENT" });
    }
  });

  test("does not end the process when the store fails", async () => {
    const failing = gate();
    let commits = 0;
    const store = {
      async commit() {
        commits += 1;
        if (commits === 1) return;
        await failing.opened;
        throw new Error("no disk");
      },
      load: async () => null,
      runs: async () => ({ runs: [] }),
    };
    const wf = new Workflow("sending", { store })
      .addStep("send", [START], async (_event, ctx) => {
        ctx.sendEvent({ type: "Sent" });
        failing.open();
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      })
      .addStep("take", ["Sent"], () => null);
    await assert.rejects(wf.run(), { code: "ERR_BLAZEN_STORE_IO" });
    await quiet();
  });
});

describe("a run that ends without a result", () => {
  const chain = (store, options, work = async () => ({ type: "End" })) =>
    new Workflow("chain", { store, ...options })
      .addStep("begin", [START], () => ({ type: "Work", secret: 42 }))
      .addStep("work", ["Work"], work)
      .addStep("end", ["End"], () => ({ type: "blazen::StopEvent" }));

  for (const [kind, open] of Object.entries(KINDS)) {
    for (const durability of ["sync", "async", "exit"]) {
      test(`has none in ${kind} either, after it was paused, with ${durability}`, async () => {
        const store = open();
        const wf = chain(store, { durability });
        const handler = await wf.runWithHandler();
        await handler.pause();
        await handler.resumeInPlace();
        assert.equal((await handler.result()).data, undefined);
        assert.equal("result" in (await store.run(handler.runId)), false);
        assert.equal((await (await wf.attach(handler.runId)).result()).data, undefined);
      });
    }

    test(`has none in ${kind} either, after a handler has sent twice what was taken once`, async () => {
      const store = open();
      const sent = gate();
      const wf = chain(store, {}, async (_event, ctx) => {
        await ctx.sendEvent({ type: "Noted", secret: 43 });
        sent.open();
        if (ctx.attempt === 1) await new Promise(() => {});
        return { type: "End" };
      }).addStep("note", ["Noted"], () => null);
      const handler = await wf.runWithHandler();
      await sent.opened;
      await handler.pause({ graceMs: 0 });
      await handler.resumeInPlace();
      assert.equal((await handler.result()).data, undefined);
      assert.equal("result" in (await store.run(handler.runId)), false);
    });
  }

  test("has none in its file either, after its process was lost", async () => {
    const path = newFile();
    const first = SqliteStore.open(path);
    const atWork = gate();
    const stuck = chain(first, {}, () => {
      atWork.open();
      return new Promise(() => {});
    });
    const { runId } = await stuck.runWithHandler();
    await atWork.opened;
    await first.close();
    const store = SqliteStore.open(path);
    const [handler] = await chain(store, {}).recover();
    assert.equal((await handler.result()).data, undefined);
    assert.equal("result" in (await store.run(runId)), false);
    await store.close();
  });
});

describe("closing a store", () => {
  for (const durability of ["sync", "async", "exit"]) {
    test(`ends a run that was being taken up, with ${durability}`, async () => {
      const path = newFile();
      const first = SqliteStore.open(path);
      const paused = await waiting(asking(first));
      await paused.pause();
      const { runId } = await waiting(asking(first));
      await first.close();
      for (const id of [paused.runId, runId]) {
        const store = SqliteStore.open(path);
        const attaching = asking(store, { durability }).attach(id);
        await store.close();
        await assert.rejects((await attaching).result(), { code: "ERR_BLAZEN_STORE_CLOSED" });
        await assert.rejects(asking(store, { durability }).attach(id), { code: "ERR_BLAZEN_STORE_CLOSED" });
      }
    });

    test(`ends a run that begins afterwards, with ${durability}`, async () => {
      const store = SqliteStore.open(newFile());
      await store.close();
      await assert.rejects(asking(store, { durability }).run(), { code: "ERR_BLAZEN_STORE_CLOSED" });
    });
  }

  test("ends the wait for a run that has been found and not taken up", async () => {
    const path = newFile();
    const first = SqliteStore.open(path);
    await waiting(asking(first));
    await first.close();
    const store = SqliteStore.open(path);
    const [handler] = await asking(store).recover();
    await store.close();
    await assert.rejects(handler.result(), { code: "ERR_BLAZEN_STORE_CLOSED" });
  });
});
