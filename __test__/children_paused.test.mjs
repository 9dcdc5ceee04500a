// What becomes of children when those who run them are paused, and resumed from a snapshot.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { SqliteStore, Workflow } from "blazen";
import { ask, gate, KINDS, newFile, quiet, RESPONSE, rejectionOf, START, stop, test } from "./stores/harness.mjs";

const never = () => new Promise(() => {});
const STORES = { "in memory": () => undefined, ...KINDS };

/** A workflow of one step. */
const only = (name, handler, options, step) => new Workflow(name, options).addStep("only", [START], handler, step);

/** A child of two steps, of which the first waits for `hold`, and its parent; `log` is what they do. */
function family({ store, hold = () => {}, log = [], options = {} }) {
  const child = new Workflow("child", { store, ...options })
    .addStep("first", [START], async (_event, ctx) => {
      log.push(`first ${ctx.attempt}`);
      await hold(ctx);
      return { type: "Next" };
    })
    .addStep("second", ["Next"], (_event, ctx) => {
      log.push(`second ${ctx.attempt}`);
      return stop("result");
    });
  const parent = only(
    "parent",
    async (_event, ctx) => {
      log.push(`parent ${ctx.attempt}`);
      ctx.signal.addEventListener("abort", () => log.push(ctx.signal.reason.code));
      return stop((await ctx.runWorkflow(child)).data);
    },
    { store, ...options },
  );
  return { child, parent, log };
}

/** The same, whose child stands still in its first step until it is let go. */
function standingStill(options) {
  const [begun, held] = [gate(), gate()];
  const hold = () => {
    begun.open();
    return held.opened;
  };
  return { ...family({ ...options, hold }), begun: begun.opened, letGo: held.open };
}

describe("a pause of a run whose handler waits for a child", () => {
  for (const [where, open] of Object.entries(STORES)) {
    test(`waits for what the child has in flight, and for nothing more, ${where}`, async () => {
      const store = open();
      const { parent, log, begun, letGo } = standingStill({ store });
      const handler = await parent.runWithHandler();
      await begun;
      const pausing = handler.pause();
      await quiet();
      letGo();
      await pausing;
      assert.deepEqual(log, ["parent 1", "first 1", "ERR_BLAZEN_PAUSED"]);
      await quiet();
      await handler.resumeInPlace();
      assert.equal((await handler.result()).data, "result");
      assert.deepEqual(log.slice(3), ["parent 2", "second 1"]);
      await store?.close();
    });

    test(`passes its grace down, ${where}`, async () => {
      const store = open();
      const begun = gate();
      let attempt = 0;
      const { parent, log } = family({
        store,
        hold: () => {
          attempt += 1;
          begun.open();
          return attempt === 1 ? never() : undefined;
        },
      });
      const handler = await parent.runWithHandler();
      await begun.opened;
      await handler.pause({ graceMs: 5 });
      await handler.resumeInPlace();
      assert.equal((await handler.result()).data, "result");
      assert.deepEqual(log, ["parent 1", "first 1", "ERR_BLAZEN_PAUSED", "parent 2", "first 2", "second 1"]);
      await store?.close();
    });
  }

  test("that is taken back goes on with the child, and calls no handler again", async () => {
    const { parent, log, begun, letGo } = standingStill();
    const handler = await parent.runWithHandler();
    await begun;
    const refused = rejectionOf(handler.pause());
    await quiet();
    await handler.resumeInPlace();
    assert.equal((await refused).code, "ERR_BLAZEN_NOT_PAUSED");
    letGo();
    assert.equal((await handler.result()).data, "result");
    assert.deepEqual(log, ["parent 1", "first 1", "second 1"]);
  });

  test("begins no other child, and begins it when it is taken back", async () => {
    const [begun, held, other] = [gate(), gate(), gate()];
    const first = only("first", async () => {
      begun.open();
      await held.opened;
      return stop(1);
    });
    const second = only("second", () => {
      other.open();
      return stop(2);
    });
    const attempts = [];
    const parent = new Workflow("parent")
      .addStep("run", [START], async (_event, ctx) => {
        attempts.push(ctx.attempt);
        const one = (await ctx.runWorkflow(first)).data;
        return stop(one + (await ctx.runWorkflow(second)).data);
      })
      .addStep("watch", [START], () => other.opened.then(() => null));
    const handler = await parent.runWithHandler();
    await begun.opened;
    const pausing = rejectionOf(handler.pause());
    held.open();
    await quiet();
    await handler.resumeInPlace();
    await pausing;
    assert.equal((await handler.result()).data, 3);
    assert.deepEqual(attempts, [1, 2], "cut short before the second, which found the first");
  });

  test("is refused if the child cannot be paused, and all go on", async () => {
    const [begun, held] = [gate(), gate()];
    const child = new Workflow("child", { sessionPausePolicy: "hard_error" })
      .addStep("first", [START], async (_event, ctx) => {
        await ctx.session.set("connection", 1);
        begun.open();
        await held.opened;
        return { type: "Next" };
      })
      .addStep("second", ["Next"], () => stop("result"));
    const parent = only("parent", async (_event, ctx) => stop((await ctx.runWorkflow(child)).data));
    const handler = await parent.runWithHandler();
    await begun.opened;
    assert.equal((await rejectionOf(handler.pause())).code, "ERR_BLAZEN_SESSION_NOT_EMPTY");
    held.open();
    assert.equal((await handler.result()).data, "result");
  });

  test("and is aborted then takes the child with it", async () => {
    const store = KINDS.SqliteStore();
    const [begun, held] = [gate(), gate()];
    const { child, parent } = family({
      store,
      hold: async (ctx) => {
        begun.open(await ctx.runId());
        await held.opened;
      },
    });
    const handler = await parent.runWithHandler();
    const childId = await begun.opened;
    held.open();
    await handler.pause();
    assert.equal((await store.run(childId)).status, "paused");
    await handler.abort();
    assert.equal((await rejectionOf((await child.attach(childId)).result())).code, "ERR_BLAZEN_ABORTED");
    await store.close();
  });

  for (const durability of ["sync", "async", "exit"]) {
    test(`keeps it in the store, where a later process finds it, with durability "${durability}"`, async () => {
      const path = newFile();
      const log = [];
      const before = SqliteStore.open(path);
      const { parent, begun, letGo } = standingStill({ store: before, options: { durability }, log });
      const handler = await parent.runWithHandler();
      await begun;
      const pausing = handler.pause();
      letGo();
      await pausing;
      await before.close();
      const store = SqliteStore.open(path);
      const later = family({ store, options: { durability }, log }).parent;
      assert.deepEqual(await later.recover(), []);
      const resumed = await later.resume(handler.runId);
      assert.equal((await resumed.result()).data, "result");
      assert.deepEqual(log, ["parent 1", "first 1", "ERR_BLAZEN_PAUSED", "parent 2", "second 1"]);
      assert.equal((await store.runs({ status: "completed" })).runs.length, 2);
      await store.close();
    });
  }
});

