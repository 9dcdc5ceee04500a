// What becomes of children when those who run them end, and the other way round; what they ask.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { AbortedError, SqliteStore, StepError, StepTimeoutError, TimeoutError, Workflow } from "blazen";
import { ask, gate, KINDS, newFile, RESPONSE, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";

const never = () => new Promise(() => {});
const STORES = { "in memory": () => undefined, ...KINDS };

/** A workflow of one step. */
const only = (name, handler, options, step) => new Workflow(name, options).addStep("only", [START], handler, step);

/** A child that says that it is at work, and then goes on until it is aborted. */
function endless(store) {
  const begun = gate();
  const aborted = gate();
  const child = only(
    "endless",
    async (_event, ctx) => {
      ctx.signal.addEventListener("abort", () => aborted.open(ctx.signal.reason));
      begun.open(await ctx.runId());
      await never();
    },
    { store },
  );
  return { child, begun: begun.opened, aborted: aborted.opened };
}

describe("a child at work", () => {
  for (const [where, open] of Object.entries(STORES)) {
    test(`is aborted with its parent, and that is why, ${where}`, async () => {
      const store = open();
      const { child, begun, aborted } = endless(store);
      const parent = only("parent", async (_event, ctx) => stop(await ctx.runWorkflow(child)), { store });
      const handler = await parent.runWithHandler();
      const childId = await begun;
      const reason = new Error("enough");
      await handler.abort(reason);
      const failure = await rejectionOf(handler.result());
      assert.equal(failure.cause, reason);
      const failureOfChild = await aborted;
      assert.ok(failureOfChild instanceof AbortedError);
      assert.equal(failureOfChild.cause, failure);
      assert.equal(failureOfChild.runId, childId);
      if (store === undefined) return;
      while ((await store.run(childId)).status === "running") await turn();
      assert.equal((await store.run(childId)).status, "cancelled");
      await store.close();
    });
  }

  test("is cancelled in its store before that can be closed", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { child, begun } = endless(before);
    const parent = new Workflow("parent", { store: before })
      .addStep("run", [START], async (_event, ctx) => stop(await ctx.runWorkflow(child)))
      .addStep("end", [START], () => begun.then(stop));
    const { data: childId } = await parent.run();
    await before.close();
    const store = SqliteStore.open(path);
    assert.equal((await store.run(childId)).status, "cancelled");
    await store.close();
  });

  test("is aborted when its parent runs out of time", async () => {
    const { child, aborted } = endless();
    const parent = only("parent", async (_event, ctx) => stop(await ctx.runWorkflow(child)), { timeout: 0.05 });
    await rejectionOf(parent.run());
    assert.ok((await aborted).cause instanceof TimeoutError);
  });

  test("is aborted when another handler of its parent fails, or ends the run", async () => {
    for (const other of [() => Promise.reject(new Error("elsewhere")), () => stop("done")]) {
      const { child, begun, aborted } = endless();
      const parent = new Workflow("parent")
        .addStep("run", [START], async (_event, ctx) => stop(await ctx.runWorkflow(child)))
        .addStep("other", [START], () => begun.then(other));
      const failure = await parent.run().then(
        () => undefined,
        (error) => error,
      );
      const { cause } = await aborted;
      if (failure === undefined) assert.equal(cause.code, "ERR_BLAZEN_RUN_ENDED");
      else assert.equal(cause, failure);
    }
  });

  test("is aborted with the child that runs it", async () => {
    const { child, begun, aborted } = endless();
    const middle = only("middle", async (_event, ctx) => stop(await ctx.runWorkflow(child)));
    const parent = only("parent", async (_event, ctx) => stop(await ctx.runWorkflow(middle)));
    const handler = await parent.runWithHandler();
    await begun;
    await handler.abort();
    assert.equal((await aborted).cause.cause, await rejectionOf(handler.result()));
  });

  for (const [where, open] of Object.entries(STORES)) {
    test(`is aborted when the handler returns without it, ${where}`, async () => {
      const store = open();
      const { child, begun, aborted } = endless(store);
      const quick = only("quick", () => stop("quick"), { store });
      const parent = new Workflow("parent", { store })
        .addStep("race", [START], async (_event, ctx) => {
          const slow = ctx.runWorkflow(child);
          await begun;
          const { data } = await Promise.race([slow, ctx.runWorkflow(quick)]);
          return { type: "Won", data };
        })
        .addStep("wait", ["Won"], async ({ data }) => {
          assert.equal((await aborted).cause.code, "ERR_BLAZEN_DELIVERY_SETTLED");
          return stop(data);
        });
      assert.equal((await parent.run()).data, "quick");
      await store?.close();
    });
  }

  test("is aborted when the attempt takes too long, and the next begins another", async () => {
    const reasons = [];
    const child = only("slow", async ({ attempt }, ctx) => {
      if (attempt === 2) return stop("quick");
      ctx.signal.addEventListener("abort", () => reasons.push(ctx.signal.reason.cause.cause));
      await never();
    });
    const parent = only(
      "parent",
      async (_event, ctx) => stop((await ctx.runWorkflow(child, { attempt: ctx.attempt })).data),
      {},
      { timeout: 30, retry: { maxAttempts: 2, initialDelayMs: 0 } },
    );
    assert.equal((await parent.run()).data, "quick");
    const [{ cause }] = reasons;
    assert.ok(cause instanceof StepTimeoutError);
  });

  test("and then its next is begun after a crash as well", async () => {
    const path = newFile();
    const { open, opened } = gate();
    const build = (store) => {
      const child = only("slow", ({ attempt }) => (attempt === 1 ? never() : stop("quick")), { store });
      return only(
        "parent",
        async (_event, ctx) => {
          if (ctx.attempt === 2) {
            open();
            await never();
          }
          return stop([(await ctx.runWorkflow(child, { attempt: ctx.attempt })).data, ctx.attempt]);
        },
        { store },
        { timeout: 300, retry: { maxAttempts: 9, initialDelayMs: 0 } },
      );
    };
    const before = SqliteStore.open(path);
    await build(before).runWithHandler();
    await opened;
    while ((await before.runs({ status: "cancelled" })).runs.length === 0) await turn();
    await before.close();
    const store = SqliteStore.open(path);
    const [handler] = await build(store).recover();
    assert.deepEqual((await handler.result()).data, ["quick", 3]);
    await store.close();
  });
});

