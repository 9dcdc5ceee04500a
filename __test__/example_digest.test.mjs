// The example behind `npm start`, as somebody at a terminal meets it: asked, answered, stopped and started again.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { merged, piecesOf, sentencesOf, statisticsOf } from "../examples/digest/text.mjs";

const MAIN = fileURLToPath(new URL("../examples/digest/main.mjs", import.meta.url));
const ALICE = fileURLToPath(new URL("../examples/digest/alice.txt", import.meta.url));
const AT_A_TERMINAL = { skip: hasScript() ? false : "needs script of util-linux for a pseudo terminal" };

const directories = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

function emptyDirectory() {
  const directory = mkdtempSync(join(tmpdir(), "blazen-digest-"));
  directories.push(directory);
  return directory;
}

function hasScript() {
  const { status } = spawnSync("script", ["-qec", "exit 7", "/dev/null"], { stdio: ["pipe", "ignore", "ignore"] });
  return status === 7;
}

/** The example while it runs. */
class Program {
  output = "";
  #child;
  #waiting = [];
  #code;

  static piped(cwd, ...args) {
    return new Program(process.execPath, [MAIN, ...args], cwd);
  }

  static atTerminal(cwd, ...args) {
    const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
    return new Program("script", ["-qec", `exec ${command}`, "/dev/null"], cwd);
  }

  constructor(command, args, cwd) {
    const env = { ...process.env, TERM: "xterm" };
    delete env.npm_config_yes;
    this.#child = spawn(command, args, { cwd, env });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.output += text.replaceAll("\r\n", "\n");
        this.#look();
      });
    }
    this.#child.stdin.on("error", () => {});
    this.#code = new Promise((resolve, reject) => {
      this.#child.on("error", reject).on("close", (code) => {
        resolve(code);
        for (const { reject, pattern } of this.#waiting) reject(new Error(`never wrote ${pattern}:\n${this.output}`));
      });
    });
  }

  /** When the output matches. */
  wrote(pattern) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pattern, resolve, reject });
      this.#look();
    });
  }

  type(keys) {
    this.#child.stdin.write(keys);
  }

  kill(signal) {
    this.#child.kill(signal);
  }

  async ended() {
    const code = await this.#code;
    return { code, output: this.output };
  }

  #look() {
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(this.output)) return true;
      resolve();
      return false;
    });
  }
}

/** The published digest in an output. */
function published(output) {
  const from = output.indexOf("Digest of ");
  assert.notEqual(from, -1, `no digest in:\n${output}`);
  return output.slice(from);
}

const undisturbed = await Program.piped(emptyDirectory(), "--yes", "--piece-ms=0").ended();

test("the shipped text is digested, and nothing is left behind", async () => {
  const cwd = emptyDirectory();
  const { code, output } = await Program.piped(cwd, "--yes").ended();
  assert.equal(code, 0, output);
  assert.match(output, /^55 of 55 pieces$/m);
  assert.match(output, /^Words +4,272 +932 different$/m);
  assert.match(output, /^Sentences +172 +24\.8 words each$/m);
  assert.match(output, /^alice +51 +█+$/m);
  assert.match(output, /^Longest sentence: 110 words$/m);
  assert.equal(published(output), published(undisturbed.output));
  assert.deepEqual(readdirSync(cwd), []);
});

