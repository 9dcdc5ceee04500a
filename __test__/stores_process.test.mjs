// A store's file and the processes and threads around it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import { Worker } from "node:worker_threads";
import { SqliteStore } from "blazen";
import { newFile, newFolder, one, ROOT, stop, test } from "./stores/harness.mjs";

const LIVES = 200;
const OPENINGS = 1_000;

/** What every script begins with. The path of its store is the last argument. */
const IMPORTS = `import { MemoryStore, SqliteStore, Workflow } from "blazen";
const path = process.argv.at(-1);
const START = "blazen::StartEvent";
const stop = (result) => ({ type: "blazen::StopEvent", result });
`;

function begin(source, path, imports = IMPORTS) {
  const child = spawn(
    process.execPath,
    ["--unhandled-rejections=strict", "--expose-gc", "--input-type=module", "-e", imports + source, path],
    { cwd: ROOT, timeout: 60_000, killSignal: "SIGKILL", stdio: ["pipe", "pipe", "inherit"] },
  );
  const output = [];
  child.stdout.setEncoding("utf8").on("data", (piece) => output.push(piece));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stdout: output.join("").trim() }));
  return { child, ended };
}

/** Runs a script to its end, which must be a good one. */
async function script(source, path = newFile(), imports = IMPORTS) {
  const { code, signal, stdout } = await begin(source, path, imports).ended;
  assert.deepEqual([code, signal], [0, null], stdout);
  return stdout;
}

/** A process that has the store open and a run at work, until it is killed. */
async function owner(path) {
  const source = `
    const store = SqliteStore.open(path);
    const wf = new Workflow("one", { store }).addStep("only", [START], () => new Promise(() => {}));
    const { runId } = await wf.runWithHandler();
    process.stdin.resume();
    console.log(runId);
  `;
  const { child, ended } = begin(source, path);
  const [line] = await Promise.race([once(child.stdout, "data"), ended.then(() => assert.fail("it ended"))]);
  return { child, ended, runId: line.trim() };
}

describe("one process runs a store", () => {
  test("another is told who, may look meanwhile, and has it when that is killed", async () => {
    const path = newFile();
    const { child, ended, runId } = await owner(path);
    const locked = { code: "ERR_BLAZEN_STORE_LOCKED", message: new RegExp(`\\b${child.pid}\\b`) };
    assert.throws(() => SqliteStore.open(path), locked);

    const looking = SqliteStore.open(path, { readOnly: true });
    const seen = await looking.run(runId);
    assert.deepEqual([seen.status, seen.pending.map(({ step }) => step)], ["running", ["only"]]);
    assert.equal((await looking.runs()).runs.length, 1);
    const readOnly = { code: "ERR_BLAZEN_STORE_READ_ONLY" };
    await assert.rejects(one(looking, () => stop()).run(), readOnly);
    await assert.rejects(looking.prune({ finishedBefore: new Date() }), readOnly);
    await looking.close();

    child.kill("SIGKILL");
    await ended;
    const store = SqliteStore.open(path);
    const [handler] = await one(store, (_event, ctx) => stop(ctx.attempt)).recover();
    assert.deepEqual([handler.runId, (await handler.result()).data], [runId, 2]);
    await store.close();
  });

  test("and so does one thread, one opening: whoever is second is told", async () => {
    const path = newFile();
    const store = SqliteStore.open(path);
    const locked = { code: "ERR_BLAZEN_STORE_LOCKED", message: new RegExp(`\\b${process.pid}\\b`) };
    assert.throws(() => SqliteStore.open(path), locked);
    const worker = new Worker(
      `const { SqliteStore } = require("blazen");
       try { SqliteStore.open(${JSON.stringify(path)}); } catch ({ code }) { require("node:worker_threads").parentPort.postMessage(code); }`,
      { eval: true },
    );
    const exit = once(worker, "exit");
    assert.deepEqual(await once(worker, "message"), ["ERR_BLAZEN_STORE_LOCKED"]);
    await exit;
    await store.close();
    await SqliteStore.open(path).close();
  });

  test("of many that want it at once", async () => {
    const path = newFile();
    const source = `
      try {
        const store = SqliteStore.open(path);
        console.log("has it");
        process.stdin.resume().once("end", () => store.close());
      } catch (error) {
        console.log(error.code, error.message.match(/process (\\d+)/)?.[1]);
      }
    `;
    const processes = Array.from({ length: 6 }, () => begin(source, path));
    const lines = await Promise.all(processes.map(({ child }) => once(child.stdout, "data")));
    const owners = processes.filter((_, at) => lines[at][0].trim() === "has it");
    assert.equal(owners.length, 1);
    for (const [line] of lines) {
      if (line.trim() !== "has it") assert.equal(line.trim(), `ERR_BLAZEN_STORE_LOCKED ${owners[0].child.pid}`);
    }
    owners[0].child.stdin.end();
    for (const { ended } of processes) assert.equal((await ended).code, 0);
  });
});

