// What a handler adds to the state counts once, however often it is called: the results of what is committed while it is
// at work are remembered, and given to the next attempt.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { types } from "node:util";
import { SqliteStore, Workflow } from "blazen";
import { gate, KINDS, newFile, quiet, START, stop, test, turn } from "./stores/harness.mjs";

const forEver = () => new Promise(() => {});

/** Bytes go into no event. */
const plain = (gave) => (types.isUint8Array(gave) ? gave.toString("hex") : gave);

/** Each way to add: what it gives, and what stands at the key, when it was done once and twice. */
const ADDITIONS = {
  "increment()": { add: (ctx) => ctx.state.increment("k", 5), gives: [5, 10], stands: [5, 10] },
  "append()": {
    add: (ctx) => ctx.state.append("k", "a", ["b"]),
    gives: [2, 4],
    stands: [
      ["a", ["b"]],
      ["a", ["b"], "a", ["b"]],
    ],
  },
  "update()": {
    add: (ctx) => ctx.state.update("k", (value) => ({ list: [...(value?.list ?? []), "\ud800é"] })),
    gives: [{ list: ["\ud800é"] }, { list: ["\ud800é", "\ud800é"] }],
    stands: [{ list: ["\ud800é"] }, { list: ["\ud800é", "\ud800é"] }],
  },
  "update() to null": { add: (ctx) => ctx.state.update("k", () => null), gives: [null, null], stands: [null, null] },
  "update() of bytes": {
    add: (ctx) => ctx.state.update("k", (bytes) => Buffer.concat([bytes ?? Buffer.of(), Buffer.of(0, 255)])),
    gives: [Buffer.of(0, 255), Buffer.of(0, 255, 0, 255)],
    stands: [Buffer.of(0, 255), Buffer.of(0, 255, 0, 255)],
  },
};

/** Until the run at work in a store is as it should be. */
async function until(store, runId, isSo) {
  while (!isSo(await store.run(runId))) await turn();
}

/** Two handlers add to one key; the first stands still at its first attempt, and the second is only called after it. */
function twoAdd(add, { store, whenAdded, options }) {
  const first = gate();
  return new Workflow("two", { store })
    .addStep("fan", [START], () => ({ type: "Both" }))
    .addStep(
      "first",
      ["Both"],
      async (_event, ctx) => {
        const gave = await add(ctx);
        first.open();
        if (ctx.attempt === 1) await whenAdded(ctx);
        return { type: "Added", by: "first", gave: plain(gave) };
      },
      options,
    )
    .addStep("second", ["Both"], async (_event, ctx) => {
      await first.opened;
      return { type: "Added", by: "second", gave: plain(await add(ctx)) };
    })
    .addStep("join", ["Added"], async (event, ctx) => {
      const all = await ctx.collectEvents(event, { Added: 2 });
      if (all === null) return null;
      const gave = Object.fromEntries(all.map(({ by, gave }) => [by, gave]));
      return stop([gave, plain(await ctx.get("k"))]);
    });
}

const asJson = (value) => JSON.parse(JSON.stringify(value));
const isHeld = ({ pending }) => pending.some(({ held }) => held !== undefined);

for (const [name, { add, gives, stands }] of Object.entries(ADDITIONS)) {
  const expected = asJson([{ first: plain(gives[0]), second: plain(gives[1]) }, plain(stands[1])]);

  describe(`${name} counts once`, () => {
    test("when another handler has read it, and then the process is lost", async () => {
      const path = newFile();
      const before = SqliteStore.open(path);
      const { runId } = await twoAdd(add, { store: before, whenAdded: forEver }).runWithHandler();
      await until(before, runId, isHeld);
      await before.close();
      const store = SqliteStore.open(path);
      const [handler] = await twoAdd(add, { store, whenAdded: assert.fail }).recover();
      assert.deepEqual((await handler.result()).data, expected);
      await store.close();
    });

    for (const [kind, open] of Object.entries({ "no store": () => undefined, ...KINDS })) {
      test(`when another handler has read it, and then a pause cuts it short: ${kind}`, async () => {
        const isAdded = gate();
        const wf = twoAdd(add, {
          store: open(),
          whenAdded: async () => {
            isAdded.open();
            await forEver();
          },
        });
        const handler = await wf.runWithHandler();
        await isAdded.opened;
        await quiet(); // so that the other has settled
        await handler.pause({ graceMs: 0 });
        await handler.resumeInPlace();
        assert.deepEqual(asJson((await handler.result()).data), expected);
      });
    }

    test("when another handler has read it, and then it fails and is attempted again", async () => {
      const isRead = gate();
      const options = { retry: { maxAttempts: 2, initialDelayMs: 0 } };
      const whenAdded = async () => {
        await isRead.opened;
        throw new Error("once");
      };
      const adding = async (ctx) => {
        const gave = await add(ctx);
        if (JSON.stringify(gave) === JSON.stringify(gives[1])) isRead.open();
        return gave;
      };
      const { data } = await twoAdd(adding, { whenAdded, options }).run();
      assert.deepEqual(asJson(data), expected);
    });

    test("when it was sent after, across two crashes", async () => {
      const path = newFile();
      const sending = (store, lastAttempt) =>
        new Workflow("sending", { store })
          .addStep("add", [START], async (_event, ctx) => {
            const gave = [await add(ctx)];
            await ctx.sendEvent({ type: "Noted" });
            gave.push(await add(ctx));
            await ctx.sendEvent({ type: "Noted" });
            if (ctx.attempt < lastAttempt) await forEver();
            return stop([gave.map(plain), plain(await ctx.get("k"))]);
          })
          .addStep("note", ["Noted"], async (_event, ctx) => void (await ctx.state.append("noted", 1)));
      const first = SqliteStore.open(path);
      const { runId } = await sending(first, 2).runWithHandler();
      const isSent = ({ pending, state }) => pending.length === 1 && state.get("noted")?.length === 2;
      await until(first, runId, isSent);
      await first.close();
      const second = SqliteStore.open(path);
      await sending(second, 3).recover();
      await quiet();
      await second.close();
      const third = SqliteStore.open(path);
      const [handler] = await sending(third, 0).recover();
      assert.deepEqual((await handler.result()).data, asJson([gives.map(plain), plain(stands[1])]));
      await third.close();
    });

    test("when the run goes on elsewhere from a snapshot", async () => {
      const isAdded = gate();
      const whenAdded = async () => {
        isAdded.open();
        await forEver();
      };
      const before = await twoAdd(add, { whenAdded }).runWithHandler();
      await isAdded.opened;
      await quiet();
      const snapshot = await before.pause({ graceMs: 0 });
      const handler = await twoAdd(add, { whenAdded: assert.fail }).resume(snapshot);
      assert.deepEqual(asJson((await handler.result()).data), expected);
    });
  });
}