test("a text of one's own is digested, and without a terminal nobody is asked", async () => {
  const cwd = emptyDirectory();
  writeFileSync(
    join(cwd, "mine.txt"),
    "\ufeffThe constructor saw __proto__.\r\n\r\n‘Constructor!’ cried it; nobody’s there.\r\n",
  );
  const { code, output } = await Program.piped(cwd, "mine.txt", "--piece-ms", "0").ended();
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
  const { status, stdout } = spawnSync(process.execPath, [MAIN, "mine.txt", "--piece-ms", "0"], {
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
  const program = Program.atTerminal(cwd, "--piece-ms=1");
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
  assert.deepEqual(readdirSync(cwd), []);
});

test("at a terminal --yes publishes without asking", AT_A_TERMINAL, async () => {
  const { code, output } = await Program.atTerminal(emptyDirectory(), "-y", "--piece-ms=0").ended();
  assert.equal(code, 0);
  assert.doesNotMatch(output, /yes\/no/);
  assert.equal(published(output), published(undisturbed.output));
});

test("no publishes nothing, and says so", AT_A_TERMINAL, async () => {
  const cwd = emptyDirectory();
  const program = Program.atTerminal(cwd, "--piece-ms=0");
  await program.wrote(/\? \[yes\/no\] $/);
  program.type("no\n");
  const { code, output } = await program.ended();
  assert.equal(code, 0);
  assert.match(output, /Not published/);
  assert.doesNotMatch(output, /Digest of/);
  assert.deepEqual(readdirSync(cwd), []);
});

for (const [name, key] of [
  ["Ctrl-C", "\x03"],
  ["the end of the input", "\x04"],
]) {
  test(`${name} at the question leaves it open, and the next start asks again at once`, AT_A_TERMINAL, async () => {
    const cwd = emptyDirectory();
    const first = Program.atTerminal(cwd, "--piece-ms=0");
    await first.wrote(/\? \[yes\/no\] $/);
    first.type(key);
    const stopped = await first.ended();
    assert.equal(stopped.code, 130, stopped.output);
    assert.match(stopped.output, /Stopped: 55 of 55 pieces were done/);
    assert.equal(snapshotsIn(cwd).length, 1);

    const second = Program.atTerminal(cwd, "--piece-ms=60000");
    await second.wrote(/\? \[yes\/no\] $/);
    assert.match(second.output, /55 of 55 pieces were done already/);
    second.type("y\n");
    const { code, output } = await second.ended();
    assert.equal(code, 0);
    assert.equal(published(output), published(undisturbed.output));
    assert.deepEqual(readdirSync(cwd), []);
  });
}

test("Ctrl-C under the bar stops the run, and the next start goes on", AT_A_TERMINAL, async () => {
  const cwd = emptyDirectory();
  const first = Program.atTerminal(cwd, "--piece-ms=500");
  await first.wrote(/ [1-9]\d* of 55 pieces/);
  first.type("\x03");
  const stopped = await first.ended();
  assert.equal(stopped.code, 130, stopped.output);
  assert.match(stopped.output, /\nStopped: [1-9]\d* of 55 pieces were done/);
  const { code, output } = await Program.atTerminal(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(code, 0);
  assert.match(output, /^Going on with alice\.txt, .*: [1-9]\d* of 55 pieces were done already\./);
  assert.equal(published(output), published(undisturbed.output));
});

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  test(`${signal} in the middle loses nothing and counts nothing twice`, async () => {
    const cwd = emptyDirectory();
    const first = Program.piped(cwd, "--yes", "--piece-ms=500");
    await first.wrote(/^\d+ of 55 pieces$/m);
    first.kill(signal);
    first.kill(signal); // as npm does, which passes on what the terminal has sent already
    const stopped = await first.ended();
    assert.equal(stopped.code, exitCode, stopped.output);
    const [snapshot] = snapshotsIn(cwd);
    assert.ok(stopped.output.includes(join(cwd, snapshot)), stopped.output);
    const { done } = JSON.parse(readFileSync(join(cwd, snapshot), "utf8")).progress;

    const { code, output } = await Program.piped(cwd, "--yes", "--piece-ms=0").ended();
    assert.equal(code, 0);
    assert.ok(output.startsWith("Going on"), output);
    assert.ok(output.includes(`: ${done} of 55 pieces were done already.`), output);
    assert.equal(published(output), published(undisturbed.output));
    assert.deepEqual(readdirSync(cwd), []);
  });
}

test("a run that is stopped time and again comes to the same end", async () => {
  const cwd = emptyDirectory();
  let outcome;
  do {
    // Longer and shorter than a stop waits, so that pieces are cut short in one round and finished in another.
    const program = Program.piped(cwd, "--yes", `--piece-ms=${outcome === undefined ? 250 : 20}`);
    // On a slow machine it may be at its end before the signal comes.
    await program.wrote(/^(\d+ of 55 pieces|Digest of .*)$/m);
    program.kill("SIGINT");
    outcome = await program.ended();
  } while (outcome.code === 130);
  assert.equal(outcome.code, 0, outcome.output);
  assert.equal(published(outcome.output), published(undisturbed.output));
  assert.deepEqual(readdirSync(cwd), []);
});

test("another text does not go on from this one's snapshot, and leaves it alone", async () => {
  const cwd = emptyDirectory();
  const snapshot = await stoppedSnapshot(cwd);
  writeFileSync(join(cwd, "alice.txt"), "Quite another text.");
  const { code, output } = await Program.piped(cwd, "alice.txt", "--piece-ms=0").ended();
  assert.equal(code, 0);
  assert.doesNotMatch(output, /Going on/);
  assert.match(output, /^Words +3 /m);
  assert.deepEqual(snapshotsIn(cwd), [snapshot]);
});

test("a broken snapshot is set aside, and the run begins anew", async (t) => {
  const cwd = emptyDirectory();
  const name = await stoppedSnapshot(cwd);
  const content = readFileSync(join(cwd, name), "utf8");
  const saved = JSON.parse(content);
  const broken = {
    empty: "",
    "cut off": content.slice(0, -100),
    "no JSON": "\0\x01\x02",
    null: "null",
    "without a snapshot": JSON.stringify({ ...saved, snapshot: undefined }),
    "with half a snapshot": JSON.stringify({ ...saved, snapshot: saved.snapshot.slice(0, 500) }),
    "of another text": JSON.stringify({ ...saved, hash: saved.hash.replace(/.$/, "x") }),
    "of another workflow": JSON.stringify({ ...saved, snapshot: saved.snapshot.replace('"digest"', '"sums"') }),
    "of a newer version": JSON.stringify({
      ...saved,
      snapshot: saved.snapshot.replace('"version":1', '"version":9999'),
    }),
  };
  rmSync(join(cwd, name));
  let number = 0;
  for (const [what, text] of Object.entries(broken)) {
    number += 1;
    await t.test(what, async () => {
      writeFileSync(join(cwd, name), text);
      const { code, output } = await Program.piped(cwd, "--yes", "--piece-ms=0").ended();
      assert.equal(code, 0, output);
      const aside = join(cwd, name.replace(".snapshot", `.broken-${number}.snapshot`));
      assert.ok(output.includes("The snapshot of a stopped run is of no use") && output.includes(aside), output);
      assert.doesNotMatch(output, /^\s+at /m);
      assert.equal(readFileSync(aside, "utf8"), text);
      assert.equal(published(output), published(undisturbed.output));
    });
  }
});

test("a snapshot from which the run fails is set aside, and the next start begins anew", async () => {
  const cwd = emptyDirectory();
  const name = await stoppedSnapshot(cwd);
  const saved = JSON.parse(readFileSync(join(cwd, name), "utf8"));
  const run = JSON.parse(saved.snapshot);
  run.context_state.collected = { json: 5 };
  writeFileSync(join(cwd, name), JSON.stringify({ ...saved, snapshot: JSON.stringify(run) }));
  const { code, output } = await Program.piped(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(code, 1);
  assert.match(
    output,
    /^digest: cannot go on: step "collect" failed: .*broken-1\.snapshot\.json now, and the next start begins anew$/m,
  );
  assert.doesNotMatch(output, /^\s+at /m);
  const again = await Program.piped(cwd, "--yes", "--piece-ms=0").ended();
  assert.equal(again.code, 0);
  assert.equal(published(again.output), published(undisturbed.output));
});

test("a snapshot that cannot be saved is said to be lost", { skip: process.platform === "win32" }, async () => {
  const cwd = emptyDirectory();
  const program = Program.piped(cwd, "--yes", "--piece-ms=500");
  await program.wrote(/^Making a digest/);
  rmdirSync(cwd);
  program.kill("SIGINT");
  const { code, output } = await program.ended();
  assert.equal(code, 1, output);
  assert.match(output, /^digest: cannot save the snapshot .*$/m);
  assert.doesNotMatch(output, /^\s+at /m);
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
      const { code, output } = await Program.piped(cwd, ...args).ended();
      assert.equal(code, 2, output);
      assert.match(output, message);
      assert.match(output, /^digest: .*\n$/);
    });
  }
});

test("--help says what there is", async () => {
  const { code, output } = await Program.piped(emptyDirectory(), "--help").ended();
  assert.equal(code, 0);
  assert.match(output, /^Usage: /m);
  for (const word of ["--yes", "--piece-ms", "--help", "Ctrl-C"]) assert.ok(output.includes(word), word);
});

/** Stops a run in the middle; gives the name of its snapshot. */
async function stoppedSnapshot(cwd) {
  const program = Program.piped(cwd, "--yes", "--piece-ms=500");
  await program.wrote(/^\d+ of 55 pieces$/m);
  program.kill("SIGINT");
  assert.equal((await program.ended()).code, 130);
  return snapshotsIn(cwd)[0];
}

function snapshotsIn(directory) {
  return readdirSync(directory).filter((name) => name.endsWith(".snapshot.json"));
}
