// Stored runs as users see them, whatever the store.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe } from "node:test";
import { AbortedError, SerializationError, StepError, TimeoutError, Workflow } from "blazen";
import {
  ask,
  asking,
  gate,
  KINDS,
  NOBODY,
  nextEvent,
  one,
  RESPONSE,
  rejectionOf,
  START,
  stop,
  test,
  turn,
  waiting,
} from "./stores/harness.mjs";

const NOT_SERIALIZABLE = { code: "ERR_BLAZEN_NOT_SERIALIZABLE" };
const ID = "0190c5f0-0000-7abc-8def-000000000001";

for (const [kind, open] of Object.entries(KINDS)) {
  describe(`${kind}: what is read back`, () => {
    test("a completed run, with its times, its result and its state", async () => {
      const store = open();
      const state = [
        ["json", { list: [1, null, "\ud800"], "\udc00": -1.5, nested: { "": true } }],
        ["bytes", Buffer.from([0, 255, 128])],
        ["no bytes", Buffer.alloc(0)],
        ["", "the empty key"],
        ["\ud83d", "half a pair"],
        ["\ude00", "the other half"],
        ["\ud83d\ude00", "a pair"],
        ["__proto__", { polluted: true }],
        ["a\0b", null],
      ];
      const before = Date.now();
      const result = await one(store, async (_event, ctx) => {
        for (const [key, value] of state) {
          await (value instanceof Buffer ? ctx.setBytes(key, value) : ctx.set(key, value));
        }
        await ctx.session.set("secret", "stays in the process");
        return stop({ total: 7, text: "\ud800", none: null });
      }).run({ order: 42 });
      const stored = await store.run(result.runId);
      const { createdAt, updatedAt, finishedAt, ...rest } = stored;
      assert.deepEqual(rest, {
        runId: result.runId,
        workflow: "one",
        status: "completed",
        result: { total: 7, text: "\ud800", none: null },
        state: new Map(state),
        pending: [],
        inputRequests: [],
        undoable: [],
        expected: [],
        arrived: [],
      });
      assert.deepEqual(
        [...stored.state.keys()],
        state.map(([key]) => key),
      );
      const times = [before, createdAt, updatedAt, finishedAt, Date.now()].map(Number);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
    });

    test("a run without a result, and one whose result is null", async () => {
      const store = open();
      const none = await one(store, () => ({ type: "blazen::StopEvent" })).run();
      const nothing = await one(store, () => stop(null)).run();
      assert.ok(!("result" in (await store.run(none.runId))));
      assert.equal((await store.run(nothing.runId)).result, null);
      assert.deepEqual(
        [none, nothing].map(({ data }) => data),
        [undefined, null],
      );
    });

    test("a failed run, with the step, and what its handler threw as the cause", async () => {
      const store = open();
      const wf = one(store, async (_event, ctx) => {
        await ctx.set("seen", true);
        throw Object.assign(new TypeError("card refused", { cause: new RangeError("no money") }), { code: "E_CARD" });
      });
      const handler = await wf.runWithHandler();
      const live = await rejectionOf(handler.result());
      const { error, status, finishedAt, state } = await store.run(handler.runId);
      assert.equal(status, "failed");
      assert.ok(finishedAt instanceof Date);
      assert.equal(state.size, 0, "what a step that failed has written is not committed");
      for (const failure of [error, await rejectionOf((await wf.attach(handler.runId)).result())]) {
        assert.ok(failure instanceof StepError);
        assert.deepEqual(
          [failure.code, failure.name, failure.message, failure.step, failure.runId],
          [live.code, live.name, live.message, "only", handler.runId],
        );
        const { cause } = failure;
        assert.ok(cause instanceof Error);
        assert.deepEqual([cause.name, cause.message, cause.code], ["TypeError", "card refused", "E_CARD"]);
        assert.match(cause.stack, /stores\.test\.mjs/);
        assert.deepEqual([cause.cause.name, cause.cause.message], ["RangeError", "no money"]);
      }
    });

    test("whatever was thrown, a cause that tells of it", async () => {
      const store = open();
      const cyclic = {};
      cyclic.self = cyclic;
      const asked = new Proxy({}, { get: () => assert.fail("asked") });
      const kept = ["text", 5, null, { code: 1 }];
      for (const value of [...kept, undefined, 5n, Symbol("s"), cyclic, () => {}, asked]) {
        const handler = await one(store, () => Promise.reject(value)).runWithHandler();
        await handler.result().catch(() => undefined);
        const { error } = await store.run(handler.runId);
        assert.equal(error.code, "ERR_BLAZEN_STEP_FAILED");
        if (kept.includes(value)) assert.deepEqual(error.cause, value);
      }
    });

    test("runs that fail by themselves: unrouted, stalled, out of time", async () => {
      const store = open();
      const outcomes = { ERR_BLAZEN_UNROUTED_EVENT: () => ({ type: "Nobody" }), ERR_BLAZEN_STALLED: () => null };
      for (const [code, handler] of Object.entries(outcomes)) {
        const error = await rejectionOf(one(store, handler).run());
        assert.equal(error.code, code);
        const stored = await store.run(error.runId);
        assert.deepEqual([stored.status, stored.error.code, stored.error.message], ["failed", code, error.message]);
      }
      const late = await rejectionOf(one(store, () => new Promise(() => {}), { timeout: 0.01 }).run());
      const stored = await store.run(late.runId);
      assert.ok(late instanceof TimeoutError && stored.error instanceof TimeoutError);
      assert.equal(stored.status, "failed");
    });

    test("a run that was aborted is cancelled, with the reason as the cause", async () => {
      const store = open();
      const wf = asking(store);
      const handler = await waiting(wf);
      await handler.abort({ by: "the customer" });
      const { status, error, inputRequests } = await store.run(handler.runId);
      assert.equal(status, "cancelled");
      assert.ok(error instanceof AbortedError);
      assert.deepEqual(error.cause, { by: "the customer" });
      assert.deepEqual(inputRequests, []);
      await assert.rejects((await wf.attach(handler.runId)).result(), { code: "ERR_BLAZEN_ABORTED" });
    });

    test("an unfinished run, with what is pending and what is asked", async () => {
      const store = open();
      const hold = gate();
      const wf = new Workflow("unfinished", { store })
        .addStep("fan", [START], async (_event, ctx) => {
          await ctx.set("began", true);
          return [{ type: "Item", n: 1 }, ask("sure?"), { type: "Item", n: 2 }];
        })
        .addStep("hold", ["Item"], () => hold.opened)
        .addStep("hear", [RESPONSE], () => stop());
      const handler = await waiting(wf);
      const { status, pending, inputRequests, finishedAt, state } = await store.run(handler.runId);
      assert.deepEqual([status, finishedAt, state], ["running", undefined, new Map([["began", true]])]);
      assert.deepEqual(pending, [
        { step: "hold", event: { type: "Item", n: 1 }, attempt: 1 },
        { step: "hold", event: { type: "Item", n: 2 }, attempt: 1 },
      ]);
      assert.deepEqual(inputRequests, [ask("sure?")]);
      assert.equal((await store.runs()).runs[0].waiting, false);
      await handler.abort();
      hold.open();
    });

    test("a run that nobody has: null, and attach() says so", async () => {
      const store = open();
      assert.equal(await store.run(NOBODY), null);
      assert.equal(await store.history(NOBODY), null);
      await assert.rejects(asking(store).attach(NOBODY), { code: "ERR_BLAZEN_UNKNOWN_RUN" });
      await assert.rejects(asking(store).resume(NOBODY), { code: "ERR_BLAZEN_UNKNOWN_RUN" });
    });

    test("the history: what settled, what it queued, what it overwrote", async () => {
      const store = open();
      const { runId } = await new Workflow("past", { store })
        .addStep("first", [START], async (_event, ctx) => {
          await ctx.set("n", 1);
          return { type: "Next" };
        })
        .addStep("second", ["Next"], async (_event, ctx) => {
          await ctx.set("n", 2);
          return stop();
        })
        .run({ order: 42 });
      const history = await store.history(runId);
      assert.deepEqual(
        history.map(({ version, status, settled, queued, written }) => ({
          version,
          status,
          settled: settled && [settled.step, settled.attempt, settled.event],
          queued: queued.map(({ step, type }) => [step, type]),
          written,
        })),
        [
          { version: 1, status: "running", settled: undefined, queued: [["first", START]], written: [] },
          {
            version: 2,
            status: "running",
            settled: ["first", 1, { type: START, order: 42 }],
            queued: [["second", "Next"]],
            written: [{ key: "n" }],
          },
          {
            version: 3,
            status: "completed",
            settled: ["second", 1, { type: "Next" }],
            queued: [],
            written: [{ key: "n", was: 1 }],
          },
        ],
      );
    });
  });

  describe(`${kind}: which runs there are`, () => {
    test("newest first, by workflow, by status, a page at a time", async () => {
      const store = open();
      const good = new Workflow("good", { store }).addStep("only", [START], () => stop());
      const bad = new Workflow("bad", { store }).addStep("only", [START], () => assert.fail("no"));
      const ids = [];
      for (let n = 0; n < 25; n += 1) {
        const handler = await (n % 5 === 0 ? bad : good).runWithHandler();
        await handler.result().catch(() => undefined);
        ids.unshift(handler.runId);
      }
      ids.unshift((await waiting(asking(store))).runId);

      const idsOf = ({ runs }) => runs.map(({ runId }) => runId);
      assert.deepEqual(idsOf(await store.runs()), ids);
      assert.ok(!("next" in (await store.runs())));
      const summary = (await store.runs({ status: "running" })).runs;
      assert.deepEqual(
        summary.map(({ createdAt, updatedAt, ...rest }) => [rest, createdAt <= updatedAt]),
        [[{ runId: ids[0], workflow: "asking", status: "running", waiting: true }, true]],
      );
      const failed = (await store.runs({ workflow: "bad" })).runs;
      assert.equal(failed.length, 5);
      assert.ok(
        failed.every(
          ({ status, finishedAt, waiting }) => status === "failed" && finishedAt instanceof Date && !waiting,
        ),
      );
      assert.deepEqual(idsOf(await store.runs({ workflow: "good", status: "failed" })), []);
      assert.deepEqual(idsOf(await store.runs({ workflow: "nobody's" })), []);

      for (const query of [{}, { workflow: "good" }, { status: "failed" }, { workflow: "good", status: "completed" }]) {
        const whole = idsOf(await store.runs(query));
        const paged = [];
        let after;
        do {
          const page = await store.runs({ ...query, limit: 7, ...(after === undefined ? {} : { after }) });
          assert.ok(page.runs.length <= 7);
          paged.push(...idsOf(page));
          after = page.next;
        } while (after !== undefined);
        assert.deepEqual(paged, whole);
      }
      assert.deepEqual(await store.runs({ limit: 1, after: "0" }), { runs: [] });
    });

    test("prune() forgets what ended before, and only that", async () => {
      const store = open();
      const wf = asking(store);
      const live = await waiting(wf);
      const first = await one(store, () => stop(), {}).run();
      assert.equal(await store.prune({ finishedBefore: new Date(0) }), 0);
      const { finishedAt } = await store.run(first.runId);
      assert.equal(await store.prune({ finishedBefore: finishedAt }), 0, "before, and not at");
      assert.equal(await store.prune({ finishedBefore: new Date(finishedAt.getTime() + 1) }), 1);
      assert.equal(await store.run(first.runId), null);
      assert.equal(await store.history(first.runId), null);
      await assert.rejects(one(store, () => stop()).attach(first.runId), { code: "ERR_BLAZEN_UNKNOWN_RUN" });
      assert.equal(await store.prune({ finishedBefore: new Date(8.64e15) }), 0, "unfinished runs stay");
      const again = await one(store, () => stop("anew")).run({}, { runId: first.runId });
      assert.deepEqual([again.data, again.runId], ["anew", first.runId]);
      await live.abort();
    });
  });

  describe(`${kind}: a run is begun once`, () => {
    test("concurrently, later, and when it has ended", async () => {
      const store = open();
      let calls = 0;
      const hold = gate();
      const wf = one(store, async ({ n }) => {
        calls += 1;
        await hold.opened;
        return stop(n);
      });
      const options = { runId: ID };
      const handlers = await Promise.all([1, 2, 3].map((n) => wf.runWithHandler({ n }, options)));
      handlers.push(await wf.runWithHandler({ n: 4 }, { runId: ID.toUpperCase() }), await wf.attach(ID));
      const runs = [wf.run({ n: 5 }, options)];
      hold.open();
      runs.push(...handlers.map((handler) => handler.result()));
      for (const run of runs) assert.deepEqual(await run, { type: "blazen::StopEvent", data: 1, runId: ID });
      const late = await wf.runWithHandler({ n: 6 }, options);
      assert.equal((await late.result()).data, 1);
      assert.equal((await wf.run({ n: 7 }, options)).data, 1);
      assert.equal(calls, 1);
      await assert.rejects(late.respondToInput("r", 1), { code: "ERR_BLAZEN_RUN_ENDED" });
      await late.abort("too late");
      assert.equal((await store.run(ID)).status, "completed");
    });

    test("also by workflows of one name that share the store", async () => {
      const store = open();
      let calls = 0;
      const workflow = () =>
        one(store, () => {
          calls += 1;
          return stop(calls);
        });
      const results = await Promise.all([1, 2, 3].map(() => workflow().run({}, { runId: ID })));
      assert.deepEqual([calls, results.map(({ data }) => data)], [1, [1, 1, 1]]);
    });

    test("a failed run stays failed, with its error", async () => {
      const store = open();
      let calls = 0;
      const wf = one(store, () => {
        calls += 1;
        throw new Error("once");
      });
      for (let n = 0; n < 3; n += 1) {
        await assert.rejects(wf.run({}, { runId: ID }), { code: "ERR_BLAZEN_STEP_FAILED", message: /once/ });
      }
      assert.equal(calls, 1);
    });

    test("and an id that another workflow's run has is refused, at work and ended", async () => {
      const store = open();
      const handler = await waiting(asking(store), {}, { runId: ID });
      const other = one(store, () => stop("another"));
      const mismatch = { code: "ERR_BLAZEN_RUN_MISMATCH" };
      await assert.rejects(other.attach(ID), mismatch);
      await assert.rejects(other.run({}, { runId: ID }), mismatch);
      await handler.respondToInput("question", 1);
      await handler.result();
      await assert.rejects(other.attach(ID), mismatch);
      await assert.rejects(other.run({}, { runId: ID }), mismatch);
    });

    test("attach() gives a run at work, with its stream from the first event on", async () => {
      const store = open();
      const wf = asking(store);
      const handler = await waiting(wf);
      const attached = await wf.attach(handler.runId);
      assert.equal((await nextEvent(attached)).request_id, "question");
      await attached.respondToInput("question", "yes");
      assert.equal((await handler.result()).data, "yes");
      const ended = await wf.attach(handler.runId);
      const { done } = await ended.streamEvents(() => assert.fail("an ended run tells nothing"));
      await done;
      await assert.rejects(ended.pause(), { code: "ERR_BLAZEN_RUN_ENDED" });
    });
  });

  describe(`${kind}: events are what they would be after a crash`, () => {
    /** What the second step receives of what the first returns. */
    const travelled = async (event) => {
      const { data } = await new Workflow("travel", { store: open() })
        .addStep("first", [START], () => event)
        .addStep("second", ["Next"], (received) =>
          stop([Object.getPrototypeOf(received) === Object.prototype, received]),
        )
        .run();
      return data;
    };

    test("a class instance, a Date and a toJSON arrive as JSON, and undefined not at all", async () => {
      class Next {
        type = "Next";
        when = new Date(0);
        none = undefined;
        list = [1, "\ud800"];
        method() {}
      }
      const json = { type: "Next", when: "1970-01-01T00:00:00.000Z", list: [1, "\ud800"] };
      assert.deepEqual(await travelled(new Next()), [true, json]);
      assert.deepEqual(await travelled({ toJSON: () => ({ type: "Next", by: "toJSON" }), type: "Next" }), [
        true,
        { type: "Next", by: "toJSON" },
      ]);
    });

    for (const [what, value] of Object.entries({
      "a function": () => {},
      "a symbol": Symbol("s"),
      "a BigInt": 5n,
      "a Map": new Map(),
      NaN: Number.NaN,
      "a Buffer": Buffer.of(1),
    })) {
      test(`${what} is refused with its path, by whoever emits it`, async () => {
        const store = open();
        const event = { type: "Next", deep: [{ value }] };
        const refused = { ...NOT_SERIALIZABLE, path: ".deep[0].value" };
        await assert.rejects(travelled(event), refused);
        const sends = one(store, async (_event, ctx) => {
          await assert.rejects(ctx.sendEvent(event), refused);
          return stop("goes on");
        });
        assert.equal((await sends.run()).data, "goes on");
        await assert.rejects(one(store, () => stop()).run({ deep: [{ value }] }), refused);
        const failed = await rejectionOf(one(store, () => stop({ value })).run());
        assert.ok(failed instanceof SerializationError);
        const { status, error } = await store.run(failed.runId);
        assert.deepEqual([status, error.code, error.path], ["failed", failed.code, failed.path]);
        const handler = await waiting(asking(store));
        await assert.rejects(handler.respondToInput("question", { value }), NOT_SERIALIZABLE);
        await handler.respondToInput("question", "still open");
        assert.equal((await handler.result()).data, "still open");
      });
    }

    test("each step has a copy of its own, and the emitter keeps what it emitted", async () => {
      const store = open();
      const event = { type: "Next", list: [] };
      const seen = [];
      const collect = async (received, ctx) => {
        received.list.push("mine");
        seen.push(received.list.length);
        const count = await ctx.state.update("count", (n) => (n ?? 0) + 1);
        return count === 4 ? stop(seen) : null;
      };
      const wf = new Workflow("copies", { store })
        .addStep("first", [START], async (_event, ctx) => {
          await ctx.sendEvent(event);
          event.list.push("changed after it was sent");
          await ctx.sendEvent({ type: "Next", list: [] });
          return null;
        })
        .addStep("one", ["Next"], collect)
        .addStep("other", ["Next"], collect);
      assert.deepEqual((await wf.run()).data, [1, 1, 1, 1]);
      assert.deepEqual(event.list, ["changed after it was sent"]);
    });
  });

  describe(`${kind}: what has been awaited is stored`, () => {
    test("a run that was begun, an event that was sent, an answer, a pause, an end", async () => {
      const store = open();
      const hold = gate();
      const sent = gate();
      const wf = new Workflow("awaited", { store })
        .addStep("send", [START], async (_event, ctx) => {
          await ctx.set("before", "the send");
          await ctx.sendEvent({ type: "Sent", n: 1 });
          const { pending, state } = await store.run(await ctx.runId());
          sent.open({ pending: pending.map(({ step }) => step), state });
          await ctx.set("after", "the send");
          await hold.opened;
          return ask("question");
        })
        .addStep("sent", ["Sent"], () => hold.opened.then(() => null))
        .addStep("hear", [RESPONSE], async ({ response }) => {
          await second.opened;
          return stop(response);
        });
      const second = gate();
      const handler = await wf.runWithHandler();
      assert.equal((await store.run(handler.runId)).status, "running");
      assert.deepEqual(await sent.opened, { pending: ["send", "sent"], state: new Map([["before", "the send"]]) });
      hold.open();
      await nextEvent(handler);
      await handler.respondToInput("question", "yes");
      const answered = await store.run(handler.runId);
      assert.deepEqual(
        [answered.inputRequests, answered.pending.map(({ step, event }) => [step, event.response])],
        [[], [["hear", "yes"]]],
      );
      const pausing = handler.pause({ graceMs: 0 });
      await pausing;
      assert.equal((await store.run(handler.runId)).status, "paused");
      assert.deepEqual((await store.runs({ status: "paused" })).runs.length, 1);
      second.open();
      await handler.resumeInPlace();
      assert.notEqual((await store.run(handler.runId)).status, "paused");
      assert.equal((await handler.result()).data, "yes");
      assert.equal((await store.run(handler.runId)).status, "completed");
    });

    for (const durability of ["sync", "async", "exit"]) {
      test(`with the durability ${durability}, a result is only given when the store has it`, async () => {
        const store = open();
        const wf = new Workflow("counts", { store, durability }).addStep(
          "count",
          [START, "Again"],
          async (event, ctx) => {
            const n = await ctx.state.update("n", (n) => (n ?? 0) + 1);
            return n < (event.most ?? 100) ? { type: "Again", most: event.most } : stop(n);
          },
        );
        const results = await Promise.all([10, 100, 500].map((most) => wf.run({ most })));
        for (const { data, runId } of results) {
          const { status, result, state } = await store.run(runId);
          assert.deepEqual([status, result, state], ["completed", data, new Map([["n", data]])]);
        }
      });

      test(`with the durability ${durability}, a pause and a failure are told when the store has them`, async () => {
        const store = open();
        const handler = await waiting(asking(store, { durability }));
        await handler.pause();
        const { status, inputRequests } = await store.run(handler.runId);
        assert.deepEqual([status, inputRequests], ["paused", [ask("question")]]);
        const resumed = await asking(store).resume(handler.runId);
        await resumed.respondToInput("question", durability);
        assert.equal((await resumed.result()).data, durability);
        assert.equal((await handler.result()).data, durability);
        const failed = await rejectionOf(one(store, () => assert.fail("no"), { durability }).run());
        assert.equal((await store.run(failed.runId)).status, "failed");
      });
    }

    test("a snapshot goes on in another store, and is stored there", async () => {
      const [from, to] = [open(), open()];
      const handler = await waiting(asking(from));
      const snapshot = await handler.pause();
      const resumed = await asking(to).resume(snapshot);
      assert.equal((await to.run(resumed.runId)).inputRequests.length, 1);
      await resumed.respondToInput("question", "elsewhere");
      assert.equal((await resumed.result()).data, "elsewhere");
      assert.deepEqual(
        [(await from.run(handler.runId)).status, (await to.run(handler.runId)).status],
        ["paused", "completed"],
      );
      await assert.rejects(asking(from).resume((await waiting(asking(from))).runId), { code: "ERR_BLAZEN_NOT_PAUSED" });
    });

    test("a snapshot of a run that the store has is refused, and the run is none the worse for it", async () => {
      const store = open();
      const wf = asking(store);
      const handler = await waiting(wf);
      const snapshot = await handler.pause();
      for (const durability of ["sync", "async", "exit"]) {
        await assert.rejects(asking(store, { durability }).resume(snapshot), { code: "ERR_BLAZEN_RUN_EXISTS" });
      }
      assert.equal(await handler.snapshot(), snapshot);
      const resumed = await wf.resume(handler.runId);
      await resumed.respondToInput("question", "yes");
      assert.equal((await resumed.result()).data, "yes");
      assert.equal((await handler.result()).data, "yes", "it is one run");
    });

    test("no handler is called by a snapshot of a run that is at work", async () => {
      const store = open();
      const calls = [];
      const [reached, released] = [gate(), gate()];
      const paying = (durability) =>
        new Workflow("paying", { store, durability })
          .addStep("order", [START], () => ({ type: "Pay" }))
          .addStep("pay", ["Pay"], async (_event, ctx) => {
            calls.push(ctx.attempt);
            if (calls.length > 1) return stop("paid");
            reached.open();
            await released.opened;
            return stop("in vain");
          });
      const handler = await paying("sync").runWithHandler();
      await reached.opened;
      const snapshot = await handler.pause({ graceMs: 0 });
      for (const durability of ["sync", "async", "exit"]) {
        await assert.rejects(paying(durability).resume(snapshot), { code: "ERR_BLAZEN_RUN_EXISTS" });
      }
      await handler.resumeInPlace();
      assert.equal((await handler.result()).data, "paid");
      assert.deepEqual(calls, [1, 2]);
      await assert.rejects(
        paying("async").resume(snapshot),
        { code: "ERR_BLAZEN_RUN_EXISTS" },
        "also once it has ended",
      );
      released.open();
    });

    test("what came together from many steps, in whatever order they wrote", async () => {
      const store = open();
      const wf = new Workflow("join", { store })
        .addStep("fan", [START], () => Array.from({ length: 50 }, (_, n) => ({ type: "Item", n })))
        .addStep("work", ["Item"], async ({ n }, ctx) => {
          await ctx.set(`part ${n}`, n);
          if (n % 3 === 0) await turn();
          const parts = await ctx.state.update("parts", (parts) => [...(parts ?? []), n]);
          if (parts.length % 2 === 0) await ctx.state.remove(`part ${n}`);
          return parts.length === 50 ? { type: "Joined" } : null;
        })
        .addStep("join", ["Joined"], async (_event, ctx) => stop((await ctx.get("parts")).sort((a, b) => a - b)));
      const { data, runId } = await wf.run();
      assert.deepEqual(
        data,
        Array.from({ length: 50 }, (_, n) => n),
      );
      const { state } = await store.run(runId);
      assert.deepEqual([state.size, state.get("parts").length], [26, 50]);
    });
  });

  describe(`${kind}: closing`, () => {
    test("a run at work fails when it next has something to write, and the store is closed for all", async () => {
      const store = open();
      const closed = { code: "ERR_BLAZEN_STORE_CLOSED" };
      const began = gate();
      const hold = gate();
      const wf = one(store, async () => {
        began.open();
        await hold.opened;
        return stop();
      });
      const handler = await wf.runWithHandler();
      await began.opened;
      await store.close();
      hold.open();
      await assert.rejects(handler.result(), { ...closed, runId: handler.runId });
      for (const call of [
        () => store.run(NOBODY),
        () => store.history(NOBODY),
        () => store.runs(),
        () => store.prune({ finishedBefore: new Date() }),
        () => wf.run(),
        () => wf.runWithHandler(),
        () => wf.runWithHandler({}, { runId: NOBODY }),
        () => wf.attach(NOBODY),
        () => wf.recover(),
      ]) {
        await assert.rejects(call, closed, String(call));
      }
    });

    test("what was asked for before is done", async () => {
      const store = open();
      const results = Array.from({ length: 20 }, () => one(store, () => stop("done")).runWithHandler());
      const handlers = await Promise.all(results);
      await Promise.all(handlers.map((handler) => handler.result()));
      const [runs] = await Promise.all([store.runs(), store.close()]);
      assert.equal(runs.runs.length, 20);
    });

    test("a store that is closed twice is closed", async () => {
      const store = open();
      await Promise.all([store.close(), store.close()]);
      await store.close();
    });
  });

  test(`${kind}: AsyncLocalStorage of whoever starts a run reaches its handlers`, async () => {
    const storage = new AsyncLocalStorage();
    const wf = new Workflow("context", { store: open() })
      .addStep("first", [START], async (_event, ctx) => {
        const seen = [storage.getStore()];
        await ctx.sendEvent({ type: "Sent" });
        seen.push(storage.getStore());
        return { type: "Next", seen };
      })
      .addStep("sent", ["Sent"], () => null)
      .addStep("next", ["Next"], ({ seen }) => stop([...seen, storage.getStore()]));
    const runs = ["one", "other"].map((name) => storage.run(name, () => wf.run()));
    assert.deepEqual(
      (await Promise.all(runs)).map(({ data }) => data),
      [
        ["one", "one", "one"],
        ["other", "other", "other"],
      ],
    );
    assert.equal(storage.getStore(), undefined);
  });
}

test("what needs a store says so without one", async () => {
  const wf = new Workflow("none").addStep("only", [START], () => stop());
  await assert.rejects(wf.recover(), { code: "ERR_BLAZEN_NO_STORE" });
});
