// Waiting for the world: events from outside, and requests and waits that expire.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { MemoryStore, SqliteStore, Workflow } from "blazen";
import { MapStore } from "./conformance/map_store.mjs";
import { gate, newFile, test } from "./stores/harness.mjs";
import { inEveryWay } from "./ways/harness.mjs";

const START = "blazen::StartEvent";
const RESPONSE = "blazen::InputResponseEvent";
const stop = (result) => ({ type: "blazen::StopEvent", result });
const refusal = (code) => (error) => error.code === code;

/** An order that is shipped when it is paid, and given up when it is not. */
function shop(options, expectation = {}, { charge = async () => {} } = {}) {
  const wf = new Workflow("shop", options);
  wf.addStep("charge", [START], async (_event, ctx) => {
    await charge(ctx);
    await ctx.expectEvent("Paid", expectation);
  });
  wf.addStep("ship", ["Paid"], async ({ amount }) => stop(amount));
  wf.addStep("give up", ["Late"], async ({ expected, request }) => stop(expected ?? request.prompt));
  wf.addStep("read", [RESPONSE], async ({ response }) => stop(response));
  return wf;
}

describe("an event that is expected", () => {
  for (const [where, options] of [
    ["in memory", () => ({})],
    ["in a file", () => ({ store: SqliteStore.open(newFile()) })],
    ["in a store in memory", () => ({ store: new MemoryStore() })],
    ["in a store in JavaScript", () => ({ store: new MapStore() })],
  ]) {
    test(`goes to the steps that accept it, ${where}`, async () => {
      const handler = await shop(options()).runWithHandler({});
      await handler.sendEvent({ type: "Paid", amount: 3 });
      assert.equal((await handler.result()).data, 3);
    });

    test(`is kept if it comes before, ${where}`, async () => {
      const { open: goOn, opened: gone } = gate();
      const { open: begin, opened: begun } = gate();
      const charge = async () => {
        begin();
        await gone;
      };
      const handler = await shop(options(), {}, { charge }).runWithHandler({});
      await begun;
      assert.equal(await handler.sendEvent({ type: "Paid", amount: 4 }), false);
      goOn();
      assert.equal((await handler.result()).data, 4);
    });
  }

  inEveryWay("gives way to another when it does not come", {
    build: ({ store, pass }) =>
      shop(store && { store }, { expiresMs: 40, onExpire: "Late" }, { charge: async () => pass() }),
    input: {},
    expect: "Paid",
    restless: true,
  });

  test("that came before goes with the snapshot of its run", async () => {
    const { open: goOn, opened: gone } = gate();
    const { open: begin, opened: begun } = gate();
    const charge = async () => {
      begin();
      await gone;
      throw new Error("cut short");
    };
    const handler = await shop({}, {}, { charge }).runWithHandler({});
    await begun;
    await handler.sendEvent({ type: "Paid", amount: 5 });
    const snapshot = await handler.pause({ graceMs: 0 });
    goOn();
    assert.deepEqual(JSON.parse(snapshot).metadata.arrived_events[0].event, { type: "Paid", amount: 5 });
    const resumed = await shop({}).resume(snapshot);
    assert.equal((await resumed.result()).data, 5);
  });

  test("is what a run is parked for: nobody need hold it, and it is listed as waiting", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { runId } = await shop({ store: before }).runWithHandler({});
    await parked(before, runId);
    const [summary] = (await before.runs()).runs;
    assert.equal(summary.waiting, true);
    const { expected, arrived, pending } = await before.run(runId);
    assert.deepEqual([expected, arrived, pending], [[{ type: "Paid" }], [], []]);
    await before.close();

    const store = SqliteStore.open(path);
    const wf = shop({ store });
    assert.equal(await wf.sendEvent(runId, { type: "Paid", amount: 6 }), true);
    assert.equal((await (await wf.attach(runId)).result()).data, 6);
    await store.close();
  });

  test("is durable when it has been sent, also to a run that commits behind itself", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { opened: never } = gate();
    const wf = shop({ store: before, durability: "async" }, {}, { charge: () => never });
    const { runId } = await wf.runWithHandler({});
    assert.equal(await wf.sendEvent(runId, { type: "Paid", amount: 7 }), false);
    await before.close();

    const store = SqliteStore.open(path);
    assert.deepEqual((await store.run(runId)).arrived, [{ type: "Paid", amount: 7 }]);
    const [handler] = await shop({ store }).recover();
    assert.equal((await handler.result()).data, 7);
    await store.close();
  });

  test("is expected once, however often its handler is called", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { opened: never } = gate();
    const { open: pass, opened: passed } = gate();
    const hanging = new Workflow("shop", { store: before });
    hanging.addStep("charge", [START], async (_event, ctx) => {
      await ctx.expectEvent("Paid");
      pass();
      await never;
    });
    hanging.addStep("ship", ["Paid"], () => {});
    const { runId } = await hanging.runWithHandler({});
    await passed;
    await before.close();

    const store = SqliteStore.open(path);
    const wf = shop({ store });
    const [handler] = await wf.recover();
    await parked(store, runId);
    assert.equal((await store.run(runId)).expected.length, 1);
    await handler.sendEvent({ type: "Paid", amount: 8 });
    assert.equal((await handler.result()).data, 8);
    await store.close();
  });

  test("fails the run if it does not come, and nothing is to go out instead", async () => {
    await assert.rejects(shop({}, { expiresMs: 1 }).run({}), refusal("ERR_BLAZEN_EXPIRED"));
    const store = SqliteStore.open(newFile());
    const handler = await shop({ store }, { expiresMs: 1 }).runWithHandler({});
    await assert.rejects(handler.result(), refusal("ERR_BLAZEN_EXPIRED"));
    const { error } = await store.run(handler.runId);
    assert.equal(error.code, "ERR_BLAZEN_EXPIRED");
    assert.match(error.message, /"Paid" was expected/);
    await store.close();
  });

  test("that comes with the wait takes its expiry away", async () => {
    const wf = new Workflow("both");
    wf.addStep("charge", [START], async (_event, ctx) => {
      await ctx.expectEvent("Paid", { expiresMs: 5, onExpire: "Late" });
      await ctx.sendEvent({ type: "Later" }, { delayMs: 30 });
    });
    const seen = [];
    wf.addStep("ship", ["Paid"], () => void seen.push("Paid"));
    wf.addStep("late", ["Late"], () => void seen.push("Late"));
    wf.addStep("stop", ["Later"], () => stop(seen));
    const handler = await wf.runWithHandler({});
    await handler.sendEvent({ type: "Paid" });
    assert.deepEqual((await handler.result()).data, ["Paid"]);
  });

  test("expires at its time by the clock of the world, also if nobody was there", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const first = shop({ store: before }, { expiresMs: 30, onExpire: "Late" });
    const { runId } = await first.runWithHandler({});
    await parked(before, runId);
    const [{ waiting }] = (await before.runs()).runs;
    assert.equal(waiting, false, "it goes on by itself");
    const [{ type, expires }] = (await before.run(runId)).expected;
    assert.equal(type, "Paid");
    assert.ok(expires instanceof Date);
    await before.close();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, expires.getTime() - Date.now()) + 5));

    const store = SqliteStore.open(path);
    const [handler] = await shop({ store }).recover();
    assert.equal((await handler.result()).data, "Paid");
    await store.close();
  });
});

