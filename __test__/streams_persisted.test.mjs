// Streams that are kept with their runs: what the store has of them, who reads it when, and what a crash leaves.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe } from "node:test";
import { MemoryStore, SqliteStore, StreamGoneError, Workflow } from "blazen";
import { MapStore } from "./conformance/map_store.mjs";
import {
  ask,
  gate,
  KINDS,
  newFile,
  nextEvent,
  quiet,
  RESPONSE,
  ROOT,
  rejectionOf,
  START,
  stop,
  test,
  turn,
} from "./stores/harness.mjs";
import { atRest } from "./ways/harness.mjs";

const EVERY_KIND = { ...KINDS, "a store in JavaScript": () => new MapStore() };
const LIVES = 4;
/** How many events may be on their way to a store before a handler waits. */
const MOST_AHEAD = 4_096;

const progress = (n) => ({ type: "Progress", n });
const range = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

const keeping = (store, options) => new Workflow("keeping", { store, persistStream: true, ...options });

/** Writes as many events as it is asked for, each when the one before was taken. */
const talking = (store, options) =>
  keeping(store, options).addStep("talk", [START], async ({ count, pause = false }, ctx) => {
    for (let n = 0; n < count; n += 1) {
      await ctx.writeEventToStream(progress(n));
      if (pause) await turn();
    }
    return stop("done");
  });

/** Writes, asks, and writes again before it returns; ends with the answer. */
const conversing = (store, options) =>
  keeping(store, options)
    .addStep("ask", [START], async (_event, ctx) => {
      await ctx.writeEventToStream(progress(0));
      await ctx.sendEvent(ask("go"));
      await ctx.writeEventToStream(progress(1));
    })
    .addStep("hear", [RESPONSE], async ({ response }, ctx) => {
      await ctx.writeEventToStream(progress(2));
      return stop(response);
    });

/** A MapStore that takes commits when it is let. */
class GatedStore extends MapStore {
  gate = gate();
  commits = 0;

  async commit(commits) {
    this.commits += commits.length;
    await this.gate.opened;
    return super.commit(commits);
  }
}

async function all(events) {
  const seen = [];
  for await (const event of events) seen.push(event);
  return seen;
}

const numbers = async (events) => (await all(events)).map(({ n }) => n);
const inWords = (events) => events.map(({ type, n, request_id }) => (type === "Progress" ? n : request_id));

describe("a stream is read from any offset, at any time", () => {
  for (const [kind, open] of Object.entries(EVERY_KIND)) {
    test(`of a run that is at work, and of one that has ended, in ${kind}`, async () => {
      const store = open();
      const handler = await talking(store).runWithHandler({ count: 600 });
      assert.deepEqual(await numbers(handler), range(0, 600));
      const attached = await talking(store).attach(handler.runId);
      assert.equal((await attached.result()).data, "done");
      for (const from of [0, 255, 256, 599, 600]) {
        assert.deepEqual(await numbers(attached.stream({ from })), range(from, 600), `from ${from}`);
      }
      assert.deepEqual(await numbers(attached.toReadableStream({ from: 590 })), range(590, 600));
      assert.deepEqual(
        await all(attached.stream({ from: 598, withOffsets: true })),
        [598, 599].map((n) => ({ offset: n, event: progress(n) })),
      );
      const heard = [];
      const { done } = await attached.streamEvents(({ n }) => heard.push(n));
      await done;
      assert.deepEqual(heard, range(0, 600));
      await assert.rejects(numbers(attached.stream({ from: 601 })), {
        code: "ERR_BLAZEN_INVALID_ARGUMENT",
        message: /has 600 events so far/,
      });
    });
  }

  test("by a reader that is slower than the buffer, for whom nothing is ever gone", async () => {
    const handler = await talking(SqliteStore.open(newFile()), { streamBuffer: 4 }).runWithHandler({
      count: 1_000,
      pause: true,
    });
    const loop = handler[Symbol.asyncIterator]();
    const first = await loop.next();
    const slow = [];
    const { open: hurry, opened: hurried } = gate();
    const { done } = await handler.streamEvents(async ({ n }) => {
      await hurried;
      slow.push(n);
    });
    await handler.result();
    hurry();
    await done;
    assert.deepEqual(slow, range(0, 1_000));
    assert.equal(first.value.n, 0);
    assert.deepEqual(await numbers({ [Symbol.asyncIterator]: () => loop }), range(1, 1_000));
    assert.deepEqual(await numbers(handler.stream({ from: 5 })), range(5, 1_000));
  });

  test("by a browser that comes back when the run has ended", async () => {
    const store = SqliteStore.open(newFile());
    const { runId } = await talking(store).run({ count: 10 });
    const handler = await talking(store).attach(runId);
    const text = await (await handler.toResponse({ lastEventId: "7" })).text();
    assert.deepEqual(
      [...text.matchAll(/^id: (\d+)\nevent: (.*)$/gm)].map(([, id, type]) => `${id} ${type}`),
      ["8 Progress", "9 Progress", "10 blazen::end"],
    );
    assert.equal((await handler.toResponse({ lastEventId: 10 })).status, 204);
  });

  test("by a reader that leaves in the middle of what the store has", async () => {
    const store = SqliteStore.open(newFile());
    const { runId } = await talking(store).run({ count: 600 });
    const handler = await talking(store).attach(runId);
    for await (const { n } of handler) if (n === 300) break;
    const heard = [];
    const subscription = await handler.streamEvents(({ n }) => {
      heard.push(n);
      if (n === 300) subscription.unsubscribe();
    });
    await subscription.done;
    assert.equal(heard.at(-1), 300);
  });

  test("from the store itself, a page at a time, also while another process may run it", async () => {
    const path = newFile();
    const store = SqliteStore.open(path);
    const { runId } = await talking(store).run({ count: 250 });
    const looking = SqliteStore.open(path, { readOnly: true });
    const first = await looking.stream(runId);
    assert.deepEqual([first.length, first[99]], [100, { offset: 99, event: progress(99) }]);
    const rest = await looking.stream(runId, { from: 100, limit: 1_000 });
    assert.deepEqual(
      rest.map(({ offset, event }) => [offset, event.n]),
      range(100, 250).map((n) => [n, n]),
    );
    assert.deepEqual(await looking.stream(runId, { from: 250 }), []);
    assert.equal(await looking.stream("00000000-0000-7000-8000-000000000000"), null);
    await looking.close();
    await store.close();
  });
});

