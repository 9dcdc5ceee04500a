// Events that are delivered at their time.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, mock } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import { gate, newFile, ROOT, rejectionOf, START, stop, test } from "./stores/harness.mjs";
import { atRest, inEveryWay } from "./ways/harness.mjs";

/** A workflow that sends `Late` with these options, and ends with the time that it took to come. */
const late = (options, workflow = {}) =>
  new Workflow("late", workflow)
    .addStep("send", [START], async (_event, ctx) => {
      await ctx.sendEvent({ type: "Late", sent: Date.now() }, options());
    })
    .addStep("hear", ["Late"], ({ sent }, ctx) => stop([Date.now() - sent, ctx.attempt]));

describe("an event that is sent to be delivered later", () => {
  inEveryWay("comes at its time, and before what is due after it", {
    build: ({ store, pass }) =>
      new Workflow("reminders", { store })
        .addStep("send", [START], async (_event, ctx) => {
          await ctx.sendEvent({ type: "Reminder", n: 2 }, { delayMs: 80 });
          await ctx.sendEvent({ type: "Reminder", n: 1 }, { at: new Date(Date.now() + 40) });
          await ctx.sendEvent({ type: "Reminder", n: 0 }, { delayMs: 0 });
        })
        .addStep("hear", ["Reminder"], async ({ n }, ctx) => {
          if (n === 0) pass();
          const heard = await ctx.state.update("heard", (heard) => [...(heard ?? []), [n, ctx.attempt]]);
          return n === 2 ? stop(heard) : null;
        }),
    expect: [
      [0, 1],
      [1, 1],
      [2, 1],
    ],
  });

  inEveryWay("reaches every step that accepts it", {
    build: ({ store, pass }) =>
      new Workflow("several", { store })
        .addStep("send", [START], async (_event, ctx) => {
          await ctx.sendEvent({ type: "Both" }, { delayMs: 40 });
          pass();
        })
        .addStep("one", ["Both"], () => ({ type: "Done" }))
        .addStep("other", ["Both"], () => ({ type: "Done" }))
        .addStep("count", ["Done"], async (_event, ctx) => {
          const count = await ctx.state.update("count", (count) => (count ?? 0) + 1);
          return count === 2 ? stop(count) : null;
        }),
    expect: 2,
  });

  test("is never early", async () => {
    for (const delayMs of [0.5, 1, 3.2, 10]) {
      const began = performance.now();
      const workflow = new Workflow("early")
        .addStep("send", [START], (_event, ctx) => void ctx.sendEvent({ type: "Late" }, { delayMs }))
        .addStep("hear", ["Late"], () => stop(performance.now()));
      const waited = (await workflow.run()).data - began;
      assert.ok(waited >= delayMs, `${waited} ms instead of ${delayMs}`);
    }
  });

  test("to a time that has passed is delivered at once", async () => {
    assert.ok((await late(() => ({ at: new Date(0) })).run()).data[0] < 60_000);
  });

  test("is delivered at once if it came due while nobody was there, as the attempt that it was to be", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { runId } = await late(() => ({ delayMs: 50 }), { store: before }).runWithHandler();
    const [{ due }] = await atRest(before, runId);
    await before.close();
    await new Promise((resolve) => setTimeout(resolve, due - Date.now() + 20));
    const store = SqliteStore.open(path);
    const [handler] = await late(() => ({}), { store }).recover();
    const [, attempt] = (await handler.result()).data;
    assert.equal(attempt, 1);
    await store.close();
  });

  test("is told of by its store, with its time", async () => {
    const store = SqliteStore.open(newFile());
    const at = new Date(Date.now() + 3_600_000);
    const handler = await late(() => ({ at }), { store }).runWithHandler();
    const [pending] = await atRest(store, handler.runId);
    assert.equal(pending.step, "hear");
    assert.ok(Math.abs(pending.due - at) < 1_000, `${pending.due} instead of ${at}`);
    await handler.abort();
    await rejectionOf(handler.result());
    assert.deepEqual((await store.run(handler.runId)).pending, []);
    await store.close();
  });

  test("is not waited for by a pause, and does not come while its run is paused", async () => {
    const { open, opened } = gate();
    const workflow = new Workflow("paused")
      .addStep("send", [START], async (_event, ctx) => {
        await ctx.sendEvent({ type: "Late" }, { delayMs: 30 });
        open();
      })
      .addStep("hear", ["Late"], () => stop(Date.now()));
    const handler = await workflow.runWithHandler();
    await opened;
    await handler.pause();
    await new Promise((resolve) => setTimeout(resolve, 60));
    const resumed = Date.now();
    await handler.resumeInPlace();
    assert.ok((await handler.result()).data >= resumed);
  });

  for (const event of [stop(1), { type: "blazen::InputRequestEvent" }]) {
    test(`cannot be a ${event.type}`, async () => {
      const workflow = new Workflow("refused")
        .addStep("send", [START], async (_event, ctx) =>
          stop((await rejectionOf(ctx.sendEvent(event, { delayMs: 5 }))).code),
        )
        .addStep("hear", ["blazen::InputResponseEvent"], () => null);
      assert.equal((await workflow.run()).data, "ERR_BLAZEN_INVALID_EVENT");
    });
  }

  test("that no step accepts fails its run at once", async () => {
    const workflow = new Workflow("nowhere").addStep("send", [START], async (_event, ctx) => {
      await ctx.sendEvent({ type: "Nowhere" }, { delayMs: 3_600_000 });
    });
    assert.equal((await rejectionOf(workflow.run())).code, "ERR_BLAZEN_UNROUTED_EVENT");
  });
});