describe("an event that is not expected", () => {
  test("goes to its steps at once if that is asked for", async () => {
    const { opened: never } = gate();
    const handler = await shop({}, {}, { charge: () => never }).runWithHandler({});
    assert.equal(await handler.sendEvent({ type: "Paid", amount: 9 }, { unexpected: "deliver" }), true);
    assert.equal((await handler.result()).data, 9);
  });

  test("is refused if no step accepts it, and the run goes on", async () => {
    const handler = await shop({}).runWithHandler({});
    await assert.rejects(handler.sendEvent({ type: "Pay" }), (error) => {
      assert.equal(error.code, "ERR_BLAZEN_INVALID_EVENT");
      assert.match(error.message, /"Pay".*they accept "Paid", "Late"/);
      return true;
    });
    await assert.rejects(handler.sendEvent(stop(1)), refusal("ERR_BLAZEN_INVALID_EVENT"));
    await assert.rejects(handler.sendEvent({ type: "blazen::InputRequestEvent" }), refusal("ERR_BLAZEN_INVALID_EVENT"));
    await assert.rejects(handler.sendEvent({ type: START }), refusal("ERR_BLAZEN_INVALID_EVENT"));
    await handler.sendEvent({ type: "Paid", amount: 1 });
    assert.equal((await handler.result()).data, 1);
  });

  test("is refused while the run is paused, and after its end", async () => {
    const handler = await shop({}).runWithHandler({});
    await handler.pause();
    await assert.rejects(handler.sendEvent({ type: "Paid" }), refusal("ERR_BLAZEN_PAUSED"));
    await handler.resumeInPlace();
    await handler.sendEvent({ type: "Paid", amount: 1 });
    await handler.result();
    await assert.rejects(handler.sendEvent({ type: "Paid" }), refusal("ERR_BLAZEN_RUN_ENDED"));
  });

  test("to a run that is not there is refused", async () => {
    const store = SqliteStore.open(newFile());
    const unknown = "01900000-0000-7000-8000-000000000000";
    await assert.rejects(shop({ store }).sendEvent(unknown, { type: "Paid" }), refusal("ERR_BLAZEN_UNKNOWN_RUN"));
    await store.close();
  });

  test("is one of a thousand, for a thousand waits: each wait has one", async () => {
    const wf = new Workflow("many");
    let left = 1_000;
    wf.addStep("expect", [START], async (_event, ctx) => {
      for (let n = 0; n < 1_000; n += 1) await ctx.expectEvent("Tick");
    });
    wf.addStep("tick", ["Tick"], async () => {
      left -= 1;
      return left === 0 ? stop("done") : undefined;
    });
    const handler = await wf.runWithHandler({});
    for (let n = 0; n < 1_000; n += 1) await handler.sendEvent({ type: "Tick" });
    assert.equal((await handler.result()).data, "done");
  });
});

