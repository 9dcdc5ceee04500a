// The process and the event loop around a run.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import vm from "node:vm";
import { Worker } from "node:worker_threads";
import { Workflow } from "blazen";
import { quiet } from "./turns.mjs";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);
const stop = (result) => ({ type: "blazen::StopEvent", result });

/** Runs a script as a process of its own; rejects unless it ends well. A minute is far more than any needs. */
function script(source) {
  return run(process.execPath, ["--unhandled-rejections=strict", "--input-type=module", "-e", source], {
    cwd: root,
    timeout: 60_000,
  });
}

test("a script that only imports the package ends by itself", async () => {
  await script('import "blazen";');
});

test("a script ends when its runs have ended, and no sooner", async () => {
  const { stdout } = await script(`
    import { Workflow } from "blazen";
    const wf = new Workflow("work", { timeout: 3600 });
    wf.addStep("wait", ["blazen::StartEvent"], () => new Promise((resolve) => {
      setTimeout(() => resolve({ type: "blazen::StopEvent", result: "done" }), 10);
    }));
    console.log((await wf.run()).data);
  `);
  assert.equal(stdout, "done\n");
});

test("a parked run holds nothing open", async () => {
  const { stdout } = await script(`
    import { Workflow } from "blazen";
    const wf = new Workflow("parked");
    wf.addStep("ask", ["blazen::StartEvent"], async () => ({ type: "blazen::InputRequestEvent", request_id: "r" }));
    wf.addStep("read", ["blazen::InputResponseEvent"], async () => null);
    wf.runWithHandler().then((handler) => handler.streamEvents((event) => console.log(event.request_id)));
  `);
  assert.equal(stdout, "r\n");
});

test("handlers that are always ready do not starve timers and I/O", async () => {
  const wf = new Workflow("busy");
  let over = false;
  wf.addStep("again", ["blazen::StartEvent", "Again"], async () => (over ? stop("stopped") : { type: "Again" }));
  const runs = [wf.run(), wf.run(), wf.run()];
  await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise(setImmediate);
  await readFile(new URL("../package.json", import.meta.url));
  over = true;
  assert.deepEqual(
    (await Promise.all(runs)).map(({ data }) => data),
    ["stopped", "stopped", "stopped"],
  );
});

test("a busy run does not keep another from its turn", async () => {
  const busy = new Workflow("busy");
  let over = false;
  busy.addStep("again", ["blazen::StartEvent", "Again"], () => (over ? stop() : { type: "Again" }));
  const quick = new Workflow("quick").addStep("only", ["blazen::StartEvent"], async () => stop("done"));
  const long = busy.run();
  for (let n = 0; n < 20; n += 1) assert.equal((await quick.run()).data, "done");
  over = true;
  await long;
});

test("AsyncLocalStorage of whoever starts a run reaches all of its handlers, and only them", async () => {
  const storage = new AsyncLocalStorage();
  const wf = new Workflow("context");
  wf.addStep("first", ["blazen::StartEvent"], async () => {
    const before = storage.getStore();
    storage.enterWith("changed by a handler");
    await null;
    return { type: "Next", seen: [before] };
  });
  wf.addStep("ask", ["Next"], async ({ seen }, ctx) => {
    await ctx.set("seen", [...seen, storage.getStore()]);
    return { type: "blazen::InputRequestEvent", request_id: "r" };
  });
  wf.addStep("read", ["blazen::InputResponseEvent"], async (_event, ctx) => {
    for (let n = 0; n < 2_000; n += 1) await ctx.sendEvent({ type: "Filler" });
    return { type: "Last" };
  });
  wf.addStep("filler", ["Filler"], async () => null);
  wf.addStep("last", ["Last"], async (_event, ctx) => stop([...(await ctx.get("seen")), storage.getStore()]));

  const started = await Promise.all(
    ["one", "other"].map((name) =>
      storage.run(name, async () => {
        const handler = await wf.runWithHandler();
        assert.equal(storage.getStore(), name);
        return handler;
      }),
    ),
  );
  await quiet();
  await storage.run("who answers", () => Promise.all(started.map((handler) => handler.respondToInput("r", 1))));
  const results = await Promise.all(started.map((handler) => handler.result()));
  assert.deepEqual(
    results.map(({ data }) => data),
    [
      ["one", "one", "one"],
      ["other", "other", "other"],
    ],
  );
  assert.equal(storage.getStore(), undefined);
});

test("AsyncLocalStorage of whoever reads a stream reaches the callback", async () => {
  const storage = new AsyncLocalStorage();
  const wf = new Workflow("stream");
  wf.addStep("talk", ["blazen::StartEvent"], async (_event, ctx) => {
    await ctx.writeEventToStream({ type: "Hello" });
    return stop();
  });
  const handler = await storage.run("runner", () => wf.runWithHandler());
  const seen = [];
  await storage.run("reader", () => handler.streamEvents(() => void seen.push(storage.getStore())));
  await handler.result();
  assert.deepEqual(seen, ["reader"]);
});

test("worker threads run workflows of their own, several at once and one after the other", async () => {
  const source = `
    const { Workflow } = require("blazen");
    const { parentPort, workerData } = require("node:worker_threads");
    const wf = new Workflow("worker");
    wf.addStep("again", ["blazen::StartEvent", "Again"], async ({ n = 0 }) =>
      n < 1000 ? { type: "Again", n: n + 1 } : { type: "blazen::StopEvent", result: workerData });
    wf.run().then(({ data }) => parentPort.postMessage(data));
  `;
  const one = (workerData) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(source, { eval: true, workerData });
      let answer;
      worker.once("message", (message) => {
        answer = message;
      });
      worker.once("error", reject);
      worker.once("exit", (code) => (code === 0 ? resolve(answer) : reject(new Error(`exit ${code}`))));
    });
  for (let round = 0; round < 3; round += 1) {
    assert.deepEqual(await Promise.all([1, 2, 3].map(one)), [1, 2, 3]);
  }
});