describe("a process ends", () => {
  test("by itself, at once, if it forgets to close a store", async () => {
    const path = newFile();
    const stdout = await script(
      `
      const idle = [SqliteStore.open(path), new MemoryStore()];
      const { data } = await new Workflow("one", { store: idle[0] }).addStep("only", [START], () => stop("done")).run();
      await Promise.all(idle.map((store) => store.runs()));
      process.on("exit", () => console.log(data, process.getActiveResourcesInfo().length));
    `,
      path,
    );
    assert.equal(stdout, "done 0");
    assert.equal((await SqliteStore.open(path, { readOnly: true }).runs({ status: "completed" })).runs.length, 1);
  });

  test("with a run that waits for a person, and that run is there for the next", async () => {
    const path = newFile();
    const source = `
      const wf = new Workflow("asking", { store: SqliteStore.open(path) })
        .addStep("ask", [START], () => ({ type: "blazen::InputRequestEvent", request_id: "q" }))
        .addStep("hear", ["blazen::InputResponseEvent"], ({ response }) => stop(response));
      const handlers = await wf.recover();
      console.log(handlers.length);
    `;
    const asks = `const handler = await wf.runWithHandler(); await handler.streamEvents(() => console.log("asked"));`;
    const answers = `await handlers[0].respondToInput("q", "yes"); console.log((await handlers[0].result()).data);`;
    assert.equal(await script(source + asks, path), "0\nasked");
    assert.equal(await script(source, path), "1");
    assert.equal(await script(source + answers, path), "1\nyes");
    assert.equal(await script(source, path), "0");
  });

  test("not while a commit is on its way to somebody who waits", async () => {
    const stdout = await script(`
      const wf = new Workflow("count", { store: SqliteStore.open(path) })
        .addStep("count", [START, "Again"], ({ n = 0 }) => (n < 200 ? { type: "Again", n: n + 1 } : stop(n)));
      wf.run().then(({ data }) => console.log(data));
    `);
    assert.equal(stdout, "200");
  });

  for (const durability of ["sync", "async"]) {
    test(`in mid-commit by process.exit(), and loses nothing acknowledged, with the durability ${durability}`, async () => {
      for (let exitAt = 1; exitAt <= 9; exitAt += 2) {
        const path = newFile();
        const stdout = await script(
          `
          import { writeSync } from "node:fs";
          const wf = new Workflow("sends", { store: SqliteStore.open(path), durability: "${durability}" })
            .addStep("send", [START, "Again"], async ({ n = 0 }, ctx) => {
              if ("${durability}" === "sync") {
                await ctx.sendEvent({ type: "Note", n });
                writeSync(1, (await ctx.runId()) + " " + n + "\\n");
              }
              return { type: "Again", n: n + 1 };
            })
            .addStep("note", ["Note"], () => null);
          const quick = new Workflow("quick", { store: SqliteStore.open(path + "2"), durability: "${durability}" })
            .addStep("only", [START], () => stop("done"));
          for (let n = 0; n < 20; n += 1) wf.run();
          let ended = 0;
          for (let n = 0; n < 100; n += 1) {
            quick.run().then(({ runId }) => {
              writeSync(1, runId + " ended\\n");
              ended += 1;
              if (ended === ${exitAt}) process.exit(0);
            });
          }
        `,
          path,
        );
        const stores = [path, `${path}2`].map((file) => SqliteStore.open(file));
        const lines = stdout.split("\n").map((line) => line.split(" "));
        assert.ok(lines.filter(([, what]) => what === "ended").length >= exitAt);
        for (const [runId, what] of lines) {
          if (what === "ended") {
            assert.equal((await stores[1].run(runId)).status, "completed");
            continue;
          }
          const { pending } = await stores[0].run(runId);
          const settled = (await stores[0].history(runId)).flatMap(({ settled }) => settled ?? []);
          const notes = [...pending, ...settled].filter(
            ({ step, event }) => step === "note" && event.n === Number(what),
          );
          assert.equal(notes.length, 1, `note ${what} of ${runId}`);
        }
        await Promise.all(stores.map((store) => store.close()));
      }
    });
  }
});

