// What a run of another version waits for, and how that is rewritten.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import { ask, gate, nextEvent, quiet, REQUEST, RESPONSE, rejectionOf, START, stop, test } from "./stores/harness.mjs";

describe("what a run waits for", () => {
  const asking = (options) =>
    new Workflow("asking", options)
      .addStep("ask", [START], () => ({ ...ask("question"), prompt: "old" }))
      .addStep("hear", [RESPONSE], ({ response }) => stop(response));

  const pausedAsking = async () => {
    const run = await asking({ version: "1" }).runWithHandler();
    await quiet();
    return run.pause();
  };

  test("can be asked otherwise, and is answered all the same", async () => {
    const old = await pausedAsking();
    const migrate = ({ waits }) => {
      assert.deepEqual(waits, [{ id: "question", kind: "input", event: { ...ask("question"), prompt: "old" } }]);
      waits[0].event.prompt = "new";
    };
    const handler = await asking({ version: "2", migrate }).resume(old);
    assert.deepEqual(await nextEvent(handler), { type: REQUEST, request_id: "question", prompt: "new" });
    await handler.respondToInput("question", 5);
    assert.equal((await handler.result()).data, 5);
  });

  test("can be given up", async () => {
    const old = await pausedAsking();
    const migrate = (run) => {
      run.waits = [];
      run.pending.push({ step: "hear", event: { type: RESPONSE, request_id: "question", response: "given up" } });
    };
    assert.equal((await (await asking({ version: "2", migrate }).resume(old)).result()).data, "given up");
  });

  test("is collected under the new name of its type", async () => {
    const collecting = (options, type, third) =>
      new Workflow("collecting", options)
        .addStep("begin", [START], () => [{ type, n: 1 }, { type: "Then" }])
        .addStep("then", ["Then"], third)
        .addStep("collect", [type], async (event, ctx) => {
          const events = await ctx.collectEvents(event, [type, type]);
          return events === null ? null : stop(events.map(({ n }) => n));
        });
    const [reached, released] = [gate(), gate()];
    const first = await collecting({ version: "1" }, "Old", async () => {
      reached.open();
      await released.opened;
    }).runWithHandler();
    await reached.opened;
    const pause = first.pause();
    released.open();
    const old = await pause;
    const migrate = (run) => {
      const held = run.pending.filter(({ held }) => held !== undefined);
      assert.equal(held.length, 1);
      for (const pending of held) pending.event.type = "New";
      run.pending.push({ step: "then", event: { type: "Then" } });
    };
    const handler = await collecting({ version: "2", migrate }, "New", () => ({ type: "New", n: 2 })).resume(old);
    assert.deepEqual((await handler.result()).data, [1, 2]);
  });
});

