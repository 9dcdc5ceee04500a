// BlazenState: fields saved one by one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BlazenState, CallbackFieldStore, Workflow } from "blazen";
import { quiet } from "./turns.mjs";

/** Runs `body` as the only step of a workflow. */
async function inHandler(body) {
  const wf = new Workflow("fields");
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    await body(ctx);
    return { type: "blazen::StopEvent" };
  });
  await wf.run();
}

/** A store outside the run, and what is in it. */
function outside() {
  const saved = new Map();
  const store = new CallbackFieldStore({
    saveFn: async (key, value) => void saved.set(key, structuredClone(value)),
    loadFn: async (key) => structuredClone(saved.get(key)),
  });
  return { saved, store };
}

test("each field stands under a key of its own that begins with the state's key", async () => {
  class Point extends BlazenState {
    x = 1;
    label = "p";
  }
  await inHandler(async (ctx) => {
    await new Point().saveTo(ctx, "point");
    assert.equal(await ctx.get("point/x"), 1);
    assert.equal(await ctx.get("point/label"), "p");
    assert.ok((await ctx.state.keys()).every((key) => key.startsWith("point")));
  });
});

test("a field with a store goes through it and nothing else", async () => {
  const { saved, store } = outside();
  class Stored extends BlazenState {
    static meta = { storeBy: { big: store } };
    big = { value: "in the store" };
    small = 1;
  }
  await inHandler(async (ctx) => {
    await new Stored().saveTo(ctx, "s");
    assert.equal(saved.size, 1);
    assert.ok([...saved.keys()][0].startsWith("s"));
    for (const key of await ctx.state.keys()) {
      assert.ok(!JSON.stringify(await ctx.get(key)).includes("in the store"));
    }
    assert.deepEqual((await Stored.loadFrom(ctx, "s")).big, { value: "in the store" });
  });
});

test("a field that JSON cannot hold is refused, naming class and field", async () => {
  class Cache extends BlazenState {
    ok = 1;
    entries = new Map([["a", 1]]);
  }
  await inHandler(async (ctx) => {
    await assert.rejects(new Cache().saveTo(ctx, "cache"), (error) => {
      assert.equal(error.code, "ERR_BLAZEN_NOT_SERIALIZABLE");
      assert.match(error.message, /Cache\.entries/);
      return true;
    });
    assert.deepEqual(await ctx.state.keys(), [], "nothing was saved");
  });
});

test("a failed save leaves what was saved before, whole", async () => {
  const { store } = outside();
  let failing = false;
  const fragile = {
    save: async (key, value, ctx) => {
      if (failing) throw new Error("the store is down");
      await store.save(key, value, ctx);
    },
    load: store.load.bind(store),
  };
  class Report extends BlazenState {
    static meta = { storeBy: { first: store, second: fragile } };
    plain = "old";
    first = "old";
    second = "old";
  }
  await inHandler(async (ctx) => {
    const report = new Report();
    await report.saveTo(ctx, "report");
    Object.assign(report, { plain: "new", first: "new", second: "new", later: "new" });
    failing = true;
    await assert.rejects(report.saveTo(ctx, "report"), /the store is down/);
    assert.deepEqual({ ...(await Report.loadFrom(ctx, "report")) }, { plain: "old", first: "old", second: "old" });
    failing = false;
    await report.saveTo(ctx, "report");
    assert.deepEqual({ ...(await Report.loadFrom(ctx, "report")) }, { ...report });
  });
});

test("fields that a later version adds keep their defaults, and fields that are gone come back all the same", async () => {
  class First extends BlazenState {
    kept = 1;
    dropped = 2;
  }
  class Second extends BlazenState {
    kept = 0;
    added = "default";
  }
  await inHandler(async (ctx) => {
    await new First().saveTo(ctx, "v");
    assert.deepEqual({ ...(await Second.loadFrom(ctx, "v")) }, { kept: 1, added: "default", dropped: 2 });
  });
});

