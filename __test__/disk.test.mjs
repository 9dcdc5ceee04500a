// What a user meets when the disk is full, read-only, gone, or holds something else. Disks are made for the tests, where
// this process may make some.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import { SqliteStore, StoreError, Workflow } from "blazen";
import {
  asking,
  cleanups,
  newFile,
  newFolder,
  one,
  rejectionOf,
  START,
  stop,
  test,
  waiting,
} from "./stores/harness.mjs";

const UNAVAILABLE = { code: "ERR_BLAZEN_STORE_UNAVAILABLE" };
const CORRUPT = { code: "ERR_BLAZEN_STORE_CORRUPT" };
const READ_ONLY = { code: "ERR_BLAZEN_STORE_READ_ONLY" };
const FULL = { code: "ERR_BLAZEN_STORE_FULL" };

/** A disk of some size, in memory. Only root on Linux may make one. */
function mount(options) {
  const folder = newFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
  cleanups.push(() => execFileSync("umount", ["-l", folder]));
  return folder;
}

function mayMount() {
  try {
    mount("size=64k");
    return true;
  } catch {
    return false;
  }
}

const skip = !mayMount() && "this process may not mount anything";

/** Fills what is left of a disk. */
function fill(folder) {
  const file = openSync(join(folder, "ballast"), "w");
  for (let size = 65_536; size >= 1; size = Math.floor(size / 4)) {
    try {
      for (;;) if (writeSync(file, Buffer.alloc(size)) < size) break;
    } catch (error) {
      assert.equal(error.code, "ENOSPC");
    }
  }
  fsyncSync(file);
  closeSync(file);
}

const large = (n) => ({ type: "Again", n, ballast: "x".repeat(20_000) });

/** Runs that write and write until their disk is full, or `most` steps are done. */
const growing = (store, most, told = () => {}) =>
  new Workflow("growing", { store }).addStep("grow", [START, "Again"], async ({ n = 0 }, ctx) => {
    told(await ctx.runId(), n);
    await ctx.set("n", n);
    return n < most ? large(n + 1) : stop(n);
  });

describe("a disk that is full", { skip }, () => {
  test("fails the runs that write, and loses nothing that was done; when there is space they go on", async () => {
    const folder = mount("size=2m");
    const path = join(folder, "store.db");
    const store = SqliteStore.open(path);
    const done = await one(store, () => stop("done")).run();
    const reached = new Map();
    const wf = growing(store, 1_000, (runId, n) => reached.set(runId, n));
    const handlers = await Promise.all([wf.runWithHandler(), wf.runWithHandler()]);
    fill(folder);
    const errors = await Promise.all(handlers.map((handler) => rejectionOf(handler.result())));
    for (const [at, error] of errors.entries()) {
      assert.ok(error instanceof StoreError);
      assert.deepEqual([error.code, error.runId], [FULL.code, handlers[at].runId]);
      assert.match(error.message, /store\.db/);
    }
    await assert.rejects(one(store, () => stop()).run(), FULL);
    await assert.rejects(one(store, () => stop()).runWithHandler(), FULL);
    assert.equal((await new Workflow("memory").addStep("only", [START], () => stop("goes on")).run()).data, "goes on");
    assert.equal((await store.run(done.runId)).result, "done", "what is stored can be read");
    for (const [runId, n] of reached) {
      const { status, pending } = await store.run(runId);
      assert.deepEqual([status, pending[0].event.n ?? 0], ["running", n], "the last step that was called is the next");
    }

    rmSync(join(folder, "ballast"));
    assert.equal((await one(store, () => stop("there is space")).run()).data, "there is space");
    const again = await growing(store, 0).recover();
    assert.deepEqual(new Set(again.map(({ runId }) => runId)), new Set(handlers.map(({ runId }) => runId)));
    const results = await Promise.all(again.map((handler) => handler.result()));
    for (const { data, runId } of results) assert.equal(data, reached.get(runId));
    await store.close();
  });

  test("refuses a new store, and leaves no piece of one", async () => {
    const folder = mount("size=64k");
    fill(folder);
    assert.throws(() => SqliteStore.open(join(folder, "store.db")), { code: /^ERR_BLAZEN_STORE_(FULL|IO)$/ });
    assert.deepEqual(readdirSync(folder), ["ballast"]);
    rmSync(join(folder, "ballast"));
  });

  test("fills up under asynchronous runs: a result that was given is stored, and all else is told", async () => {
    const folder = mount("size=1m");
    const store = SqliteStore.open(join(folder, "store.db"));
    const wf = new Workflow("fills", { store, durability: "async" }).addStep("fill", [START], async ({ n }, ctx) => {
      await ctx.set("ballast", "x".repeat(20_000));
      return stop(n);
    });
    const runs = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => wf.run({ n })));
    const [good, bad] = ["fulfilled", "rejected"].map((status) => runs.filter((run) => run.status === status));
    assert.ok(bad.length > 0);
    for (const { reason } of bad) assert.equal(reason.code, FULL.code);
    for (const { value } of good) assert.equal((await store.run(value.runId)).status, "completed");
  });
});