describe("a child that fails", () => {
  for (const [where, open] of Object.entries(STORES)) {
    test(`fails the handler that runs it with its own error, ${where}`, async () => {
      const store = open();
      let childId;
      const child = only(
        "child",
        async (_event, ctx) => {
          childId = await ctx.runId();
          throw new RangeError("inner");
        },
        { store },
      );
      const parent = only("parent", async (_event, ctx) => stop(await ctx.runWorkflow(child)), { store });
      const failure = await rejectionOf(parent.run());
      assert.ok(failure instanceof StepError && failure.cause instanceof StepError);
      assert.equal(failure.cause.cause.message, "inner");
      assert.equal(failure.cause.runId, childId);
      assert.notEqual(failure.runId, childId);
      await store?.close();
    });
  }

  test("may be caught", async () => {
    const child = only("child", () => Promise.reject(new Error("inner")));
    const parent = only("parent", async (_event, ctx) => {
      const failure = await rejectionOf(ctx.runWorkflow(child));
      return stop([failure.code, (await ctx.runWorkflow(only("other", () => stop("other")))).data]);
    });
    assert.deepEqual((await parent.run()).data, ["ERR_BLAZEN_STEP_FAILED", "other"]);
  });

  test("since somebody aborts it rejects as well", async () => {
    const store = KINDS.MemoryStore();
    const { child, begun } = endless(store);
    const parent = only("parent", async (_event, ctx) => stop((await rejectionOf(ctx.runWorkflow(child))).code), {
      store,
    });
    const running = parent.run();
    await (await child.attach(await begun)).abort();
    assert.equal((await running).data, "ERR_BLAZEN_ABORTED");
    await store.close();
  });
});

