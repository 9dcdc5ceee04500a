// Handlers that wait for several events.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import { gate, newFile, rejectionOf, START, stop, test } from "./stores/harness.mjs";
import { inEveryWay } from "./ways/harness.mjs";

/** A workflow that splits into these events, and joins them by what `join` returns for each. */
const joining = (events, accepts, join, options) =>
  new Workflow("joining", options).addStep("split", [START], () => events).addStep("join", accepts, join);

const A = { type: "A" };
const B = { type: "B" };

describe("collectEvents()", () => {
  inEveryWay("gives all at once, in the order wanted, to the handler of the last", {
    build: ({ store, pass }) =>
      new Workflow("order", { store })
        .addStep("split", [START], async (_event, ctx) => {
          await ctx.sendEvent({ type: "B", n: 1 });
          await ctx.sendEvent({ type: "B", n: 2 }, { delayMs: 40 });
          await ctx.sendEvent({ type: "A", n: 3 }, { delayMs: 80 });
        })
        .addStep("join", ["A", "B"], async (event, ctx) => {
          const all = await ctx.collectEvents(event, ["A", "B", "B"]);
          if (all === null) pass();
          return all === null ? null : stop(all.map(({ type, n }) => `${type}${n}`));
        }),
    expect: ["A3", "B1", "B2"],
  });

  inEveryWay("gives again to the next attempt what a failed one had got", {
    build: ({ store, pass }) =>
      new Workflow("again", { store })
        .addStep("split", [START], () => [
          { type: "A", n: 1 },
          { type: "A", n: 2 },
        ])
        .addStep(
          "join",
          ["A"],
          async (event, ctx) => {
            const all = await ctx.collectEvents(event, { A: 2 });
            if (all === null) return null;
            if (ctx.attempt < 3) {
              pass();
              throw new Error("not yet");
            }
            return stop([ctx.attempt, ...all.map(({ n }) => n)]);
          },
          { retry: { initialDelayMs: 20 } },
        ),
    expect: [3, 1, 2],
  });

  inEveryWay("keeps events of several keys apart", {
    build: ({ store, pass }) =>
      new Workflow("keys", { store })
        .addStep("split", [START], async (_event, ctx) => {
          for (const [at, order] of ["x", "y", "y", "x"].entries()) {
            await ctx.sendEvent({ type: "Part", order }, { delayMs: at * 20 });
          }
        })
        .addStep("join", ["Part"], async (event, ctx) => {
          const all = await ctx.collectEvents(event, { Part: 2 }, { key: event.order });
          if (all === null) {
            pass();
            return null;
          }
          assert.ok(all.every(({ order }) => order === event.order));
          return { type: "Joined", order: event.order };
        })
        .addStep("count", ["Joined"], async ({ order }, ctx) => {
          const joined = await ctx.state.update("joined", (joined) => [...(joined ?? []), order]);
          return joined.length === 2 ? stop(joined) : null;
        }),
    expect: ["y", "x"],
  });

  test("gives events as they are, in memory", async () => {
    class Page {
      type = "Page";
      read = () => "text";
    }
    const pages = [new Page(), new Page()];
    const workflow = joining(pages, ["Page"], async (event, ctx) => {
      const all = await ctx.collectEvents(event, { Page: 2 });
      return all && stop(all.every((page, at) => page === pages[at]));
    });
    assert.equal((await workflow.run()).data, true);
  });

  test("counts what handlers have put aside that are at work still, and gives it once", async () => {
    const { open, opened } = gate();
    let sets = 0;
    const workflow = joining([A, A], ["A"], async (event, ctx) => {
      const all = await ctx.collectEvents(event, { A: 2 });
      if (all === null) {
        await opened;
        assert.equal(await ctx.collectEvents(event, { A: 2 }), null);
        return stop(sets);
      }
      sets += 1;
      setImmediate(open);
      return null;
    });
    assert.equal((await workflow.run()).data, 1);
  });

  test("begins anew after each set", async () => {
    const workflow = joining(new Array(9).fill(A), ["A"], async (event, ctx) => {
      const all = await ctx.collectEvents(event, { A: 3 });
      const sets = all && (await ctx.state.update("sets", (sets) => (sets ?? 0) + 1));
      return sets === 3 ? stop(sets) : null;
    });
    assert.equal((await workflow.run()).data, 3);
  });

  test("takes a fan-out of ten thousand back in, stored too", async () => {
    const count = 10_000;
    const store = SqliteStore.open(newFile());
    for (const options of [{}, { store }]) {
      const events = Array.from({ length: count }, (_, n) => ({ type: "Part", n }));
      const workflow = joining(
        events,
        ["Part"],
        async (event, ctx) => {
          const all = await ctx.collectEvents(event, { Part: count });
          return all && stop(all.every(({ n }, at) => n === at));
        },
        options,
      );
      assert.equal((await workflow.run()).data, true);
    }
    await store.close();
  });

  test("that never gets all of its set stalls its run, which says so", async () => {
    const workflow = joining([A, B], ["A", "B"], async (event, ctx) => ctx.collectEvents(event, ["A", "B", "B"]));
    const failure = await rejectionOf(workflow.run());
    assert.equal(failure.code, "ERR_BLAZEN_STALLED");
    assert.match(failure.message, /2 events are collected that still wait for others/);
  });

  test("leaves nothing pending in the store", async () => {
    const store = SqliteStore.open(newFile());
    const { open, opened } = gate();
    const workflow = joining(
      [A, A],
      ["A"],
      async (event, ctx) => {
        const all = await ctx.collectEvents(event, { A: 2 });
        return all && { type: "Joined" };
      },
      { store },
    ).addStep("wait", ["Joined"], async () => {
      open();
      return new Promise(() => {});
    });
    const { runId } = await workflow.runWithHandler();
    await opened;
    assert.deepEqual(
      (await store.run(runId)).pending.map(({ step }) => step),
      ["wait"],
    );
    await store.close();
  });

  for (const [what, wanted, says] of [
    ["nothing", [], /nothing/],
    ["a number", 3, /list of event types/],
    ["a type that the step does not accept", ["A", "C"], /does not receive them; it accepts "A", "B"/],
    ["no such number", { A: 0 }, /1 or more/],
    ["half an event", { A: 1.5 }, /1 or more/],
    ["others only", ["B"], /not among those/],
    ["a list with a hole", ["A", , "A"], /a string/],
    ["a Proxy that throws", new Proxy({}, { ownKeys: () => assert.fail("ownKeys") }), /cannot be read/],
  ]) {
    test(`refuses to wait for ${what}`, async () => {
      const workflow = joining([A], ["A", "B"], async (event, ctx) =>
        stop(await rejectionOf(ctx.collectEvents(event, wanted))),
      );
      const { data } = await workflow.run();
      assert.equal(data.code, "ERR_BLAZEN_INVALID_ARGUMENT");
      assert.match(data.message, says);
    });
  }

  for (const [what, collect] of [
    ["another event than its own", (event, ctx) => ctx.collectEvents({ ...event }, ["A"])],
    ["a key that is no string", (event, ctx) => ctx.collectEvents(event, ["A", "A"], { key: 5 })],
    ["an unknown option", (event, ctx) => ctx.collectEvents(event, ["A", "A"], { keys: "x" })],
    [
      "a second key for one event",
      async (event, ctx) => {
        await ctx.collectEvents(event, ["A", "A"], { key: "x" });
        await ctx.collectEvents(event, ["A", "A"], { key: "y" });
      },
    ],
  ]) {
    test(`refuses ${what}`, async () => {
      const workflow = joining([A], ["A"], async (event, ctx) => stop((await rejectionOf(collect(event, ctx))).code));
      assert.equal((await workflow.run()).data, "ERR_BLAZEN_INVALID_ARGUMENT");
    });
  }
});