/** The code of the error when a process opens a file to which permissions apply. To root they do only without its rights. */
function codeOfOpening(path, options) {
  const open = `
    const { SqliteStore } = require("blazen");
    try { SqliteStore.open(...${JSON.stringify([path, options])}); } catch (error) { console.log(error.code); }`;
  const program = [process.execPath, "-e", open];
  const without = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"];
  const [command, ...rest] = process.getuid?.() === 0 ? [...without, ...program] : program;
  return execFileSync(command, rest, { encoding: "utf8" }).trim();
}

describe("what cannot be written to", () => {
  test("a file system that is read-only can be looked at, and not run", async (t) => {
    if (skip) return t.skip(skip);
    const folder = mount("size=4m");
    const path = join(folder, "store.db");
    const store = SqliteStore.open(path);
    const { runId } = await one(store, () => stop("kept")).run();
    await store.close();
    execFileSync("mount", ["-o", "remount,ro", folder]);
    assert.throws(() => SqliteStore.open(path), READ_ONLY);
    assert.throws(() => SqliteStore.open(join(folder, "new.db")), READ_ONLY);
    const looking = SqliteStore.open(path, { readOnly: true });
    assert.equal((await looking.run(runId)).result, "kept");
    await looking.close();
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("new")),
      [],
    );
  });

  test("a file without permission", async () => {
    const path = newFile();
    await SqliteStore.open(path).close();
    chmodSync(path, 0o444);
    assert.equal(codeOfOpening(path, {}), READ_ONLY.code);
    chmodSync(path, 0o000);
    assert.equal(codeOfOpening(path, { readOnly: true }), UNAVAILABLE.code);
  });
});

describe("what is no store", () => {
  const refusals = {
    "a folder that is not there": [(path) => join(path, "no", "store.db"), () => {}, UNAVAILABLE],
    "a folder": [(path) => path, (path) => mkdirSync(path), UNAVAILABLE],
    "a path below a file": [(path) => join(path, "store.db"), (path) => writeFileSync(path, "text"), UNAVAILABLE],
    "a link to nothing": [(path) => path, (path) => symlinkSync(`${path}.gone`, path), UNAVAILABLE],
    "a name that is too long": [(path) => `${path}${"x".repeat(300)}`, () => {}, UNAVAILABLE],
    ":memory:": [() => ":memory:", () => {}, UNAVAILABLE],
    garbage: [(path) => path, (path) => writeFileSync(path, "this is not a database. ".repeat(1_000)), CORRUPT],
    "a few bytes": [(path) => path, (path) => writeFileSync(path, "SQL"), CORRUPT],
    "the beginning of a database": [(path) => path, (path) => writeFileSync(path, "SQLite format 3\0"), CORRUPT],
  };
  for (const [what, [place, make, expected]] of Object.entries(refusals)) {
    test(`${what} is refused, and stays as it was`, () => {
      const path = newFile();
      make(path);
      const there = readdirSync(join(path, ".."));
      assert.throws(() => SqliteStore.open(place(path)), expected);
      assert.throws(() => SqliteStore.open(place(path), { readOnly: true }), { code: expected.code });
      assert.deepEqual(readdirSync(join(path, "..")), there);
    });
  }

  test("a file that is not there cannot be looked at, and an empty one becomes a store", async () => {
    const path = newFile();
    assert.throws(() => SqliteStore.open(path, { readOnly: true }), UNAVAILABLE);
    assert.ok(!existsSync(path));
    writeFileSync(path, "");
    const store = SqliteStore.open(path);
    assert.equal((await one(store, () => stop(1)).run()).data, 1);
    await store.close();
  });

  test("a file of a newer version is refused, and stays as it was", async () => {
    const path = newFile();
    const store = SqliteStore.open(path);
    const { runId } = await one(store, () => stop("kept")).run();
    await store.close();
    const bytes = readFileSync(path);
    const version = bytes.readUInt32BE(60); // where SQLite keeps `user_version`
    bytes.writeUInt32BE(9_999, 60);
    writeFileSync(path, bytes);
    const newer = { code: "ERR_BLAZEN_STORE_VERSION", message: /9999/ };
    assert.throws(() => SqliteStore.open(path), newer);
    assert.throws(() => SqliteStore.open(path, { readOnly: true }), newer);
    assert.deepEqual(readFileSync(path), bytes);
    bytes.writeUInt32BE(version, 60);
    writeFileSync(path, bytes);
    assert.equal((await SqliteStore.open(path).run(runId)).result, "kept");
  });
});