describe("a snapshot of a run whose handler waits for children", () => {
  /** The snapshot of a parent that has had one child and waits for another, and what has begun so far. */
  async function halfWay(options = {}) {
    const begun = [];
    const [at, held] = [gate(), gate()];
    const handler = await build({
      begun,
      hold: () => {
        at.open();
        return held.opened;
      },
      ...options,
    }).runWithHandler();
    await at.opened;
    const pausing = handler.pause();
    held.open();
    return { snapshot: await pausing, begun };
  }

  /** A parent that runs one child, and then another, `depth` runs above the one that holds. */
  function build({ begun, hold = () => {}, store, depth = 0 }) {
    const first = only(
      "first",
      (_event, ctx) => {
        begun.push(`first ${ctx.attempt}`);
        return stop({ b: 1, 1: "one" });
      },
      { store },
    );
    const second = new Workflow("second", { store })
      .addStep("begin", [START], async (_event, ctx) => {
        begun.push(`second ${ctx.attempt}`);
        await ctx.set("kept", "in its state");
        await hold();
        return { type: "Next" };
      })
      .addStep("end", ["Next"], async (_event, ctx) => stop(await ctx.get("kept")));
    const below = depth === 0 ? second : build({ begun, hold, store, depth: depth - 1 });
    return only(
      `parent ${depth}`,
      async (_event, ctx) => stop([(await ctx.runWorkflow(first)).data, (await ctx.runWorkflow(below)).data]),
      { store },
    );
  }

  const RESULT = [{ b: 1, 1: "one" }, "in its state"];

  test("has them in it, and goes on with them elsewhere", async () => {
    const { snapshot, begun } = await halfWay();
    const resumed = await build({ begun }).resume(snapshot);
    assert.deepEqual((await resumed.result()).data, RESULT);
    assert.deepEqual(begun, ["first 1", "second 1"]);
  });

  test("is resumed twice, each with children of its own", async () => {
    const { snapshot, begun } = await halfWay();
    const handlers = [await build({ begun }).resume(snapshot), await build({ begun }).resume(snapshot)];
    for (const handler of handlers) assert.deepEqual((await handler.result()).data, RESULT);
    assert.deepEqual(begun, ["first 1", "second 1"]);
  });

  test("has the children of children in it", async () => {
    const { snapshot, begun } = await halfWay({ depth: 2 });
    const resumed = await build({ begun, depth: 2 }).resume(snapshot);
    assert.deepEqual((await resumed.result()).data, [RESULT[0], [RESULT[0], RESULT]]);
    assert.deepEqual(begun, ["first 1", "first 1", "first 1", "second 1"]);
  });

  test("goes on in a store, which then has the children", async () => {
    const { snapshot, begun } = await halfWay();
    const store = KINDS.SqliteStore();
    const resumed = await build({ begun, store }).resume(snapshot);
    assert.deepEqual((await resumed.result()).data, RESULT);
    assert.deepEqual(begun, ["first 1", "second 1"]);
    assert.equal((await store.runs({ workflow: "second", status: "completed" })).runs.length, 1);
    await store.close();
  });

  test("out of a store goes on in memory", async () => {
    const store = KINDS.SqliteStore();
    const { snapshot, begun } = await halfWay({ store });
    await store.close();
    const resumed = await build({ begun }).resume(snapshot);
    assert.deepEqual((await resumed.result()).data, RESULT);
    assert.deepEqual(begun, ["first 1", "second 1"]);
  });

  test("of one that has a store gives way to what the store has of the child", async () => {
    const store = KINDS.SqliteStore();
    const [begun, held] = [gate(), gate()];
    const { child } = family({
      store,
      hold: async (ctx) => {
        begun.open(await ctx.runId());
        await held.opened;
      },
    });
    const build = () => only("parent", async (_event, ctx) => stop((await ctx.runWorkflow(child)).data));
    const handler = await build().runWithHandler();
    const childId = await begun.opened;
    held.open();
    const snapshot = await handler.pause();
    const alone = await child.resume(childId);
    await alone.result();
    const resumed = await build().resume(snapshot);
    assert.equal((await resumed.result()).data, "result");
    await store.close();
  });

  test("is taken only if what has come of a child is JSON", async () => {
    const [at, held] = [gate(), gate()];
    const map = only("map", () => stop(new Map()));
    const slow = new Workflow("slow")
      .addStep("first", [START], async () => {
        at.open();
        await held.opened;
        return { type: "Next" };
      })
      .addStep("second", ["Next"], () => stop("result"));
    const parent = only("parent", async (_event, ctx) => {
      const { data } = await ctx.runWorkflow(map);
      return stop([data.size, (await ctx.runWorkflow(slow)).data]);
    });
    const handler = await parent.runWithHandler();
    await at.opened;
    const refused = rejectionOf(handler.pause());
    held.open();
    assert.equal((await refused).code, "ERR_BLAZEN_NOT_SERIALIZABLE");
    assert.deepEqual((await handler.result()).data, [0, "result"]);
  });

  test("is refused if a child in it is another run's, or none", async () => {
    const { snapshot, begun } = await halfWay();
    const workflow = build({ begun });
    const changed = (change) => {
      const document = JSON.parse(snapshot);
      change(document.metadata.children);
      return JSON.stringify(document);
    };
    for (const change of [
      (children) => children[1].generation++,
      (children) => children[1].position--,
      (children) => children[1].delivery++,
      (children) => delete children[1].snapshot,
      (children) => delete children[1].snapshot.run_id,
      (children) => {
        children[1].snapshot.pending_events = 5;
      },
      (children) => {
        children[0].status = "failed";
      },
      (children) => Object.assign(children[0], { status: "failed", error: {} }),
      (children) => children.push(null),
      (children) => children.push({}),
    ]) {
      const refused = await rejectionOf(workflow.resume(changed(change)));
      assert.equal(refused.code, "ERR_BLAZEN_SNAPSHOT_INVALID", String(change));
    }
  });

  test("has none of them once the handler has settled", async () => {
    const child = only("child", () => stop("large"));
    const parent = new Workflow("parent")
      .addStep(
        "run",
        [START],
        async (_event, ctx) => {
          await ctx.runWorkflow(child);
          if (ctx.attempt === 1) throw new Error("again");
          return ask("question");
        },
        { retry: { maxAttempts: 2, initialDelayMs: 0 } },
      )
      .addStep("hear", [RESPONSE], ({ response }) => stop(response));
    const handler = await parent.runWithHandler();
    await new Promise((resolve) => void handler.streamEvents(resolve));
    const snapshot = JSON.parse(await handler.pause());
    assert.equal(snapshot.metadata.children, undefined);
    await handler.abort();
  });
});