test("loading what was never saved rejects, naming class and key", async () => {
  class Missing extends BlazenState {}
  await inHandler(async (ctx) => {
    await assert.rejects(Missing.loadFrom(ctx, "nowhere"), (error) => {
      assert.equal(error.code, "ERR_BLAZEN_STATE_NOT_SAVED");
      assert.match(error.message, /Missing.*"nowhere"/);
      return true;
    });
    await new Missing().saveTo(ctx, "nowhere");
    assert.ok((await Missing.loadFrom(ctx, "nowhere")) instanceof Missing, "a state without fields is a state");
  });
});

test("states under keys that share a prefix never meet", async () => {
  class Any extends BlazenState {}
  const { store } = outside();
  class Stored extends BlazenState {
    static meta = { storeBy: { f: store, "f~a": store } };
  }
  await inHandler(async (ctx) => {
    const states = [];
    for (const key of ["s", "s/", "s/a", "s/a/b", "s~", "s/~", "", "/"]) {
      for (const fields of [["a"], ["a/b"], ["~"], ["a~1b"], [""], ["0"]]) {
        const state = Object.assign(new Any(), Object.fromEntries(fields.map((field) => [field, `${key}|${field}`])));
        states.push([Any, `${key}/${states.length}`, state]);
      }
      states.push([Any, key, Object.assign(new Any(), { a: key, "a/b": key, "~": key, "": key })]);
    }
    states.push([Stored, "t", Object.assign(new Stored(), { f: 1, "f~a": 2, "f~0a": 3, "f/a": 4 })]);
    for (const [, key, state] of states) await state.saveTo(ctx, key);
    for (const [type, key, state] of states) assert.deepEqual({ ...(await type.loadFrom(ctx, key)) }, { ...state });
  });
});

test("meta is inherited and merged", async () => {
  const { saved, store } = outside();
  class Base extends BlazenState {
    static meta = { transient: ["cache"], storeBy: { big: store } };
    cache = new Map();
    big = "big";
  }
  class Derived extends Base {
    static meta = { transient: ["socket"] };
    socket = () => {};
    own = 1;
    restore() {
      this.restored = true;
    }
  }
  class Silent extends Derived {}
  await inHandler(async (ctx) => {
    for (const type of [Derived, Silent]) {
      const state = new type();
      state.own = 2;
      await state.saveTo(ctx, type.name);
      const loaded = await type.loadFrom(ctx, type.name);
      assert.equal(loaded.own, 2);
      assert.equal(loaded.big, "big");
      assert.equal(loaded.restored, true);
      assert.equal(typeof loaded.socket, "function");
    }
    assert.equal(saved.size, 2);
  });
});

test("undefined, bytes and odd names come back as they were", async () => {
  class Odd extends BlazenState {
    absent = "default";
    bytes = Buffer.from("bytes");
  }
  await inHandler(async (ctx) => {
    const state = new Odd();
    state.absent = undefined;
    Object.defineProperty(state, "__proto__", { value: { polluted: true }, enumerable: true });
    await state.saveTo(ctx, "odd");
    const loaded = await Odd.loadFrom(ctx, "odd");
    assert.equal(loaded.absent, undefined);
    assert.deepEqual(loaded.bytes, Buffer.from("bytes"));
    assert.ok(Object.hasOwn(loaded, "__proto__"));
    assert.ok(loaded instanceof Odd);
    assert.equal({}.polluted, undefined);
  });
});

test("a field that is saved no more is gone from the state of the run", async () => {
  class Shrinking extends BlazenState {}
  await inHandler(async (ctx) => {
    const state = Object.assign(new Shrinking(), { a: 1, b: 2 });
    await state.saveTo(ctx, "s");
    delete state.a;
    await state.saveTo(ctx, "s");
    assert.deepEqual({ ...(await Shrinking.loadFrom(ctx, "s")) }, { b: 2 });
    assert.equal(await ctx.state.has("s/a"), false);
  });
});

test("saves and loads of one key that overlap are never mixed", async () => {
  const { store } = outside();
  const slow = {
    save: async (key, value, ctx) => {
      await new Promise(setImmediate);
      await store.save(key, value, ctx);
    },
    load: async (key, ctx) => {
      await new Promise(setImmediate);
      return store.load(key, ctx);
    },
  };
  class Pair extends BlazenState {
    static meta = { storeBy: { left: slow, right: slow } };
    left = 0;
    right = 0;
  }
  await inHandler(async (ctx) => {
    await new Pair().saveTo(ctx, "pair");
    const work = [];
    for (let n = 1; n <= 20; n += 1) {
      const pair = Object.assign(new Pair(), { left: n, right: n });
      work.push(pair.saveTo(ctx, "pair"), Pair.loadFrom(ctx, "pair"));
    }
    for (const loaded of (await Promise.all(work)).filter(Boolean)) assert.equal(loaded.left, loaded.right);
  });
});