describe("offsets stand", () => {
  test("a killed process leaves each event at the offset at which somebody has read it", async () => {
    const path = newFile();
    const source = `
      import { SqliteStore, Workflow } from "blazen";
      const wf = new Workflow("endless", { store: SqliteStore.open(process.argv.at(-1)), persistStream: true });
      wf.addStep("talk", ["blazen::StartEvent"], async (_event, ctx) => {
        for (let n = 0; ; n += 1) {
          await ctx.writeEventToStream({ type: "Progress", n, attempt: ctx.attempt });
          if (n % 7 === 0) await new Promise(setImmediate);
        }
      });
      const [recovered] = await wf.recover();
      const handler = recovered ?? (await wf.runWithHandler());
      console.log(handler.runId);
      for await (const { offset, event } of handler.stream({ withOffsets: true })) {
        console.log(JSON.stringify([offset, event.attempt, event.n]));
      }
    `;
    let runId;
    let kept = [];
    for (let life = 1; life <= LIVES; life += 1) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", source, path], {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "close");
      const read = [];
      for await (const line of createInterface({ input: child.stdout })) {
        if (line.startsWith("[")) read.push(JSON.parse(line));
        else runId = line;
        // The lines that are on their way still come.
        if (read.length === kept.length + 50 * life) child.kill("SIGKILL");
      }
      await ended;
      assert.deepEqual(
        read.map(([offset]) => offset),
        range(0, read.length),
      );
      const looking = SqliteStore.open(path, { readOnly: true });
      const stored = await wholeStream(looking, runId);
      await looking.close();
      assert.ok(stored.length >= read.length, "what was read is stored");
      assert.deepEqual(stored.slice(0, read.length), read);
      assert.deepEqual(stored.slice(0, kept.length), kept, "and so is what was stored before");
      const attempts = stored.map(([, attempt]) => attempt);
      assert.deepEqual(
        attempts,
        attempts.toSorted((a, b) => a - b),
        "each attempt follows the one before",
      );
      for (const attempt of new Set(attempts)) {
        const written = stored.filter(([, of]) => of === attempt).map(([, , n]) => n);
        assert.deepEqual(written, range(0, written.length), "and none of its events is there twice");
      }
      kept = stored;
    }
    assert.equal(new Set(kept.map(([, attempt]) => attempt)).size, LIVES);
  });

  test("when a run is taken up again, behind what it has streamed before", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { open: pass, opened: passed } = gate();
    const build = (store) =>
      keeping(store).addStep("talk", [START], async (_event, ctx) => {
        await ctx.writeEventToStream(progress(ctx.attempt * 10));
        await ctx.writeEventToStream(progress(ctx.attempt * 10 + 1));
        if (ctx.attempt > 1) return stop();
        pass();
        return new Promise(() => {});
      });
    const { runId } = await build(before).runWithHandler();
    await passed;
    await before.close();
    const store = SqliteStore.open(path);
    const [handler] = await build(store).recover();
    assert.deepEqual(await numbers(handler), [10, 11, 20, 21]);
    assert.deepEqual(await numbers(handler.stream({ from: 2 })), [20, 21]);
    assert.equal((await store.stream(runId)).length, 4);
    await store.close();
  });

  for (const [kind, open] of Object.entries(EVERY_KIND)) {
    test(`input requests stand among the events, once, in ${kind}`, async () => {
      const store = open();
      const handler = await conversing(store).runWithHandler();
      const { done } = await handler.streamEvents(({ n }) => n === 1 && handler.pause());
      await nextEvent(handler);
      while ((await handler.snapshot().catch(() => undefined)) === undefined) await turn();
      const resumed = await conversing(store).resume(handler.runId);
      await resumed.respondToInput("go", "yes");
      assert.equal((await resumed.result()).data, "yes");
      await done;
      assert.deepEqual(inWords(await all(resumed)), [0, "go", 1, 2]);
    });
  }

  test("a request is not asked again of a run that is recovered", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const asked = await conversing(before).runWithHandler();
    const seen = [];
    for await (const event of asked) if (seen.push(event) === 3) break;
    await before.close();
    const store = SqliteStore.open(path);
    const [handler] = await conversing(store).recover();
    const reading = all(handler);
    await handler.respondToInput("go", "yes");
    assert.deepEqual(inWords(await reading), [0, "go", 1, 2]);
    await store.close();
  });

  test("a run that moves to another store begins a stream there, with what is asked", async () => {
    const here = SqliteStore.open(newFile());
    const handler = await conversing(here).runWithHandler();
    for await (const { n } of handler) if (n === 1) break;
    const snapshot = await handler.pause();
    const moved = await conversing(new MemoryStore()).resume(snapshot);
    await moved.respondToInput("go", "yes");
    assert.deepEqual(inWords(await all(moved)), ["go", 2]);
    assert.equal((await here.stream(handler.runId)).length, 3, "the first store has what it had");
    await here.close();
  });

  test("a stream that is kept from now on begins with what is asked", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const asked = await conversing(before, { persistStream: false }).runWithHandler();
    await atRest(before, asked.runId);
    await before.close();
    const store = SqliteStore.open(path);
    assert.deepEqual(await store.stream(asked.runId), []);
    const [handler] = await conversing(store).recover();
    await handler.respondToInput("go", "yes");
    assert.deepEqual(inWords(await all(handler)), ["go", 2]);
    await store.close();
  });
});