describe("threads", () => {
  test(`are ended ${LIVES} times in mid-commit where nothing else loads the package, and nothing that was acknowledged is lost`, async () => {
    const paths = Array.from({ length: 4 }, newFile);
    const worker = `
      const { SqliteStore, Workflow } = require("blazen");
      const { parentPort, workerData } = require("node:worker_threads");
      const wf = new Workflow("count", { store: SqliteStore.open(workerData.path) })
        .addStep("count", ["blazen::StartEvent", "Again"], ({ n = 0 }) =>
          n < 5 ? { type: "Again", n: n + 1 } : { type: "blazen::StopEvent", result: n });
      parentPort.postMessage({ opened: true });
      const go = () => wf.run().then(({ runId }) => { parentPort.postMessage({ runId }); return go(); });
      for (let n = 0; n < 10; n += 1) go();
    `;
    const livesOn = `
      import { Worker } from "node:worker_threads";
      async function live(path, heard) {
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [], workerData: { path } });
        await new Promise((resolve, reject) => {
          let messages = 0;
          worker.on("error", reject);
          worker.on("message", ({ runId }) => {
            if (runId !== undefined) console.log(path, runId);
            messages += 1;
            if (messages > heard) resolve();
          });
        });
        await worker.terminate();
      }
      await Promise.all(${JSON.stringify(paths)}.map(async (path) => {
        for (let life = 0; life < ${LIVES / 4}; life += 1) await live(path, life % 6);
      }));
    `;
    const told = (await script(livesOn, "", "")).split("\n").map((line) => line.split(" "));
    assert.ok(told.length > LIVES);
    for (const path of paths) {
      const store = SqliteStore.open(path);
      const acknowledged = told.flatMap(([where, runId]) => (where === path ? [runId] : []));
      for (const runId of acknowledged) assert.equal((await store.run(runId)).status, "completed");
      await store.close();
    }
  });

  test("work on stores of their own, beside each other", async () => {
    const source = `
      const { SqliteStore, Workflow } = require("blazen");
      const { parentPort, workerData } = require("node:worker_threads");
      const wf = new Workflow("one", { store: SqliteStore.open(workerData) })
        .addStep("only", ["blazen::StartEvent"], () => ({ type: "blazen::StopEvent", result: 1 }));
      Promise.all(Array.from({ length: 50 }, () => wf.run())).then((all) => parentPort.postMessage(all.length));
    `;
    const threads = Array.from({ length: 4 }, () => new Worker(source, { eval: true, workerData: newFile() }));
    const exits = threads.map((worker) => once(worker, "exit"));
    const answers = await Promise.all(threads.map((worker) => once(worker, "message")));
    assert.deepEqual(answers.flat(), [50, 50, 50, 50]);
    await Promise.all(exits);
  });
});

describe("a store that is opened and closed", () => {
  test(`${OPENINGS} times leaves nothing behind in the process`, async () => {
    // In memory where there is a place for that: this is about the process, and not about the disk.
    const folder = existsSync("/dev/shm") ? mkdtempSync("/dev/shm/blazen-") : newFolder();
    const stdout = await script(
      `
      import { readdirSync } from "node:fs";
      const cycle = async () => {
        const store = SqliteStore.open(path);
        await new Workflow("one", { store }).addStep("only", [START], () => stop()).run();
        await store.prune({ finishedBefore: new Date(8.64e15) });
        await store.close();
      };
      const megabytes = () => { gc(); return process.memoryUsage().rss / 2 ** 20; };
      const open = (folder) => { try { return readdirSync(folder).length; } catch { return 0; } };
      for (let n = 0; n < ${OPENINGS / 5}; n += 1) await cycle();
      const before = [megabytes(), open("/proc/self/fd"), open("/proc/self/task")];
      for (let n = 0; n < ${OPENINGS}; n += 1) await cycle();
      const after = [megabytes(), open("/proc/self/fd"), open("/proc/self/task")];
      console.log(JSON.stringify(after.map((value, at) => value - before[at])));
    `,
      join(folder, "store.db"),
    );
    rmSync(folder, { recursive: true, force: true });
    const [megabytes, files, threads] = JSON.parse(stdout);
    assert.ok(megabytes < 32, `${megabytes} MiB more`);
    assert.ok(files <= 1 && threads <= 1, `${files} files and ${threads} threads more`);
  });

  test("leaves a file that says by itself whose it is, and no log", async () => {
    const path = newFile();
    const store = SqliteStore.open(path);
    await one(store, () => stop()).run();
    await store.close();
    assert.equal(readFileSync(path).subarray(0, 15).toString(), "SQLite format 3");
    assert.ok(!existsSync(`${path}-wal`), "a store that was closed is one file");
  });
});