describe("an input request that expires", () => {
  const asking = (options, request, { pass = () => {} } = {}) => {
    const wf = new Workflow("shop", options);
    wf.addStep("ask", [START], async () => {
      pass();
      return { type: "blazen::InputRequestEvent", request_id: "q", prompt: "Go?", ...request };
    });
    wf.addStep("read", [RESPONSE], async ({ response }) => stop(response));
    wf.addStep("give up", ["Late"], async ({ request }) => stop(`nobody said: ${request.prompt}`));
    return wf;
  };

  inEveryWay("gives way to another event", {
    build: ({ store, pass }) => {
      const wf = asking(store && { store }, { expiresMs: 40, onExpire: "Late" }, { pass });
      wf.run = async (input) => (await wf.runWithHandler(input)).result();
      return wf;
    },
    input: {},
    expect: "nobody said: Go?",
    restless: true,
  });

  test("is not answered any more", async () => {
    const wf = asking({}, { expiresMs: 1 });
    wf.addStep("stay", [START], (_event, ctx) => ctx.sendEvent({ type: "Late" }, { delayMs: 60_000 }));
    const handler = await wf.runWithHandler({});
    await assert.rejects(handler.result(), refusal("ERR_BLAZEN_EXPIRED"));
    await assert.rejects(handler.respondToInput("q", 1), refusal("ERR_BLAZEN_RUN_ENDED"));
  });

  test("is answered in time by its run's id", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { runId } = await asking({ store: before }, { expiresMs: 60_000, onExpire: "Late" }).runWithHandler({});
    await parked(before, runId);
    await before.close();
    const store = SqliteStore.open(path);
    const wf = asking({ store });
    await wf.respondToInput(runId, "q", "yes");
    assert.equal((await (await wf.attach(runId)).result()).data, "yes");
    await store.close();
  });

  test("that a handler sends expires as well", async () => {
    const wf = new Workflow("sends");
    wf.addStep("ask", [START], (_event, ctx) =>
      ctx.sendEvent({ type: "blazen::InputRequestEvent", request_id: "q", expiresMs: 1, onExpire: "Late" }),
    );
    wf.addStep("read", [RESPONSE], () => stop("answered"));
    wf.addStep("late", ["Late"], ({ request }) => stop(request.request_id));
    const handler = await wf.runWithHandler({});
    assert.equal((await handler.result()).data, "q");
  });

  for (const [how, request] of [
    ["no number", { expiresMs: "1" }],
    ["zero", { expiresMs: 0 }],
    ["what no step accepts", { expiresMs: 1, onExpire: "Nobody" }],
    ["an event of the engine's own", { expiresMs: 1, onExpire: "blazen::StopEvent" }],
    ["no time", { onExpire: "Late" }],
  ]) {
    test(`is refused with ${how}`, async () => {
      const handler = await asking({}, request).runWithHandler({});
      await assert.rejects(handler.result(), refusal("ERR_BLAZEN_INVALID_EVENT"));
    });
  }
});

test("code that does not accept what a run waits for leaves the run as it is", async () => {
  const path = newFile();
  const before = SqliteStore.open(path);
  const { runId } = await shop({ store: before }).runWithHandler({});
  await parked(before, runId);
  await before.close();
  const store = SqliteStore.open(path);
  const wf = new Workflow("shop", { store });
  wf.addStep("charge", [START], () => {});
  await assert.rejects(wf.attach(runId), (error) => {
    assert.equal(error.code, "ERR_BLAZEN_RUN_MISMATCH");
    assert.match(error.message, /waits for the event "Paid", which no step/);
    return true;
  });
  assert.equal((await store.run(runId)).status, "running");
  await store.close();
});

/** Resolves when nothing is pending of a stored run. */
async function parked(store, runId) {
  while ((await store.run(runId)).pending.length > 0) await new Promise(setImmediate);
}
