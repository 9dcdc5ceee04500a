// The example behind `npm start`, as somebody at a terminal meets it: asked, answered, stopped, killed and started again.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { SqliteStore, Workflow } from "blazen";
import { merged, piecesOf, sentencesOf, statisticsOf } from "../examples/digest/text.mjs";
import { readTextFile } from "../examples/digest/text_file.mjs";
import { emptyDirectory, exampleProgram } from "./examples/program.mjs";

const ALICE = fileURLToPath(new URL("../examples/digest/alice.txt", import.meta.url));
const AT_A_TERMINAL = { skip: hasScript() ? false : "needs script of util-linux for a pseudo terminal" };

const digest = exampleProgram("digest");

function hasScript() {
  const { status } = spawnSync("script", ["-qec", "exit 7", "/dev/null"], { stdio: ["pipe", "ignore", "ignore"] });
  return status === 7;
}

/** The published digest in an output. */
function published(output) {
  const from = output.indexOf("Digest of ");
  assert.notEqual(from, -1, `no digest in:\n${output}`);
  return output.slice(from);
}

const undisturbed = await digest.piped(emptyDirectory(), "--yes", "--piece-ms=0").ended();

test("the shipped text is digested, and only the store is left behind", async () => {
  const cwd = emptyDirectory();
  const { code, output } = await digest.piped(cwd, "--yes").ended();
  assert.equal(code, 0, output);
  assert.match(output, /^55 of 55 pieces$/m);
  assert.match(output, /^Words +4,272 +932 different$/m);
  assert.match(output, /^Sentences +172 +24\.8 words each$/m);
  assert.match(output, /^alice +51 +█+$/m);
  assert.match(output, /^Longest sentence: 110 words$/m);
  assert.equal(published(output), published(undisturbed.output));
  assert.deepEqual(readdirSync(cwd), ["digest.db", "digest.db-lock"]);
});