describe("an input request of a child", () => {
  const asking = (store) =>
    new Workflow("asking", { store })
      .addStep("ask", [START], async (_event, ctx) => {
        await ctx.writeEventToStream({ type: "Own" });
        return ask("question");
      })
      .addStep("hear", [RESPONSE], ({ response }) => stop(response));

  const parentOf = (child, store) =>
    only("parent", async (_event, ctx) => stop((await ctx.runWorkflow(child)).data), { store });

  for (const [where, open] of Object.entries(STORES)) {
    test(`is heard and answered through its parent, at any depth, ${where}`, async () => {
      const store = open();
      const parent = parentOf(
        only("middle", async (_event, ctx) => stop((await ctx.runWorkflow(asking(store))).data), { store }),
        store,
      );
      const handler = await parent.runWithHandler();
      const heard = [];
      for await (const event of handler) {
        heard.push(event);
        if (event.type === "blazen::InputRequestEvent") await handler.respondToInput(event.request_id, "answer");
      }
      assert.equal((await handler.result()).data, "answer");
      assert.deepEqual(heard, [ask("question")], "what else the child tells is its own");
      await store?.close();
    });
  }

  test("is answered once", async () => {
    const handler = await parentOf(asking()).runWithHandler();
    await new Promise((resolve) => void handler.streamEvents(resolve));
    await handler.respondToInput("question", "answer");
    const refused = await rejectionOf(handler.respondToInput("question", "answer"));
    assert.match(refused.code, /ERR_BLAZEN_(UNKNOWN_REQUEST|RUN_ENDED)/);
    assert.equal((await handler.result()).data, "answer");
  });

  test("is heard again after a pause elsewhere and after a crash", async () => {
    const first = await parentOf(asking()).runWithHandler();
    await new Promise((resolve) => void first.streamEvents(resolve));
    const resumed = await parentOf(asking()).resume(await first.pause());
    await new Promise((resolve) => void resumed.streamEvents(resolve));
    await resumed.respondToInput("question", "elsewhere");
    assert.equal((await resumed.result()).data, "elsewhere");

    const path = newFile();
    const before = SqliteStore.open(path);
    const lost = await parentOf(asking(before), before).runWithHandler();
    await new Promise((resolve) => void lost.streamEvents(resolve));
    await before.close();
    const store = SqliteStore.open(path);
    const child = asking(store);
    await child.recover();
    const [recovered] = await parentOf(child, store).recover();
    await new Promise((resolve) => void recovered.streamEvents(resolve));
    await recovered.respondToInput("question", "later");
    assert.equal((await recovered.result()).data, "later");
    await store.close();
  });

  test("that nobody could answer fails the child, and not in silence", async () => {
    const failure = await rejectionOf(parentOf(asking()).run());
    assert.equal(failure.cause.code, "ERR_BLAZEN_NOBODY_TAKES_ANSWERS");
  });

  test("of the parent comes before one of the same name", async () => {
    const child = asking();
    const parent = new Workflow("parent")
      .addStep("run", [START], async (_event, ctx) => {
        const both = ctx.runWorkflow(child);
        await ctx.sendEvent(ask("question"));
        return stop([await ctx.get("heard"), (await both).data]);
      })
      .addStep("hear", [RESPONSE], async ({ response }, ctx) => {
        await ctx.set("heard", response);
        return null;
      });
    const handler = await parent.runWithHandler();
    let answers = 0;
    for await (const { request_id } of handler) {
      answers += 1;
      if (answers < 2) continue;
      await handler.respondToInput(request_id, "to the parent");
      await handler.respondToInput(request_id, "to the child");
    }
    assert.equal((await handler.result()).data[1], "to the child");
  });
});