describe("a file that changes underneath", () => {
  /** A store with twenty runs that have ended and one that waits, closed. */
  async function closed() {
    const path = newFile();
    const store = SqliteStore.open(path);
    const wf = one(store, async ({ n }, ctx) => {
      await ctx.set("mark", `value number ${n}`);
      return stop(n);
    });
    const runs = await Promise.all(Array.from({ length: 20 }, (_, n) => wf.run({ n })));
    const handler = await waiting(asking(store));
    await store.close();
    return { path, ids: runs.map(({ runId }) => runId), waits: handler.runId };
  }

  test("one damaged value is told of by whoever reads that run, and the others are read", async () => {
    const { path, ids } = await closed();
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"value number 7"');
    assert.ok(at > 0);
    for (let found = at; found > 0; found = bytes.indexOf('"value number 7"', found + 1)) bytes.write("V", found + 1);
    writeFileSync(path, bytes);
    const store = SqliteStore.open(path);
    await assert.rejects(store.run(ids[7]), { ...CORRUPT, message: new RegExp(ids[7]) });
    for (const n of [6, 8]) assert.equal((await store.run(ids[n])).result, n);
    assert.equal((await store.runs()).runs.length, 21);
    await store.close();
  });

  test("one damaged unfinished run is told of by name when it is taken up, and the others go on", async () => {
    const { path, waits } = await closed();
    const store = SqliteStore.open(path);
    const other = await waiting(asking(store));
    await store.close();
    const bytes = readFileSync(path);
    const marked = `"request_id":"question"`;
    // The request of the run that waits stands once in the file, before that of the other.
    const found = [];
    for (let at = bytes.indexOf(marked); at >= 0; at = bytes.indexOf(marked, at + 1)) found.push(at);
    assert.ok(found.length >= 2);
    bytes.write("Question", Math.max(...found) + 14);
    writeFileSync(path, bytes);
    const again = SqliteStore.open(path);
    const outcomes = await Promise.all(
      (await asking(again).recover()).map(async (handler) => {
        const answered = await handler.respondToInput("question", "yes").then(
          () => "answered",
          (error) => error.code,
        );
        return [handler.runId, answered];
      }),
    );
    assert.deepEqual(new Set(outcomes.map(([runId]) => runId)), new Set([waits, other.runId]));
    assert.deepEqual(new Set(outcomes.map(([, outcome]) => outcome)), new Set(["answered", CORRUPT.code]));
    await again.close();
  });

  test("one that is cut off is damaged, and says so", async () => {
    const { path, ids } = await closed();
    truncateSync(path, 4_096 * 3);
    const outcome = await (async () => SqliteStore.open(path).run(ids[0]))().catch((error) => error);
    assert.equal(outcome.code, CORRUPT.code);
  });

  test("garbage after its end is in nobody's way", async () => {
    const { path, ids } = await closed();
    appendFileSync(path, "garbage");
    const store = SqliteStore.open(path);
    assert.equal((await store.run(ids[3])).result, 3);
    await store.close();
  });

  test("one that is removed is missed by nobody who has it open, or by everybody, in words", async () => {
    const { path } = await closed();
    const store = SqliteStore.open(path);
    rmSync(path);
    const wf = one(store, () => stop("unsaved"));
    const { error } = await wf.run().then(
      () => ({}),
      (error) => ({ error }),
    );
    if (error !== undefined) assert.match(error.code, /^ERR_BLAZEN_STORE_/);
    await store.close().catch((failure) => assert.match(failure.code, /^ERR_BLAZEN_STORE_/));
  });
});
