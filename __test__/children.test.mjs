// Runs that are run by the handlers of other runs: what comes of them, and that each is begun once.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe } from "node:test";
import { NonRetryableError, SqliteStore, StepError, Workflow } from "blazen";
import { gate, KINDS, newFile, quiet, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";
import { inEveryWay } from "./ways/harness.mjs";

const UUID_8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const never = () => new Promise(() => {});
const NOW = { maxAttempts: 3, initialDelayMs: 0, jitter: 0 };

/** A workflow of one step. */
const only = (name, handler, options, step) => new Workflow(name, options).addStep("only", [START], handler, step);

/** A workflow of two steps that doubles a number. */
const doubling = (store, begun = () => {}) =>
  new Workflow("doubling", { store })
    .addStep("begin", [START], async ({ n }, ctx) => {
      await begun(n, ctx);
      await turn();
      return { type: "Double", n };
    })
    .addStep("double", ["Double"], ({ n }) => stop(n * 2));

describe("a handler that runs another workflow", () => {
  inEveryWay("has its result", {
    restless: true,
    build: ({ store, pass }) => {
      const child = doubling(store, pass);
      return only("parent", async ({ n }, ctx) => stop((await ctx.runWorkflow(child, { n })).data + 1), { store });
    },
    input: { n: 20 },
    expect: 41,
  });

  inEveryWay("runs several one after another and at once", {
    restless: true,
    build: ({ store, pass }) => {
      const child = doubling(store, (n) => n === 3 && pass());
      return only(
        "parent",
        async (_event, ctx) => {
          const first = (await ctx.runWorkflow(child, { n: 1 })).data;
          const both = await Promise.all([2, 3].map((n) => ctx.runWorkflow(child, { n })));
          return stop([first, ...both.map(({ data }) => data)]);
        },
        { store },
      );
    },
    expect: [2, 4, 6],
  });

  inEveryWay("runs a hundred at once", {
    restless: true,
    build: ({ store, pass }) => {
      const child = doubling(store, (n) => n === 50 && pass());
      return only(
        "parent",
        async (_event, ctx) => {
          const all = Array.from({ length: 100 }, (_, n) => ctx.runWorkflow(child, { n }));
          return stop((await Promise.all(all)).reduce((sum, { data }) => sum + data, 0));
        },
        { store },
      );
    },
    expect: 9_900,
  });

  inEveryWay("runs one that runs one that runs one", {
    restless: true,
    build: ({ store, pass }) => {
      const level = (depth) =>
        new Workflow(`level ${depth}`, { store })
          .addStep("go down", [START], async (_event, ctx) => {
            if (depth === 3) pass();
            const below = depth === 3 ? [] : (await ctx.runWorkflow(level(depth + 1))).data;
            return { type: "Came", below };
          })
          .addStep("come up", ["Came"], ({ below }) => stop([depth, ...below]));
      return level(0);
    },
    expect: [0, 1, 2, 3],
  });

  inEveryWay("and has failed finds those that have completed, and begins those that have failed anew", {
    restless: true,
    build: ({ store, pass }) => {
      const steady = doubling(store, async (_n, ctx) => assert.equal(ctx.attempt, 1));
      const shaky = new Workflow("shaky", { store })
        .addStep("begin", [START], ({ attempt }) => ({ type: "Go", attempt }))
        .addStep("fail", ["Go"], async ({ attempt }) => {
          if (attempt === 1) throw new Error("shaken");
          pass();
          await turn();
          return { type: "Gone", attempt };
        })
        .addStep("end", ["Gone"], ({ attempt }) => stop(attempt));
      return only(
        "parent",
        async (_event, ctx) => {
          const one = await ctx.runWorkflow(steady, { n: ctx.attempt });
          const other = await ctx.runWorkflow(shaky, { attempt: ctx.attempt });
          return stop([one.data, other.data]);
        },
        { store },
        { retry: { ...NOW, maxAttempts: 9 } },
      );
    },
    expect: [2, 2],
  });

  test("gets what run() would give, with the id of the child", async () => {
    const child = doubling();
    const { data, runId } = await only("parent", async (_event, ctx) =>
      stop(await ctx.runWorkflow(child, { n: 1 })),
    ).run();
    assert.deepEqual({ ...data, runId: "" }, { type: "blazen::StopEvent", data: 2, runId: "" });
    assert.match(data.runId, UUID_8);
    assert.notEqual(data.runId, runId);
  });

  test("in memory gets the very object, as from a step", async () => {
    const result = new Map();
    const child = only("child", () => stop(result));
    let got;
    await only("parent", async (_event, ctx) => {
      got = (await ctx.runWorkflow(child)).data;
      return stop();
    }).run();
    assert.equal(got, result);
  });

  test("gives it its asynchronous context", async () => {
    const storage = new AsyncLocalStorage();
    for (const store of [undefined, KINDS.MemoryStore(), KINDS.SqliteStore()]) {
      const child = only("child", () => stop(storage.getStore()), { store });
      const parent = only(
        "parent",
        (_event, ctx) => storage.run("inner", async () => stop((await ctx.runWorkflow(child)).data)),
        { store },
      );
      assert.equal((await storage.run("outer", () => parent.run())).data, "inner");
      await store?.close();
    }
  });

  test("may have no store and run one that has", async () => {
    const store = KINDS.MemoryStore();
    const child = doubling(store);
    const { data } = await only("parent", async (_event, ctx) => stop(await ctx.runWorkflow(child, { n: 1 }))).run();
    assert.equal((await store.run(data.runId)).status, "completed");
    await store.close();
  });

  for (const [what, other] of [
    ["none", () => undefined],
    ["another store", KINDS.MemoryStore],
  ]) {
    test(`and has a store is refused one that has ${what}`, async () => {
      const store = KINDS.MemoryStore();
      const child = doubling(other());
      const parent = only(
        "parent",
        async (_event, ctx) => stop((await rejectionOf(ctx.runWorkflow(child, { n: 1 }))).message),
        { store },
      );
      assert.match((await parent.run()).data, /workflow "parent" has a store, and workflow "doubling".*the same/);
      assert.throws(
        () => new Workflow("parent", { store }).addSubworkflowStep("run", [START], child, { emits: "Doubled" }),
        { code: "ERR_BLAZEN_INVALID_ARGUMENT" },
      );
      await store.close();
    });
  }

  test("may run its own workflow, 32 deep", async () => {
    const parent = only("recursive", async ({ n }, ctx) =>
      stop(n === 0 ? 0 : 1 + (await ctx.runWorkflow(parent, { n: n - 1 })).data),
    );
    assert.equal((await parent.run({ n: 32 })).data, 32);
    let failure = await rejectionOf(parent.run({ n: 33 }));
    for (; failure instanceof StepError; failure = failure.cause);
    assert.equal(failure.code, "ERR_BLAZEN_TOO_DEEP");
  });

  test("gives its child an input that the child takes, or is told", async () => {
    const child = doubling();
    const parent = only("parent", async (_event, ctx) =>
      stop([
        (await rejectionOf(ctx.runWorkflow(child, { type: "Mine" }))).code,
        (await rejectionOf(ctx.runWorkflow("doubling"))).code,
        (await ctx.runWorkflow(child, { n: 4 })).data,
      ]),
    );
    const refused = "ERR_BLAZEN_INVALID_ARGUMENT";
    assert.deepEqual((await parent.run()).data, [refused, refused, 8]);
  });

  test("that has settled runs nothing any more", async () => {
    const { open, opened } = gate();
    let late;
    const parent = new Workflow("parent")
      .addStep("leave", [START], (_event, ctx) => {
        late = opened.then(() => ctx.runWorkflow(doubling(), { n: 1 }));
        late.catch(() => {});
        return { type: "Left" };
      })
      .addStep("stay", ["Left"], async () => {
        open();
        return stop((await rejectionOf(late)).code);
      });
    assert.equal((await parent.run()).data, "ERR_BLAZEN_DELIVERY_SETTLED");
  });
});

describe("a child that has begun", () => {
  /** A parent whose child counts in `starts` how often it begins, and is then held up by `hold`. */
  const counting = (store, starts, hold, options) => {
    const child = new Workflow("child", { store })
      .addStep("first", [START], () => {
        starts.push("child");
        return { type: "Next" };
      })
      .addStep("second", ["Next"], async (_event, ctx) => {
        await hold(ctx);
        return stop(ctx.attempt);
      });
    const parent = only(
      "parent",
      async (_event, ctx) => stop([(await ctx.runWorkflow(child)).data, ctx.attempt]),
      { store },
      options,
    );
    return { child, parent };
  };

  /** Begins a run of the parent, and loses it when its child holds. Gives the path of the store. */
  async function lost(starts) {
    const path = newFile();
    const { open, opened } = gate();
    const store = SqliteStore.open(path);
    const { parent } = counting(store, starts, () => {
      open();
      return never();
    });
    await parent.runWithHandler();
    await opened;
    await store.close();
    return path;
  }

  test("is found again after a crash and not started twice", async () => {
    const starts = [];
    const store = SqliteStore.open(await lost(starts));
    const [handler] = await counting(store, starts, () => {}).parent.recover();
    assert.deepEqual((await handler.result()).data, [2, 2]);
    assert.deepEqual(starts, ["child"]);
    assert.equal((await store.runs()).runs.length, 2);
    await store.close();
  });

  test("may be recovered before its parent, which finds it at work", async () => {
    const starts = [];
    const store = SqliteStore.open(await lost(starts));
    const { open, opened } = gate();
    const { child, parent } = counting(store, starts, () => opened);
    await child.recover();
    await quiet();
    const [handler] = await parent.recover();
    open();
    assert.deepEqual((await handler.result()).data, [2, 2]);
    assert.deepEqual(starts, ["child"]);
    await store.close();
  });

  test("and has completed is not begun again after a crash", async () => {
    const path = newFile();
    const { open, opened } = gate();
    const starts = [];
    const build = (store, hold) => {
      const { child } = counting(store, starts, () => {});
      return only(
        "parent",
        async (_event, ctx) => {
          const { data, runId } = await ctx.runWorkflow(child);
          await hold();
          return stop([data, runId]);
        },
        { store },
      );
    };
    const before = SqliteStore.open(path);
    await build(before, () => {
      open();
      return never();
    }).runWithHandler();
    await opened;
    await before.close();
    const store = SqliteStore.open(path);
    const [handler] = await build(store, () => {}).recover();
    const [attempt, runId] = (await handler.result()).data;
    assert.equal(attempt, 1);
    assert.equal((await store.run(runId)).status, "completed");
    assert.deepEqual(starts, ["child"]);
    await store.close();
  });

  test("and whose failure nobody was told of tells it after a crash, before it is begun anew", async () => {
    const path = newFile();
    const attempts = [];
    const build = (store, options) => {
      const child = only(
        "child",
        ({ attempt }) => {
          attempts.push(attempt);
          if (attempt === 1) throw new Error("once");
          return stop("at last");
        },
        { store },
      );
      return only(
        "parent",
        async (_event, ctx) => {
          if (ctx.attempt === 1) {
            const outcome = ctx.runWorkflow(child, { attempt: 1 });
            await options.crash?.(outcome);
          }
          return stop((await ctx.runWorkflow(child, { attempt: ctx.attempt })).data);
        },
        { store },
        { retry: NOW },
      );
    };
    const before = SqliteStore.open(path);
    const { open, opened } = gate();
    await build(before, {
      crash: async (outcome) => {
        await rejectionOf(outcome);
        open();
        await never();
      },
    }).runWithHandler();
    await opened;
    await before.close();
    const store = SqliteStore.open(path);
    const [handler] = await build(store, {}).recover();
    assert.equal((await handler.result()).data, "at last");
    assert.deepEqual(attempts, [1, 3], "the second attempt is told of the first child, and the third begins another");
    await store.close();
  });

  test("is of the generation that a store has last", async () => {
    const path = newFile();
    const { open, opened } = gate();
    const begun = [];
    const build = (store, hold) => {
      const child = new Workflow("child", { store })
        .addStep("begin", [START], ({ attempt }) => {
          begun.push(attempt);
          return { type: "Go", attempt };
        })
        .addStep("go", ["Go"], async ({ attempt }) => {
          if (attempt < 3) throw new Error("not yet");
          await hold();
          return stop(attempt);
        });
      return only(
        "parent",
        async (_event, ctx) => stop((await ctx.runWorkflow(child, { attempt: ctx.attempt })).data),
        { store },
        { retry: NOW },
      );
    };
    const before = SqliteStore.open(path);
    await build(before, () => {
      open();
      return never();
    }).runWithHandler();
    await opened;
    await before.close();
    const store = SqliteStore.open(path);
    const [handler] = await build(store, () => {}).recover();
    assert.equal((await handler.result()).data, 3);
    assert.deepEqual(begun, [1, 2, 3]);
    await store.close();
  });

  test("is not begun anew if its failure is not worth it", async () => {
    let begun = 0;
    const child = only("child", () => {
      begun += 1;
      throw new NonRetryableError("no");
    });
    const parent = only("parent", async (_event, ctx) => stop(await ctx.runWorkflow(child)), {}, { retry: NOW });
    const failure = await rejectionOf(parent.run());
    assert.equal(failure.cause.code, "ERR_BLAZEN_STEP_FAILED");
    assert.equal(begun, 3, "the failure of the child's step is not the one that said so");
  });
});