describe("readers have an event when the store does", () => {
  test("and not before", async () => {
    const store = new GatedStore();
    const { open: goOn, opened: goesOn } = gate();
    const wf = keeping(store).addStep("talk", [START], async (_event, ctx) => {
      await ctx.writeEventToStream(progress(0));
      await goesOn;
      return stop();
    });
    store.gate.open();
    const handler = await wf.runWithHandler();
    store.gate = gate();
    const heard = [];
    const { done } = await handler.streamEvents(({ n }) => heard.push(n));
    while (store.commits < 2) await turn();
    await quiet();
    assert.deepEqual(heard, []);
    store.gate.open();
    goOn();
    await done;
    assert.deepEqual(heard, [0]);
  });

  test('or, with the durability "async", when it is on its way', async () => {
    const store = new GatedStore();
    store.gate.open();
    const options = { durability: "async", streamBuffer: 2 };
    const handler = await talking(store, options).runWithHandler({ count: 1_000, pause: true });
    assert.deepEqual(await numbers(handler), range(0, 1_000));
    assert.deepEqual(await numbers(handler.stream({ from: 3 })), range(3, 1_000));
  });

  test("what a run has lost with its store is told to nobody", async () => {
    const store = new GatedStore();
    store.gate.open();
    const { open: written, opened: isWritten } = gate();
    const wf = keeping(store).addStep("talk", [START], async (_event, ctx) => {
      await ctx.writeEventToStream(progress(0));
      written();
      return new Promise(() => {});
    });
    const handler = await wf.runWithHandler({}, { lifecycle: true });
    store.gate = { opened: Promise.reject(new Error("no disk")) };
    store.gate.opened.catch(() => {});
    const reading = all(handler.stream({ lifecycle: true }));
    await isWritten;
    assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_STORE_IO");
    const types = (await reading).map(({ type }) => type);
    assert.deepEqual(types, ["blazen::step.started"]);
  });

  test("what happens to a step is told after what it has written", async () => {
    const handler = await talking(SqliteStore.open(newFile())).runWithHandler({ count: 2 }, { lifecycle: true });
    const events = await all(handler.stream({ lifecycle: true }));
    assert.deepEqual(
      events.map(({ type, n }) => n ?? type),
      ["blazen::step.started", 0, 1, "blazen::step.completed", "blazen::run.completed"],
    );
  });
});