test("saves that are taken back leave what was saved before, in a store outside the run as well", async () => {
  const { store } = outside();
  class Document extends BlazenState {
    static meta = { storeBy: { body: store } };
    title = "";
    body = "";
  }
  const wf = new Workflow("taken-back");
  let hold;
  const held = new Promise((resolve) => {
    hold = resolve;
  });
  wf.addStep("good", ["blazen::StartEvent"], async (_event, ctx) => {
    await Object.assign(new Document(), { title: "good", body: "good" }).saveTo(ctx, "doc");
    return { type: "Next" };
  });
  wf.addStep("bad", ["Next"], async (_event, ctx) => {
    if (ctx.attempt > 1) return { type: "blazen::StopEvent", result: { ...(await Document.loadFrom(ctx, "doc")) } };
    for (let n = 0; n < 5; n += 1) {
      await Object.assign(new Document(), { title: "bad", body: `bad ${n}` }).saveTo(ctx, "doc");
      assert.equal((await Document.loadFrom(ctx, "doc")).body, `bad ${n}`);
    }
    hold();
    await new Promise(() => {});
  });
  const handler = await wf.runWithHandler();
  await held;
  await handler.pause({ graceMs: 0 });
  await handler.resumeInPlace();
  assert.deepEqual((await handler.result()).data, { title: "good", body: "good" });
});

test("what a store does late for an attempt that was cut short does not reach the next attempt's save", async () => {
  const { saved } = outside();
  let release;
  const late = new Promise((resolve) => {
    release = resolve;
  });
  const stale = [];
  const slow = {
    save: async (key, value, ctx) => {
      if (ctx.attempt === 1) {
        stale.push(late.then(() => saved.set(key, value)));
        await late;
      } else saved.set(key, value);
    },
    load: async (key) => saved.get(key),
  };
  class Document extends BlazenState {
    static meta = { storeBy: { body: slow } };
    body = "";
  }
  const wf = new Workflow("late-store");
  wf.addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
    await Object.assign(new Document(), { body: `attempt ${ctx.attempt}` }).saveTo(ctx, "doc");
    release();
    await Promise.all(stale);
    return { type: "blazen::StopEvent", result: (await Document.loadFrom(ctx, "doc")).body };
  });
  const handler = await wf.runWithHandler();
  await quiet();
  await handler.pause({ graceMs: 0 });
  await handler.resumeInPlace();
  assert.equal((await handler.result()).data, "attempt 2");
});

test("a meta with a name that means nothing is refused", async () => {
  class Typo extends BlazenState {
    static meta = { transiet: ["x"] };
  }
  await inHandler(async (ctx) => {
    await assert.rejects(new Typo().saveTo(ctx, "t"), { code: "ERR_BLAZEN_INVALID_ARGUMENT", message: /"transiet"/ });
  });
});

test("a state goes over with the snapshot", async () => {
  class Progress extends BlazenState {
    static meta = { transient: ["timer"] };
    done = [];
    timer = null;
    restore() {
      this.timer = "restored";
    }
  }
  const wf = new Workflow("moving");
  wf.addStep("ask", ["blazen::StartEvent"], async (_event, ctx) => {
    const progress = new Progress();
    progress.done.push("asked");
    await progress.saveTo(ctx, "progress");
    return { type: "blazen::InputRequestEvent", request_id: "r" };
  });
  wf.addStep("read", ["blazen::InputResponseEvent"], async (_event, ctx) => ({
    type: "blazen::StopEvent",
    result: await Progress.loadFrom(ctx, "progress"),
  }));
  const handler = await wf.runWithHandler();
  await quiet();
  const resumed = await wf.resume(await handler.pause());
  await resumed.respondToInput("r", null);
  assert.deepEqual({ ...(await resumed.result()).data }, { done: ["asked"], timer: "restored" });
});