describe("many events that wait", () => {
  test("are all delivered, a million at one instant", async () => {
    const COUNT = 1_000_000;
    let heard = 0;
    const workflow = new Workflow("many")
      .addStep("send", [START], async (_event, ctx) => {
        const at = new Date(Date.now() + 500);
        for (let n = 0; n < COUNT; n += 1) await ctx.sendEvent({ type: "Late", n }, { at });
      })
      .addStep("hear", ["Late"], ({ n }) => {
        assert.equal(n, heard);
        heard += 1;
        return heard === COUNT ? stop(heard) : null;
      });
    assert.equal((await workflow.run()).data, COUNT);
  });

  test("come in order also if the process loses the processor between two looks at the clocks", async () => {
    const COUNT = 200;
    const { now } = Date;
    let looks = 0;
    const heard = [];
    const workflow = new Workflow("held up")
      .addStep("send", [START], async (_event, ctx) => {
        const at = new Date(now() + 300);
        Date.now = () => {
          looks += 1;
          if (looks % 20 === 0) for (const until = performance.now() + 5; performance.now() < until; );
          return now();
        };
        try {
          for (let n = 0; n < COUNT; n += 1) await ctx.sendEvent({ type: "Late", n }, { at });
        } finally {
          Date.now = now;
        }
      })
      .addStep("hear", ["Late"], ({ n }) => {
        heard.push(n);
        return heard.length === COUNT ? stop(heard) : null;
      });
    assert.deepEqual(
      (await workflow.run()).data,
      Array.from({ length: COUNT }, (_, n) => n),
    );
  });

  test("come in order wherever between two milliseconds the clocks are looked at", async () => {
    const heard = [];
    const workflow = new Workflow("looks")
      .addStep("send", [START], async (_event, ctx) => {
        const monotonic = Math.floor(performance.now());
        const wall = Date.now() + 3_600_000; // set ahead, so that nothing that was measured before counts
        // What one event sees: the one clock before and after the other, which has no fractions.
        const seen = [
          [0.95, 0, 0.96],
          [1.6, 2, 2.06],
          [2.2, 2, 2.21],
        ];
        for (const [n, [before, then, after]] of seen.entries()) {
          const looks = [];
          const look = (at) => {
            looks.push(at);
            return at;
          };
          mock.method(performance, "now", () => look(monotonic + (looks.length === 0 ? before : after)));
          mock.method(Date, "now", () => look(wall + then));
          let sent;
          try {
            sent = ctx.sendEvent({ type: "Late", n }, { at: new Date(wall + 50) });
          } finally {
            mock.restoreAll();
          }
          assert.deepEqual(looks.slice(0, 3), [monotonic + before, wall + then, monotonic + after]);
          await sent;
        }
      })
      .addStep("hear", ["Late"], ({ n }) => {
        heard.push(n);
        return heard.length === 3 ? stop(heard) : null;
      });
    assert.deepEqual((await workflow.run()).data, [0, 1, 2]);
  });

  test("keep a process that waits for them, and not one whose run was aborted", async () => {
    const program = `
      const { Workflow } = require(${JSON.stringify(ROOT)});
      const workflow = new Workflow("late")
        .addStep("send", ["blazen::StartEvent"], async (_, ctx) => void (await ctx.sendEvent({ type: "Late" }, { delayMs: Number(process.argv[1]) })))
        .addStep("hear", ["Late"], () => ({ type: "blazen::StopEvent", result: "heard" }));
      workflow.runWithHandler().then(async (handler) => {
        if (process.argv[2]) setTimeout(() => handler.abort(), 20);
        handler.result().then(({ data }) => console.log(data), ({ code }) => console.log(code));
      });`;
    for (const [args, said] of [
      [["100"], "heard\n"],
      [["3600000", "abort"], "ERR_BLAZEN_ABORTED\n"],
    ]) {
      const child = spawn(process.execPath, ["-e", program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
      let out = "";
      child.stdout.on("data", (chunk) => {
        out += chunk;
      });
      assert.deepEqual(await once(child, "close"), [0, null]);
      assert.equal(out, said);
    }
  });
});