test("a text of one's own is digested, and without a terminal nobody is asked", async () => {
  const cwd = emptyDirectory();
  writeFileSync(
    join(cwd, "mine.txt"),
    "\ufeffThe constructor saw __proto__.\r\n\r\n‘Constructor!’ cried it; nobody’s there.\r\n",
  );
  const { code, output } = await digest.piped(cwd, "mine.txt", "--piece-ms", "0").ended();
  assert.equal(code, 0, output);
  assert.match(output, /^Digest of mine\.txt$/m);
  assert.match(output, /^Words +9 +8 different$/m);
  assert.match(output, /^Sentences +2 +4\.5 words each$/m);
  assert.match(output, /^constructor +2 /m);
  assert.match(output, /^nobody's +1 /m);
  assert.match(output, /^‘Constructor!’ cried it; nobody’s there\.$/m);
});

test("under npm start a file is found where it was named", () => {
  const typedIn = emptyDirectory();
  writeFileSync(join(typedIn, "mine.txt"), "One two.");
  const { status, stdout } = spawnSync(process.execPath, [digest.main, "mine.txt", "--piece-ms", "0"], {
    cwd: emptyDirectory(),
    env: { ...process.env, INIT_CWD: typedIn, npm_lifecycle_event: "start" },
    encoding: "utf8",
  });
  assert.equal(status, 0);
  assert.match(stdout, /^Digest of mine\.txt$/m);
});

test("the pieces of a text are all of it, however large they are", () => {
  const sentences = sentencesOf(readFileSync(ALICE, "utf8"));
  for (const atMost of [1, 2, 7, 96, 1_000]) {
    const pieces = piecesOf(sentences, { atLeast: 1, atMost });
    assert.ok(pieces.length <= atMost);
    assert.deepEqual(pieces.flat(), sentences);
    assert.deepEqual(merged(pieces.map(statisticsOf)), statisticsOf(sentences));
  }
});

test("at a terminal a bar is drawn, and yes publishes", AT_A_TERMINAL, async () => {
  const cwd = emptyDirectory();
  const program = digest.atTerminal(cwd, "--piece-ms=1");
  await program.wrote(/\? \[yes\/no\] $/);
  assert.match(program.output, /\r█+░+ \d+ of 55 pieces/);
  assert.match(program.output, /\r█+ 55 of 55 pieces.*\nPublish the digest of alice\.txt/);
  assert.doesNotMatch(program.output, /Digest of/);
  program.type("perhaps\n");
  await program.wrote(/Please answer yes or no: $/);
  program.type("yes\n");
  const { code, output } = await program.ended();
  assert.equal(code, 0);
  assert.equal(published(output), published(undisturbed.output));
});

test("at a terminal --yes publishes without asking", AT_A_TERMINAL, async () => {
  const { code, output } = await digest.atTerminal(emptyDirectory(), "-y", "--piece-ms=0").ended();
  assert.equal(code, 0);
  assert.doesNotMatch(output, /yes\/no/);
  assert.equal(published(output), published(undisturbed.output));
});

test("no publishes nothing, and says so", AT_A_TERMINAL, async () => {
  const cwd = emptyDirectory();
  const program = digest.atTerminal(cwd, "--piece-ms=0");
  await program.wrote(/\? \[yes\/no\] $/);
  program.type("no\n");
  const { code, output } = await program.ended();
  assert.equal(code, 0);
  assert.match(output, /Not published/);
  assert.doesNotMatch(output, /Digest of/);
  const again = await digest.atTerminal(cwd, "--piece-ms=0").ended();
  assert.equal(again.code, 0);
  assert.match(again.output, /not made again; --anew begins anew\.\nIt was not published, as you wished\.\n$/);
});

for (const [name, key] of [
  ["Ctrl-C", "\x03"],
  ["the end of the input", "\x04"],
]) {
  test(`${name} at the question leaves it open, and the next start asks again at once`, AT_A_TERMINAL, async () => {
    const cwd = emptyDirectory();
    const first = digest.atTerminal(cwd, "--piece-ms=0");
    await first.wrote(/\? \[yes\/no\] $/);
    first.type(key);
    const stopped = await first.ended();
    assert.equal(stopped.code, 130, stopped.output);
    assert.match(stopped.output, /Stopped: 55 of 55 pieces were done/);

    const second = digest.atTerminal(cwd, "--piece-ms=60000");
    await second.wrote(/\? \[yes\/no\] $/);
    assert.match(second.output, /55 of 55 pieces were done already/);
    second.type("y\n");
    const { code, output } = await second.ended();
    assert.equal(code, 0);
    assert.equal(published(output), published(undisturbed.output));
  });
}

test("killed at the question, it asks again at the next start", AT_A_TERMINAL, async () => {
  const cwd = emptyDirectory();
  const first = digest.atTerminal(cwd, "--piece-ms=0");
  await first.wrote(/\? \[yes\/no\] $/);
  process.kill(Number(readFileSync(join(cwd, "digest.db-lock"), "utf8")), "SIGKILL");
  await first.ended();
  const second = digest.atTerminal(cwd, "--piece-ms=60000");
  await second.wrote(/\? \[yes\/no\] $/);
  assert.match(second.output, /55 of 55 pieces were done already, and not again/);
  second.type("y\n");
  const { code, output } = await second.ended();
  assert.equal(code, 0);
  assert.equal(published(output), published(undisturbed.output));
});

test("Ctrl-C under the bar stops the run, and the next start goes on", AT_A_TERMINAL, async () => {
  const cwd = emptyDirectory();
  const first = digest.atTerminal(cwd, "--piece-ms=500");
  await first.wrote(/ [1-9]\d* of 55 pieces/);
  first.type("\x03");
  const stopped = await first.ended();
  assert.equal(stopped.code, 130, stopped.output);
  assert.match(stopped.output, /\nStopped: [1-9]\d* of 55 pieces were done/);
  const { code, output } = await digest.atTerminal(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(code, 0);
  assert.match(output, /^Going on with alice\.txt, .*: [1-9]\d* of 55 pieces were done already, and not again\./);
  assert.equal(published(output), published(undisturbed.output));
});

test("killed in the middle, it goes on where it was, and does nothing again that was done", async () => {
  const cwd = emptyDirectory();
  const first = digest.piped(cwd, "--yes", "--verbose", "--piece-ms=500");
  await first.wrote(/^(piece \d+: done\n[\s\S]*){4}/m);
  first.kill("SIGKILL");
  assert.equal((await first.ended()).code, null);
  const told = piecesThatAre("done", first.output);
  const left = await piecesLeft(cwd);
  for (const index of told) assert.ok(!left.includes(index), `piece ${index} was told to be done, and is to be done`);

  const { code, output } = await digest.piped(cwd, "--yes", "--verbose", "--piece-ms=0").ended();
  assert.equal(code, 0, output);
  assert.match(output, /^Going on with alice\.txt, left at /);
  assert.ok(output.includes(`: ${55 - left.length} of 55 pieces were done already, and not again.`), output);
  assert.deepEqual(piecesThatAre("begun", output), left);
  for (const index of piecesThatAre("begun", first.output).filter((index) => left.includes(index))) {
    assert.ok(output.includes(`piece ${index}: begun, attempt 2\n`), output);
  }
  assert.deepEqual(
    (await settledPieces(cwd)).sort((a, b) => a - b),
    Array.from({ length: 55 }, (_, index) => index),
  );
  assert.equal(published(output), published(undisturbed.output));
});

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  test(`${signal} in the middle loses nothing and does nothing twice`, async () => {
    const cwd = emptyDirectory();
    const first = digest.piped(cwd, "--yes", "--verbose", "--piece-ms=500");
    await first.wrote(/^(piece \d+: done\n[\s\S]*){2}/m);
    first.kill(signal);
    first.kill(signal); // as npm does, which passes on what the terminal has sent already
    const stopped = await first.ended();
    assert.equal(stopped.code, exitCode, stopped.output);
    const left = await piecesLeft(cwd);
    const share = `${55 - left.length} of 55 pieces were done`;
    assert.ok(stopped.output.endsWith(`Stopped: ${share}. The next start goes on.\n`), stopped.output);

    const { code, output } = await digest.piped(cwd, "--yes", "--verbose", "--piece-ms=0").ended();
    assert.equal(code, 0);
    assert.ok(output.startsWith("Going on") && output.includes(`: ${share} already, and not again.\n`), output);
    assert.deepEqual(piecesThatAre("begun", output), left);
    assert.equal(published(output), published(undisturbed.output));
  });
}

for (const [how, signal] of [
  ["stopped", "SIGINT"],
  ["killed", "SIGKILL"],
]) {
  test(`a run that is ${how} time and again comes to the same end`, async () => {
    const cwd = emptyDirectory();
    // Longer and shorter than a stop waits, so that pieces are cut short in one round and finished in another.
    for (const milliseconds of [250, 20, 20, 250, 20]) {
      const program = digest.piped(cwd, "--yes", "--verbose", `--piece-ms=${milliseconds}`);
      // On a slow machine it may be at its end before the signal comes.
      await program.wrote(/^(piece \d+: done|Digest of .*)$/m);
      program.kill(signal);
      await program.ended();
    }
    const { code, output } = await digest.piped(cwd, "--yes", "--piece-ms=0").ended();
    assert.equal(code, 0, output);
    assert.equal(published(output), published(undisturbed.output));
  });
}

test("what has ended is not run again, and --anew begins anew", async () => {
  const cwd = emptyDirectory();
  await digest.piped(cwd, "--yes", "--piece-ms=0").ended();
  const again = await digest.piped(cwd, "--verbose").ended();
  assert.equal(again.code, 0);
  assert.match(again.output, /^The digest of alice\.txt was made at .*, and is not made again; --anew begins anew\.\n/);
  assert.deepEqual(piecesThatAre("begun", again.output), []);
  assert.equal(published(again.output), published(undisturbed.output));
  const anew = await digest.piped(cwd, "--anew", "--verbose", "--piece-ms=0").ended();
  assert.equal(anew.code, 0);
  assert.match(anew.output, /^Making a digest of alice\.txt/);
  assert.equal(piecesThatAre("begun", anew.output).length, 55);
});

test("--anew gives up what was stopped", async () => {
  const cwd = emptyDirectory();
  await stopped(cwd, "SIGKILL");
  const { code, output } = await digest.piped(cwd, "--anew", "--verbose", "--piece-ms=0").ended();
  assert.equal(code, 0);
  assert.match(output, /^Making a digest of alice\.txt/);
  assert.equal(piecesThatAre("begun", output).length, 55);
  assert.equal((await runs(cwd)).length, 1);
});

test("another text does not go on from this one's run, and leaves it alone", async () => {
  const cwd = emptyDirectory();
  await stopped(cwd, "SIGINT");
  const left = await piecesLeft(cwd);
  writeFileSync(join(cwd, "alice.txt"), "Quite another text.");
  const { code, output } = await digest.piped(cwd, "alice.txt", "--piece-ms=0").ended();
  assert.equal(code, 0);
  assert.doesNotMatch(output, /Going on/);
  assert.match(output, /^Words +3 /m);
  assert.deepEqual(await piecesLeft(cwd, { status: "paused" }), left);
});

test("a second process at the same time is told who is at work", async () => {
  const cwd = emptyDirectory();
  const first = digest.piped(cwd, "--yes", "--piece-ms=250");
  await first.wrote(/^Making a digest/);
  const owner = readFileSync(join(cwd, "digest.db-lock"), "utf8").trim();
  const second = await digest.piped(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(second.code, 2, second.output);
  assert.match(second.output, /^digest: the store .*digest\.db is in use by process \d+; .*\n$/);
  assert.ok(second.output.includes(`process ${owner};`), second.output);
  const { code, output } = await first.ended();
  assert.equal(code, 0);
  assert.equal(published(output), published(undisturbed.output));
});

test("a damaged store is set aside, and the run begins anew", async (t) => {
  const damages = {
    "no store": (file) => writeFileSync(file, "quite another file, and not a small one".repeat(1_000)),
    "cut off": (file) => truncateSync(file, 20_000),
    "a bit flipped in a piece": (file) => {
      const content = readFileSync(file);
      const [piece] = content.toString("latin1").match(/"type":"Piece","index":54,/);
      content[content.indexOf(piece) + piece.indexOf("54")] ^= 1;
      writeFileSync(file, content);
    },
  };
  for (const [what, damage] of Object.entries(damages)) {
    await t.test(what, async () => {
      const cwd = emptyDirectory();
      await stopped(cwd, "SIGINT");
      const file = join(cwd, "digest.db");
      damage(file);
      const { length } = readFileSync(file);
      const { code, output } = await digest.piped(cwd, "--yes", "--piece-ms=0").ended();
      assert.equal(code, 0, output);
      const aside = join(cwd, "digest.broken-1.db");
      assert.match(output, /The runs of earlier starts are of no use: the store .*digest\.db is damaged: /);
      assert.ok(output.includes(`They are in ${aside} now.\n`), output);
      assert.doesNotMatch(output, /^\s+at /m);
      assert.equal(readFileSync(aside).length, length);
      assert.equal(published(output), published(undisturbed.output));
    });
  }
});

test("a store that cannot be opened is told of in one line", async () => {
  const cwd = emptyDirectory();
  mkdirSync(join(cwd, "digest.db"));
  const { code, output } = await digest.piped(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(code, 2);
  assert.match(output, /^digest: the store .*digest\.db cannot be opened: it is a directory\n$/);
});

test("a run that has failed stays so, until it is begun anew", async () => {
  const cwd = emptyDirectory();
  const failing = (store) =>
    new Workflow("digest", { store }).addStep("split", ["blazen::StartEvent"], () => {
      throw new Error("no luck");
    });
  await inTheStead(cwd, failing, (run) => run.result().catch(() => {}));
  const { code, output } = await digest.piped(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(code, 1);
  assert.match(output, /^digest: alice\.txt failed at .*: step "split" failed: .*no luck; --anew begins anew\n$/);
  const anew = await digest.piped(cwd, "--yes", "--piece-ms=0", "--anew").ended();
  assert.equal(anew.code, 0);
  assert.equal(published(anew.output), published(undisturbed.output));
});

test("a run that needs another workflow is left alone, until it is begun anew", async () => {
  const cwd = emptyDirectory();
  const older = (store) =>
    new Workflow("digest", { store })
      .addStep("divide", ["blazen::StartEvent"], () => ({ type: "Part" }))
      .addStep("count", ["Part"], () => new Promise(() => {}));
  await inTheStead(cwd, older, (run) => run.pause({ graceMs: 0 }));
  const { code, output } = await digest.piped(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(code, 1);
  assert.match(output, /^digest: cannot go on: an event .* step "(divide|count)", .*; --anew begins anew$/m);
  assert.doesNotMatch(output, /^\s+at /m);
  const anew = await digest.piped(cwd, "--yes", "--piece-ms=0", "--anew").ended();
  assert.equal(anew.code, 0, anew.output);
  assert.match(anew.output, /^They are in .*digest\.broken-1\.db now\.$/m);
  assert.equal(published(anew.output), published(undisturbed.output));
});

test("what cannot be done is said in one line, with exit code 2", async (t) => {
  const cwd = emptyDirectory();
  mkdirSync(join(cwd, "folder"));
  writeFileSync(join(cwd, "empty.txt"), "");
  writeFileSync(join(cwd, "blank.txt"), " \n\n...\n");
  writeFileSync(join(cwd, "zeros.bin"), "text\0text");
  writeFileSync(join(cwd, "latin1.txt"), Buffer.from("caf\xe9", "latin1"));
  const cases = [
    [["nowhere.txt"], /there is no such file/],
    [["empty.txt/x"], /ENOTDIR/],
    [["folder"], /is a directory/],
    [["empty.txt"], /is empty/],
    [["blank.txt"], /has no words/],
    [["zeros.bin"], /not a text in UTF-8/],
    [["latin1.txt"], /not a text in UTF-8/],
    [["/dev/null"], /not a regular file/],
    [[""], /name of the file is empty/],
    [["one.txt", "two.txt"], /one file at a time/],
    [["--no-such-option"], /Unknown option '--no-such-option'.*--help/],
    [["--yes=no"], /--yes.*--help/],
    [["--piece-ms"], /--piece-ms.*--help/],
    [["--piece-ms=soon"], /--piece-ms takes a whole number.*"soon"/],
    [["--piece-ms=1e9"], /--piece-ms takes a whole number/],
    [["--piece-ms=99999999"], /--piece-ms takes a whole number/],
  ];
  for (const [args, message] of cases) {
    await t.test(JSON.stringify(args), async () => {
      const { code, output } = await digest.piped(cwd, ...args).ended();
      assert.equal(code, 2, output);
      assert.match(output, message);
      assert.match(output, /^digest: .*\n$/);
    });
  }
});

test("--help says what there is", async () => {
  const { code, output } = await digest.piped(emptyDirectory(), "--help").ended();
  assert.equal(code, 0);
  assert.match(output, /^Usage: /m);
  for (const word of ["--yes", "--anew", "--piece-ms", "--verbose", "--help", "Ctrl-C"])
    assert.ok(output.includes(word), word);
});

/** Stops a run in the middle by a signal. */
async function stopped(cwd, signal) {
  const program = digest.piped(cwd, "--yes", "--piece-ms=500");
  await program.wrote(/^\d+ of 55 pieces$/m);
  program.kill(signal);
  assert.notEqual((await program.ended()).code, 0);
}

/** A run over the shipped text as another workflow makes it. */
async function inTheStead(cwd, workflow, follow) {
  const { runId } = await readTextFile(ALICE);
  const store = SqliteStore.open(join(cwd, "digest.db"));
  await follow(await workflow(store).runWithHandler({}, { runId }));
  await store.close();
}

/** Looks at the store, which nobody has open. */
async function looking(cwd, look) {
  const store = SqliteStore.open(join(cwd, "digest.db"), { readOnly: true });
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}

function runs(cwd, query) {
  return looking(cwd, async (store) => {
    const { runs } = await store.runs(query);
    return Promise.all(runs.map(({ runId }) => store.run(runId)));
  });
}

/** The pieces whose analysis has settled, by the history of the run: each once, if nothing was done twice. */
function settledPieces(cwd) {
  return looking(cwd, async (store) => {
    const { runs } = await store.runs();
    const history = await store.history(runs[0].runId);
    return history.filter(({ settled }) => settled?.step === "analyse").map(({ settled }) => settled.event.index);
  });
}

/** The pieces that the run in the store has yet to analyse. */
async function piecesLeft(cwd, query) {
  const [{ pending }] = await runs(cwd, query);
  return pending.filter(({ step }) => step === "analyse").map(({ event }) => event.index);
}

function piecesThatAre(what, output) {
  return [...output.matchAll(/^piece (\d+): (\w+)/gm)]
    .filter(([, , is]) => is === what)
    .map(([, index]) => Number(index));
}
