// Processes and worker threads, which the package neither holds nor ends.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { START, STOP, stop } from "./bad_input/harness.mjs";
import { assertPrints, HANG, IMPORTS, INDEX, inProcess, ROOT, SHORT } from "./hostile/harness.mjs";

describe("the process", () => {
  test("ends at once when all that it does is import the package", SHORT, () => assertPrints("", 'import "blazen";'));

  test("ends at once when all that it does is require the package", SHORT, () =>
    assertPrints("", 'import { createRequire } from "node:module"; createRequire(process.cwd() + "/")("./index.js");'),
  );

  test("ends by itself when a run has ended, was aborted or is paused", SHORT, () =>
    assertPrints(
      "done",
      `${IMPORTS}
      const workflow = one((e, ctx) => (e.wait ? new Promise(() => {}) : stop()));
      workflow.setTimeout(3600);
      await workflow.run();
      await (await workflow.runWithHandler({ wait: true })).abort();
      await (await workflow.runWithHandler({ wait: true })).pause({ graceMs: 0 });
      const kept = await workflow.runWithHandler({ wait: true });
      await kept.streamEvents(() => {});
      await kept.abort();
      console.log("done");`,
    ),
  );

  for (const [when, body] of Object.entries({
    "a handler": "await one(() => process.exit(7)).run();",
    "a handler after an await": "await one(async () => { await turn(); process.exit(7); }).run();",
    "a stream callback":
      "await one(async (e, ctx) => { await ctx.writeEventToStream({ type: 'A' }); return stop(); }).runStreaming({}, () => process.exit(7));",
    "an abort listener":
      "const h = await one((e, ctx) => { ctx.signal.onabort = () => process.exit(7); return new Promise(() => {}); }).runWithHandler(); await turn(); await h.abort();",
    "a toJSON": "await one((e, ctx) => ctx.set('k', { toJSON: () => process.exit(7) })).run();",
    "an update": "await one((e, ctx) => ctx.state.update('k', () => process.exit(7))).run();",
    "a thousand runs at work":
      "const w = one(() => new Promise(() => {})); for (let n = 0; n < 1000; n += 1) await w.runWithHandler(); process.exit(7);",
  })) {
    test(`ends with the code that process.exit() in ${when} was given`, SHORT, async () => {
      const { code, signal, stderr } = await inProcess(`${IMPORTS}${body}`);
      assert.deepEqual({ code, signal }, { code: 7, signal: null }, stderr);
    });
  }

  test("is not ended by runs that fail with nobody listening, if they have a handler", SHORT, () =>
    assertPrints(
      "alive",
      `${IMPORTS}
      for (let n = 0; n < 20; n += 1) await one(() => { throw new Error("boo"); }).runWithHandler();
      const handler = await one((e, ctx) => ctx.writeEventToStream({ type: "A" })).runWithHandler();
      await handler.streamEvents(() => { throw new Error("boo"); });
      const paused = await one(() => new Promise(() => {})).runWithHandler();
      await turn();
      paused.pause().catch(() => {});
      await paused.abort();
      for (let n = 0; n < 5; n += 1) await turn();
      console.log("alive");`,
    ),
  );

  test("has the package loaded again and again, with a fresh registry, and every copy works", SHORT, async () => {
    const require = createRequire(import.meta.url);
    const copies = [];
    for (let load = 0; load < 20; load += 1) {
      for (const file of Object.keys(require.cache)) if (file.startsWith(ROOT)) delete require.cache[file];
      copies.push(require(INDEX));
    }
    const classes = new Set(copies.map((copy) => copy.Workflow));
    assert.equal(classes.size, copies.length);
    for (const [index, copy] of copies.entries()) {
      const workflow = new copy.Workflow(`copy ${index}`).addStep("s", [START], async (_event, ctx) => {
        assert.ok(ctx instanceof copy.Context);
        await ctx.set("key", index);
        await ctx.session.set("key", index);
        return stop([await ctx.get("key"), await ctx.session.get("key")]);
      });
      assert.deepEqual((await workflow.run()).data, [index, index]);
    }
    assert.throws(() => new copies[3].Workflow(""), copies[3].BlazenError);
  });

  test("has the package loaded into a vm context, as Jest does, and it works beside the first copy", SHORT, () =>
    assertPrints(
      "ran in 3 contexts",
      `${IMPORTS}
      import { readFileSync } from "node:fs";
      import { createRequire } from "node:module";
      import path from "node:path";
      import vm from "node:vm";
      const native = createRequire(process.cwd() + "/");
      /** CommonJS in a context of its own, with a registry of its own; what is not of the package is shared. */
      function registry() {
        const context = vm.createContext({ console, process, Buffer, setTimeout, clearTimeout, setImmediate, queueMicrotask,
          performance, AbortController, AbortSignal, structuredClone, Uint8Array, ArrayBuffer, Float64Array });
        const cache = new Map();
        const load = (file) => {
          if (cache.has(file)) return cache.get(file).exports;
          const module = { exports: {} };
          cache.set(file, module);
          const near = createRequire(file);
          const require = (name) => {
            if (name.startsWith("node:") || name.endsWith(".node")) return near(name);
            const found = near.resolve(name);
            return path.isAbsolute(found) && found.endsWith(".js") ? load(found) : near(name);
          };
          const wrapped = "(function (module, exports, require, __filename, __dirname) {" + readFileSync(file, "utf8") + "\\n})";
          vm.runInContext(wrapped, context, { filename: file })(module, module.exports, require, file, path.dirname(file));
          return module.exports;
        };
        return { load, run: (code) => vm.runInContext(code, context) };
      }
      let ran = 0;
      for (let turn = 0; turn < 3; turn += 1) {
        const { load, run } = registry();
        const { data } = await run(\`(async ({ Workflow, Context, BlazenError }) => {
          const workflow = new Workflow("jest").addStep("s", ["blazen::StartEvent"], async (event, ctx) => {
            if (!(ctx instanceof Context) || event.order !== 42) throw new Error("not the same: " + JSON.stringify(event));
            await ctx.set("k", [1, { a: 2 }]);
            await ctx.setBytes("b", Buffer.from("x"));
            return { type: "blazen::StopEvent", result: [await ctx.get("k"), (await ctx.getBytes("b")).toString()] };
          });
          return workflow.run({ order: 42 });
        })\`)(load(native.resolve("./index.js")));
        if (JSON.stringify(data) === '[[1,{"a":2}],"x"]') ran += 1;
      }
      const mine = await one(() => stop("mine")).run();
      console.log(mine.data === "mine" ? "ran in " + ran + " contexts" : "the first copy broke");`,
    ),
  );
});