describe("the next attempt", () => {
  /** A handler whose first attempt is cut short after all that it does, and its second does it again. */
  async function twice(work) {
    const isDone = gate();
    const wf = new Workflow("twice")
      .addStep("work", [START], async (_event, ctx) => {
        const result = await work(ctx);
        await ctx.sendEvent({ type: "Noted" });
        isDone.open();
        if (ctx.attempt === 1) await forEver();
        return stop(result);
      })
      .addStep("note", ["Noted"], () => {});
    const handler = await wf.runWithHandler();
    await isDone.opened;
    await handler.pause({ graceMs: 0 });
    await handler.resumeInPlace();
    return (await handler.result()).data;
  }

  test("adds to each key by itself, in whatever order it comes to them", async () => {
    const data = await twice(async (ctx) => {
      const keys = ["a", "b", "__proto__", "\ud800"];
      for (const [at, key] of (ctx.attempt === 1 ? keys : keys.toReversed()).entries()) {
        await ctx.state.increment(key, 10 + (ctx.attempt === 1 ? at : 100));
      }
      return Promise.all(keys.map((key) => ctx.get(key)));
    });
    assert.deepEqual(data, [10, 11, 12, 13]);
  });

  test("adds what the one before had not come to", async () => {
    const data = await twice(async (ctx) => {
      const gave = [];
      for (let n = 0; n < 2 * ctx.attempt; n += 1) gave.push(await ctx.state.append("list", n));
      return [gave, await ctx.get("list")];
    });
    assert.deepEqual(data, [
      [1, 2, 3, 4],
      [0, 1, 2, 3],
    ]);
  });

  test("adds again to what it has set again, or taken out", async () => {
    const data = await twice(async (ctx) => {
      await ctx.set("n", 0);
      await ctx.state.remove("list");
      await ctx.state.append("list", 1);
      for (let n = 0; n < 3; n += 1) {
        await ctx.state.increment("n");
        await ctx.sendEvent({ type: "Noted" });
      }
      return [await ctx.get("n"), await ctx.get("list")];
    });
    assert.deepEqual(data, [3, [1]]);
  });

  test("is given nothing of another addition than its own where one was refused", async () => {
    const data = await twice(async (ctx) => {
      const take = (many) =>
        ctx.state.update("stock", (stock) => {
          if ((stock ?? 5) < many) throw new RangeError("sold out");
          return (stock ?? 5) - many;
        });
      await take(2);
      const taken = [];
      for (const many of [4, 3, 2, 1]) {
        const isTaken = await take(many).then(
          () => true,
          () => false,
        );
        if (isTaken) taken.push(many);
      }
      return [taken, await ctx.get("stock")];
    });
    assert.deepEqual(data, [[3], 0]);
  });

  test("meets the same refusal", async () => {
    const data = await twice(async (ctx) => {
      await ctx.state.append("list", 1);
      const refusals = [];
      const noteRefusal = ({ code }) => refusals.push(code);
      await ctx.state.increment("list").catch(noteRefusal);
      await ctx.state.update("list", async () => {}).catch(noteRefusal);
      return [refusals, await ctx.state.append("list", 2), await ctx.get("list")];
    });
    const invalid = "ERR_BLAZEN_INVALID_ARGUMENT";
    assert.deepEqual(data, [[invalid, invalid], 2, [1, 2]]);
  });

  test("is given a hundred thousand results", async () => {
    const data = await twice(async (ctx) => {
      for (let n = 1; n <= 1e5; n += 1) assert.equal(await ctx.state.append("list", n), n);
      return (await ctx.get("list")).length;
    });
    assert.equal(data, 1e5);
  });
});