describe("many events are few commits", () => {
  const awaiting = async (count, ctx) => {
    for (let n = 0; n < count; n += 1) await ctx.writeEventToStream(progress(n));
  };
  const hurrying = async (count, ctx) => {
    await Promise.all(range(0, count).map((n) => ctx.writeEventToStream(progress(n))));
  };

  for (const [how, write] of Object.entries({ awaiting, hurrying })) {
    test(`a burst of 10,000, ${how}`, async () => {
      const store = SqliteStore.open(newFile());
      const wf = keeping(store).addStep("talk", [START], async (_event, ctx) => {
        await write(10_000, ctx);
        return stop();
      });
      const { runId } = await wf.run();
      const history = await store.history(runId);
      assert.ok(history.length < 10, `${history.length} commits`);
      assert.deepEqual(await numbers(await wf.attach(runId)), range(0, 10_000));
      await store.close();
    });
  }

  test("an event goes with what the run changes next", async () => {
    const store = new MemoryStore();
    const wf = keeping(store)
      .addStep("talk", [START], async (_event, ctx) => {
        await ctx.writeEventToStream(progress(0));
        await ctx.sendEvent({ type: "Next" });
        await ctx.writeEventToStream(progress(1));
        return stop();
      })
      .addStep("next", ["Next"], () => new Promise(() => {}));
    const { runId } = await wf.run();
    const history = await store.history(runId);
    assert.deepEqual(
      history.map(({ settled }) => settled?.step),
      [undefined, undefined, "talk"],
    );
    assert.equal((await store.stream(runId)).length, 2);
  });

  test("a handler waits while a slow disk has too much before it", async () => {
    const store = new GatedStore();
    store.gate.open();
    let taken = 0;
    const wf = keeping(store).addStep("talk", [START], async (_event, ctx) => {
      for (; taken < 3 * MOST_AHEAD; taken += 1) await ctx.writeEventToStream(progress(taken));
      return stop();
    });
    const handler = await wf.runWithHandler();
    store.gate = gate();
    while (taken < MOST_AHEAD - 1) await turn();
    await quiet();
    assert.equal(taken, MOST_AHEAD - 1, "the last one that was taken has to wait");
    store.gate.open();
    assert.deepEqual(await numbers(handler), range(0, 3 * MOST_AHEAD));
  });

  test("and while a few large events are before it", async () => {
    const store = new GatedStore();
    store.gate.open();
    let taken = 0;
    const wf = keeping(store).addStep("talk", [START], async (_event, ctx) => {
      for (; taken < 40; taken += 1) await ctx.writeEventToStream({ type: "Large", text: "x".repeat(2 ** 20) });
      return stop();
    });
    const handler = await wf.runWithHandler();
    store.gate = gate();
    while (taken < 15) await turn();
    await quiet();
    assert.equal(taken, 15);
    store.gate.open();
    assert.equal((await all(handler)).length, 40);
  });

  test("a handler that waits is told that its run was lost", async () => {
    const store = new GatedStore();
    store.gate.open();
    const { promise, resolve } = Promise.withResolvers?.() ?? deferred();
    const wf = keeping(store).addStep("talk", [START], async (_event, ctx) => {
      try {
        for (let n = 0; ; n += 1) await ctx.writeEventToStream(progress(n));
      } catch (error) {
        resolve(error);
      }
    });
    const handler = await wf.runWithHandler();
    store.gate = gate();
    store.gate.opened = store.gate.opened.then(() => Promise.reject(new Error("no disk")));
    const result = rejectionOf(handler.result());
    while (store.commits < 2) await turn();
    store.gate.open();
    assert.match((await promise).code, /ERR_BLAZEN_(STORE_IO|RUN_ENDED)/);
    assert.equal((await result).code, "ERR_BLAZEN_STORE_IO");
  });
});