test("handlers, events and values of another realm are taken as those of this one", async () => {
  const elsewhere = vm.runInNewContext(`({
    input: { order: 42 },
    handler: async (event, ctx) => {
      await ctx.set("value", { list: [1, { deep: null }], when: new Date(0) });
      await ctx.setBytes("bytes", new Uint8Array([1, 2]));
      return { type: "Next", order: event.order };
    },
    fails: async () => { throw new TypeError("elsewhere"); },
  })`);
  const wf = new Workflow("realms");
  wf.addStep("there", ["blazen::StartEvent"], elsewhere.handler);
  wf.addStep("here", ["Next"], async ({ order }, ctx) => stop([order, await ctx.get("value"), await ctx.get("bytes")]));
  assert.deepEqual((await wf.run(elsewhere.input)).data, [
    42,
    { list: [1, { deep: null }], when: "1970-01-01T00:00:00.000Z" },
    Buffer.of(1, 2),
  ]);
  const failing = new Workflow("fails").addStep("only", ["blazen::StartEvent"], elsewhere.fails);
  await assert.rejects(failing.run(), { code: "ERR_BLAZEN_STEP_FAILED", message: 'step "only" failed: elsewhere' });
});

test("the package works inside another realm, as in the sandbox of a test runner", async () => {
  const load = createRequire(import.meta.url);
  const inside = vm.createContext({
    process,
    performance,
    setImmediate,
    queueMicrotask,
    Buffer,
    AbortController,
    AbortSignal,
  });
  const modules = new Map();
  /** Loads a file of the package in the sandbox, and anything else as Node does. */
  const requireFrom = (from) => (name) => {
    const path = name.startsWith(".") ? load.resolve(new URL(name, from).pathname) : name;
    if (!path.endsWith(".js") || path.endsWith("native.js")) return load(path);
    if (!modules.has(path)) {
      const module = { exports: {} };
      modules.set(path, module);
      const wrapped = vm.compileFunction(readFileSync(path, "utf8"), ["require", "module", "exports"], {
        filename: path,
        parsingContext: inside,
      });
      wrapped(requireFrom(pathToFileURL(path)), module, module.exports);
    }
    return modules.get(path).exports;
  };
  const { Workflow: Inside, BlazenError } = requireFrom(new URL("../index.js", import.meta.url))("./index.js");
  assert.notEqual(Inside, Workflow);
  const wf = new Inside("inside");
  wf.addStep("only", ["blazen::StartEvent"], async ({ order }, ctx) => {
    await ctx.set("order", order);
    return stop(await ctx.get("order"));
  });
  assert.equal((await wf.run({ order: 42 })).data, 42);
  assert.throws(
    () => wf.addStep("only", ["A"], () => null),
    (error) => error instanceof BlazenError && error.code === "ERR_BLAZEN_INVALID_ARGUMENT",
  );
});

test("timers that a test has replaced and put back stop no run", async () => {
  const { stdout } = await script(`
    import { mock } from "node:test";
    import { Workflow } from "blazen";
    const wf = new Workflow("mocked");
    wf.addStep("again", ["blazen::StartEvent", "Again"], ({ n = 0 }) =>
      n < 2000 ? { type: "Again", n: n + 1 } : { type: "blazen::StopEvent", result: n });
    mock.timers.enable();
    const during = await wf.run({ n: 1990 });
    mock.timers.reset();
    console.log(during.data, (await wf.run()).data);
    process.exit();
  `);
  assert.equal(stdout, "2000 2000\n");
});

test("a run that has ended holds none of its state, whoever holds the run", async () => {
  const { stdout } = await script(`
    import { Workflow } from "blazen";
    const wf = new Workflow("large").addStep("only", ["blazen::StartEvent"], async (_event, ctx) => {
      await ctx.setBytes("bytes", Buffer.alloc(16 * 2 ** 20, 1));
      return { type: "blazen::StopEvent" };
    });
    const held = [];
    for (let n = 0; n < 40; n += 1) { const handler = await wf.runWithHandler(); held.push(handler); await handler.result(); }
    const { rss } = process.memoryUsage();
    console.log(held.length, rss < 400 * 2 ** 20 ? "small" : rss);
  `);
  assert.equal(stdout, "40 small\n");
});

test("the package can be loaded several times in one process, as test runners do", async () => {
  const { stdout } = await script(`
    import { createRequire } from "node:module";
    const require = createRequire(process.cwd() + "/");
    const loads = [];
    for (let n = 0; n < 3; n += 1) {
      for (const path of Object.keys(require.cache)) if (!path.endsWith(".node")) delete require.cache[path];
      loads.push(require("blazen"));
    }
    const results = await Promise.all(loads.map(({ Workflow }, n) => new Workflow("w" + n)
      .addStep("only", ["blazen::StartEvent"], async () => ({ type: "blazen::StopEvent", result: n })).run()));
    console.log(new Set(loads).size, results.map(({ data }) => data).join());
  `);
  assert.equal(stdout, "3 0,1,2\n");
});