describe("worker threads", () => {
  const SOURCE = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Workflow } = require(${JSON.stringify(INDEX)});
    const stop = (result) => ({ type: "${STOP}", result });
    const workflow = new Workflow("worker")
      .addStep("begin", ["${START}"], () => ({ type: "Next", n: 0 }))
      .addStep("next", ["Next"], async ({ n }, ctx) => {
        await ctx.set("n", n);
        await ctx.setBytes("bytes", Buffer.alloc(1000));
        await ctx.session.set("n", { n });
        if (workerData.mode === "ends" && n === 500) return stop(n);
        if (workerData.mode === "waits") { parentPort.postMessage("waiting"); return new Promise(() => {}); }
        if (workerData.mode === "hops" && n === 200) parentPort.postMessage("under way");
        return { type: "Next", n: n + 1 };
      });
    if (workerData.mode === "ends") workflow.run().then(({ data }) => parentPort.postMessage(data));
    else if (workerData.mode === "loads") parentPort.postMessage("loaded");
    else if (workerData.mode === "exits") { workflow.run(); setImmediate(() => process.exit(3)); }
    else { workflow.setTimeout(3600); for (let n = 0; n < 5; n += 1) workflow.runWithHandler().then((h) => h.streamEvents(() => {})); }
  `;
  const start = (mode) => new Worker(SOURCE, { eval: true, execArgv: [], workerData: { mode } });

  test("run workflows of their own to the end, many at once, and exit by themselves", { timeout: HANG }, async () => {
    const outcomes = Array.from({ length: 16 }, async () => {
      const worker = start("ends");
      const exited = once(worker, "exit");
      const [result] = await once(worker, "message");
      return [result, (await exited)[0]];
    });
    assert.deepEqual(await Promise.all(outcomes), Array(16).fill([500, 0]));
  });

  test("exit by themselves when all that they do is load the package", { timeout: HANG }, async () => {
    const outcomes = Array.from({ length: 8 }, async () => (await once(start("loads"), "exit"))[0]);
    assert.deepEqual(await Promise.all(outcomes), Array(8).fill(0));
  });

  test("exit with the code that process.exit() was given in mid-run", { timeout: HANG }, async () => {
    const outcomes = Array.from({ length: 8 }, async () => (await once(start("exits"), "exit"))[0]);
    assert.deepEqual(await Promise.all(outcomes), Array(8).fill(3));
  });

  for (const mode of ["hops", "waits"]) {
    test(`terminated in mid-run, sixty of them while the run ${mode}, leave the process and its other runs whole`, {
      timeout: HANG,
    }, async () => {
      await assertPrints(
        "60 terminated, 20 ran here",
        `${IMPORTS}
        import { once } from "node:events";
        import { Worker } from "node:worker_threads";
        let terminated = 0;
        let ran = 0;
        const lane = async (lane) => {
          for (let n = 0; n < 10; n += 1) {
            const worker = new Worker(${JSON.stringify(SOURCE)}, { eval: true, execArgv: [], workerData: { mode: ${JSON.stringify(mode)} } });
            await once(worker, "message");
            await worker.terminate();
            terminated += 1;
          }
        };
        const here = async () => {
          for (let n = 0; n < 20; n += 1) {
            const { data } = await one(async (e, ctx) => { await ctx.set("n", n); await turn(); return stop(await ctx.get("n")); }).run();
            if (data === n) ran += 1;
          }
        };
        await Promise.all([...Array(6).keys()].map(lane).concat(here()));
        console.log(terminated + " terminated, " + ran + " ran here");`,
        ["--expose-gc"],
      );
    });
  }

  test("terminated at any moment of loading leave the process whole", { timeout: HANG }, async () => {
    await assertPrints(
      "40 terminated",
      `import { Worker } from "node:worker_threads";
      let terminated = 0;
      const lane = async (lane) => {
        for (let n = 0; n < 10; n += 1) {
          const worker = new Worker(${JSON.stringify(SOURCE)}, { eval: true, execArgv: [], workerData: { mode: "hops" } });
          await new Promise((resolve) => setTimeout(resolve, (n * 7 + lane * 3) % 40));
          await worker.terminate();
          terminated += 1;
        }
      };
      await Promise.all([0, 1, 2, 3].map(lane));
      console.log(terminated + " terminated");`,
    );
  });

  test("that are still at work when the process exits do not hold or crash it", { timeout: HANG }, async () => {
    const { code, signal, stderr } = await inProcess(`
      import { once } from "node:events";
      import { Worker } from "node:worker_threads";
      const workers = Array.from({ length: 6 }, () => new Worker(${JSON.stringify(SOURCE)}, { eval: true, execArgv: [], workerData: { mode: "hops" } }));
      await Promise.all(workers.map((worker) => once(worker, "message")));
      process.exit(5);`);
    assert.deepEqual({ code, signal }, { code: 5, signal: null }, stderr);
  });
});