describe("what earlier attempts have added", () => {
  /** It has spent 90, and told of that. */
  const spending = (options, key, then) =>
    new Workflow("spending", options)
      .addStep("charge", [START], async (_event, ctx) => {
        await ctx.state.increment(key, 90);
        await ctx.sendEvent({ type: "Charged" });
        await then?.();
        return stop(await ctx.get(key));
      })
      .addStep("log", ["Charged"], () => null);

  async function lost() {
    const map = new MapStore();
    const reached = gate();
    const stands = () => {
      reached.open();
      return new Promise(() => {});
    };
    const { runId } = await spending({ store: around(map), version: "1" }, "spent", stands).runWithHandler();
    await reached.opened;
    await quiet();
    return { map, runId };
  }

  const rename = ({ state }) => {
    state.set("total", state.get("spent"));
    state.delete("spent");
  };
  const charge = ({ pending }) => pending.find(({ step }) => step === "charge");

  test("counts once, also to a key that is called otherwise now", async () => {
    const { map, runId } = await lost();
    const migrate = (run) => {
      rename(run);
      assert.deepEqual(charge(run).additions, [{ key: "spent" }]);
      charge(run).additions[0].renamedTo = "total";
    };
    const handler = await spending({ store: around(map), version: "2", migrate }, "total").attach(runId);
    assert.equal((await handler.result()).data, 90);
  });

  test("stays if nothing is said of it, also of what another handler has taken out since", async () => {
    const map = new MapStore();
    const reached = gate();
    const flow = (options, then) =>
      new Workflow("spending", options)
        .addStep("charge", [START], async (_event, ctx) => {
          const spent = await ctx.state.increment("spent", 90);
          await ctx.sendEvent({ type: "Charged" });
          await then?.();
          return stop(spent);
        })
        .addStep("clear", ["Charged"], async (_event, ctx) => {
          await ctx.state.remove("spent");
          reached.open();
          return null;
        });
    const { runId } = await flow({ store: around(map), version: "1" }, () => new Promise(() => {})).runWithHandler();
    await reached.opened;
    await quiet();
    const migrate = (run) => {
      run.pending = run.pending.map(({ delivery, step, event, attempt }) => ({ delivery, step, event, attempt }));
    };
    const handler = await flow({ store: around(map), version: "2", migrate }).attach(runId);
    assert.equal((await handler.result()).data, 90);
    assert.deepEqual((await map.load(runId)).state, [], "it is not added again");
  });

  test("is forgotten only if that is said", async () => {
    const { map, runId } = await lost();
    const attached = (migrate) => spending({ store: around(map), version: "2", migrate }, "total").attach(runId);
    const failure = await rejectionOf(attached(rename));
    assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
    assert.match(failure.message, /pending\[0\]\.additions\[0\]: the state has no key "spent" any more/);
    const unknown = (run) => {
      charge(run).additions.push({ key: "other" });
    };
    assert.match((await rejectionOf(attached(unknown))).message, /additions\[1\]\.key/);
    const twice = (run) => {
      rename(run);
      charge(run).additions[0].renamedTo = "total";
      charge(run).additions.push({ key: "spent" });
    };
    assert.match((await rejectionOf(attached(twice))).message, /additions\[1\]\.key/);
    const forgotten = (run) => {
      rename(run);
      charge(run).additions = [];
    };
    assert.equal((await (await attached(forgotten)).result()).data, 180);
  });
});

describe("an event from outside", () => {
  const buying = (options, type) =>
    new Workflow("buying", options)
      .addStep("begin", [START], (_event, ctx) => ctx.expectEvent(type))
      .addStep("hear", [type, "Paid"], ({ type, amount }) => stop([type, amount]));

  test("that had come goes to whom it may concern if it is what is expected after all", async () => {
    const map = new MapStore();
    const old = buying({ store: around(map), version: "1" }, "Transfer");
    const { runId } = await old.runWithHandler();
    await quiet();
    for (const amount of [1, 2]) assert.equal(await old.sendEvent(runId, { type: "Paid", amount }), false);
    const migrate = ({ waits }) => {
      assert.deepEqual(
        waits.map(({ kind, event }) => [kind, event.type]),
        [
          ["expected", "Transfer"],
          ["arrived", "Paid"],
          ["arrived", "Paid"],
        ],
      );
      waits[0].event.type = "Paid";
    };
    const store = around(map);
    const handler = await buying({ store, version: "2", migrate }, "Order").attach(runId);
    assert.deepEqual((await handler.result()).data, ["Paid", 1]);
  });

  test("that is expected must be accepted, and so must what goes out instead", async () => {
    const run = await new Workflow("buying", { version: "1" })
      .addStep("begin", [START], (_event, ctx) => ctx.expectEvent("Paid", { expiresMs: 1e9, onExpire: "Late" }))
      .addStep("hear", ["Paid", "Late"], () => stop())
      .runWithHandler();
    await quiet();
    const old = await run.pause();
    for (const [accepted, what] of [
      ["Paid", "expiry"],
      ["Late", "event"],
    ]) {
      const workflow = new Workflow("buying", { version: "2", migrate() {} });
      const failure = await rejectionOf(workflow.addStep("hear", [accepted], () => stop()).resume(old));
      assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
      assert.match(failure.message, new RegExp(`waits\\[0\\]\\.${what} is of type .*no step .* accepts`));
    }
  });
});