test("with the durability async, what is lost is added again, and what is kept is not", async () => {
  const path = newFile();
  const build = (store, whenSent) =>
    new Workflow("async", { store, durability: "async" })
      .addStep("count", [START], async ({ times }, ctx) => {
        for (let n = 1; n <= times; n += 1) {
          assert.equal(await ctx.state.increment("n"), n);
          await ctx.sendEvent({ type: "Noted" });
          await whenSent(n);
        }
        return stop(await ctx.get("n"));
      })
      .addStep("note", ["Noted"], () => {});
  const before = SqliteStore.open(path);
  const isUnderWay = gate();
  await build(before, async (n) => {
    if (n === 50) isUnderWay.open();
    if (n === 80) await forEver();
  }).runWithHandler({ times: 100 });
  await isUnderWay.opened;
  await before.close();
  const store = SqliteStore.open(path);
  const [handler] = await build(store, () => {}).recover();
  assert.equal((await handler.result()).data, 100);
  await store.close();
});

test("nothing is remembered of what has settled", async () => {
  const added = [];
  const kept = new Map();
  const store = {
    ...(await import("./conformance/map_store.mjs").then(({ MapStore }) => {
      const map = new MapStore();
      return {
        async commit(commits) {
          for (const commit of commits) added.push(...commit.added);
          const answers = await map.commit(commits);
          for (const { runId } of commits) kept.set(runId, (await map.load(runId)).pending);
          return answers;
        },
        load: (runId) => map.load(runId),
        runs: (query) => map.runs(query),
      };
    })),
  };
  const wf = new Workflow("settling", { store })
    .addStep("fan", [START], async (_event, ctx) => {
      await ctx.state.increment("n");
      await ctx.sendEvent({ type: "Part", of: 2 });
      await ctx.state.increment("n");
      await ctx.sendEvent({ type: "Part", of: 2 });
    })
    .addStep("join", ["Part"], async (event, ctx) => {
      await ctx.state.append("list", 1);
      await ctx.sendEvent({ type: "Noted" });
      return (await ctx.collectEvents(event, { Part: 2 })) && { type: "blazen::InputRequestEvent", request_id: "r" };
    })
    .addStep("note", ["Noted"], () => {})
    .addStep("end", ["blazen::InputResponseEvent"], () => stop());
  const handler = await wf.runWithHandler();
  await new Promise((resolve) => handler.streamEvents(resolve));
  await until(
    { run: async () => ({ pending: kept.get(handler.runId) }) },
    handler.runId,
    ({ pending }) => pending.length === 0,
  );
  assert.deepEqual(
    added.filter(({ delivery }) => delivery === 1).map(({ results }) => results),
    ['[["n",[1]]]', '[["n",[{"from":1,"step":1,"count":2}]]]'],
  );
  await handler.respondToInput("r", 1);
  await handler.result();
});

test("a fan-in that counts down has one handler that is the last, whenever it is lost", async () => {
  const PARTS = 6;
  const build = (store, chance) =>
    new Workflow("countdown", { store })
      .addStep("split", [START], async (_event, ctx) => {
        await ctx.set("left", PARTS);
        return Array.from({ length: PARTS }, (_, part) => ({ type: "Part", part }));
      })
      .addStep("count", ["Part"], async (_event, ctx) => {
        for (let turns = chance() * 4; turns > 0; turns -= 1) await turn();
        const isLast = (await ctx.state.increment("left", -1)) === 0;
        if (chance() < 0.5) await ctx.sendEvent({ type: "Noted" });
        for (let turns = chance() * 4; turns > 0; turns -= 1) await turn();
        return isLast ? { type: "Done" } : null;
      })
      .addStep("note", ["Noted"], () => {})
      .addStep("done", ["Done"], async (_event, ctx) => {
        await ctx.state.increment("done");
        await turn();
        return stop([await ctx.get("left"), await ctx.get("done")]);
      });
  for (let seed = 1; seed <= 120; seed += 1) {
    let state = seed;
    const chance = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const path = newFile();
    let store = SqliteStore.open(path);
    const { runId } = await build(store, chance).runWithHandler();
    for (let crash = 0; crash < 3; crash += 1) {
      for (let turns = chance() * 12; turns > 0; turns -= 1) await turn();
      await store.close();
      store = SqliteStore.open(path);
      await build(store, chance).recover();
    }
    const handler = await build(store, chance).attach(runId);
    assert.deepEqual((await handler.result()).data, [0, 1], `seed ${seed}`);
    await store.close();
  }
});