describe("what is kept", () => {
  test("is JSON: what JSON cannot hold is refused with its path, and takes no offset", async () => {
    const refusals = [];
    const wf = keeping(new MemoryStore()).addStep("talk", [START], async (_event, ctx) => {
      const bad = { type: "Progress", inner: { at: [1, () => {}] } };
      refusals.push(await rejectionOf(ctx.writeEventToStream(bad)));
      refusals.push(await rejectionOf(ctx.writeEventToStream({ no: "type" })));
      await ctx.writeEventToStream({ type: "When", at: new Date(0) });
      return stop();
    });
    const handler = await wf.runWithHandler();
    assert.deepEqual(await all(handler), [{ type: "When", at: "1970-01-01T00:00:00.000Z" }], "as after a crash");
    const [notJson, noEvent] = refusals;
    assert.deepEqual([notJson.code, notJson.path], ["ERR_BLAZEN_NOT_SERIALIZABLE", ".inner.at[1]"]);
    assert.equal(noEvent.code, "ERR_BLAZEN_INVALID_EVENT");
  });

  test("of a handler that has settled is nothing", async () => {
    let late;
    const wf = keeping(new MemoryStore()).addStep("talk", [START], async (_event, ctx) => {
      late = () => ctx.writeEventToStream(progress(0));
      return ask("go");
    });
    wf.addStep("hear", [RESPONSE], () => stop());
    const handler = await wf.runWithHandler();
    await nextEvent(handler);
    assert.equal((await rejectionOf(late())).code, "ERR_BLAZEN_DELIVERY_SETTLED");
    await handler.respondToInput("go", 1);
    assert.deepEqual(inWords(await all(handler)), ["go"]);
  });

  test("is forgotten with the run, and a reader is told so", async () => {
    for (const open of Object.values(KINDS)) {
      const store = open();
      const { runId } = await talking(store).run({ count: 600 });
      const handler = await talking(store).attach(runId);
      const loop = handler[Symbol.asyncIterator]();
      await loop.next();
      assert.equal(await store.prune({ finishedBefore: new Date(Date.now() + 1_000) }), 1);
      assert.equal(await store.stream(runId), null);
      await assert.rejects(numbers({ [Symbol.asyncIterator]: () => loop }), (error) => {
        assert.ok(error instanceof StreamGoneError, "what it has not read is gone");
        assert.equal(error.offset, 256);
        return true;
      });
    }
  });

  test("is all that was written before the store was closed", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const { open: written, opened: isWritten } = gate();
    const wf = keeping(before).addStep("talk", [START], async (_event, ctx) => {
      await ctx.writeEventToStream(progress(0));
      written();
      return new Promise(() => {});
    });
    const { runId } = await wf.runWithHandler();
    await isWritten;
    await before.close();
    const store = SqliteStore.open(path, { readOnly: true });
    assert.deepEqual(await store.stream(runId), [{ offset: 0, event: progress(0) }]);
    await store.close();
  });

  test("is not read when the store is closed", async () => {
    const store = SqliteStore.open(newFile());
    const { runId } = await talking(store).run({ count: 10 });
    const handler = await talking(store).attach(runId);
    await store.close();
    await assert.rejects(numbers(handler), { code: "ERR_BLAZEN_STORE_CLOSED" });
  });

  test("is what the callback of runStreaming is told, of a run that was begun before as well", async () => {
    const store = new MemoryStore();
    const options = { runId: "0190c5f0-0000-7abc-8def-000000000001" };
    for (const time of ["at first", "again"]) {
      const heard = [];
      await talking(store).runStreaming({ count: 9 }, ({ n }) => heard.push(n), options);
      assert.deepEqual(heard, range(0, 9), time);
    }
  });

  test("a store that gives another stream than was asked for is told of", async () => {
    const answers = { "no list": 5, "no texts": [{}], "more than was asked for": Array(1_000).fill("{}") };
    for (const [name, answer] of Object.entries(answers)) {
      const store = new MapStore();
      const { runId } = await talking(store).run({ count: 5 });
      store.stream = async () => answer;
      const handler = await talking(store).attach(runId);
      await assert.rejects(all(handler), { code: "ERR_BLAZEN_STORE_IO" }, name);
    }
    const events = { "no event": ["{}"], "no JSON": ["{"], nothing: [] };
    for (const [name, answer] of Object.entries(events)) {
      const store = new MapStore();
      const { runId } = await talking(store).run({ count: 5 });
      store.stream = async () => answer;
      const handler = await talking(store).attach(runId);
      await assert.rejects(all(handler), { code: "ERR_BLAZEN_STORE_CORRUPT" }, name);
    }
  });
});

/** Offset, attempt and number of every event. */
async function wholeStream(store, runId) {
  const events = [];
  for (;;) {
    const page = await store.stream(runId, { from: events.length, limit: 1_000 });
    if (page.length === 0) return events;
    events.push(...page.map(({ offset, event }) => [offset, event.attempt, event.n]));
  }
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
