// The import of the examples, as somebody at a terminal meets it: over good files and bad ones, killed and started again.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteStore } from "blazen";
import { totalsOf } from "../examples/import/sales_file.mjs";
import { emptyDirectory, exampleProgram, refusesInOneLine, test } from "./examples/program.mjs";

const sales = exampleProgram("import");
const DAYS = Array.from({ length: 12 }, (_, index) => `2024-03-${String(index + 1).padStart(2, "0")}.ndjson`);
const BAD_DAY = "2024-03-07.ndjson";

const reportIn = (cwd) => readFileSync(join(cwd, "import-report.json"), "utf8");
const sale = (fields) =>
  JSON.stringify({ at: "2024-03-01T09:12:00Z", product: "pears", quantity: 2, cents: 60, ...fields });

/** The files that an output tells of, in the order of their names. */
function filesIn(output) {
  return [...output.matchAll(/^(.*\.ndjson): /gm)].map(([, file]) => file).sort();
}

const undisturbed = emptyDirectory();
const whole = await sales.piped(undisturbed).ended();

test("the sample is imported, a bad file is told of and stops nothing, and there is a report", async () => {
  const { code, output } = whole;
  assert.equal(code, 0, output);
  assert.match(output, /^Importing 12 files from .*import-sales\./);
  assert.deepEqual(filesIn(output), DAYS);
  const reason = 'line 18: quantity must be a whole number above 0, and is "two"';
  assert.ok(output.includes(`${BAD_DAY}: rejected, ${reason}\n`), output);
  assert.match(output, /^440 sales from 11 files, 1 rejected\napples +210 +94\.50\n/m);

  const report = JSON.parse(reportIn(undisturbed));
  assert.deepEqual(report.imported, DAYS.toSpliced(6, 1));
  assert.deepEqual(report.rejected, [{ file: BAD_DAY, reason }]);
  assert.equal(report.sales, 440);
  assert.deepEqual(report.products[0], { product: "apples", quantity: 210, cents: 9_450 });
  assert.deepEqual(readdirSync(undisturbed), ["import-report.json", "import-sales", "import.db", "import.db-lock"]);
});

test("killed in the middle, the next start reads the files that are left, each once, and the report is the same", async () => {
  const cwd = emptyDirectory();
  const first = sales.piped(cwd, "--file-ms=500");
  await first.wrote(/^.*: 40 sales$/m);
  first.kill("SIGKILL");
  const killed = await first.ended();
  assert.equal(killed.code, null);
  assert.ok(!readdirSync(cwd).includes("import-report.json"));
  const left = await looking(cwd, async (store, runId) => {
    const { pending } = await store.run(runId);
    return pending.filter(({ step }) => step === "read").length;
  });

  const { code, output } = await sales.piped(cwd).ended();
  assert.equal(code, 0, output);
  assert.match(output, /^Going on with .*import-sales: \d+ of 12 files were done already, and not again\.$/m);
  assert.ok(output.includes(`: ${12 - left} of 12 files`), output);
  assert.equal(reportIn(cwd), reportIn(undisturbed));
  const settled = await looking(cwd, async (store, runId) => {
    const history = await store.history(runId);
    return history.flatMap(({ settled }) => (settled?.step === "read" ? [settled.event.path] : []));
  });
  assert.equal(settled.length, 12);
  assert.equal(new Set(settled).size, 12);
});

test("an import that is killed time and again counts nothing twice", async () => {
  const cwd = emptyDirectory();
  for (let round = 0; round < 4; round += 1) {
    const program = sales.piped(cwd, "--file-ms=100");
    // On a slow machine it may be at its end before the signal comes.
    await program.wrote(/^(.*: 40 sales|440 sales from .*)$/m);
    program.kill("SIGKILL");
    await program.ended();
  }
  const { code, output } = await sales.piped(cwd).ended();
  assert.equal(code, 0, output);
  assert.equal(reportIn(cwd), reportIn(undisturbed));
});

test("a folder of one's own is imported, with the report where it is wanted, and files of another kind are left alone", async () => {
  const cwd = emptyDirectory();
  mkdirSync(join(cwd, "mine/folder.ndjson"), { recursive: true });
  writeFileSync(join(cwd, "mine/notes.txt"), "not sales");
  writeFileSync(join(cwd, "mine/b.ndjson"), `${sale({ product: "__proto__" })}\r\n\r\n${sale({ quantity: 1 })}`);
  writeFileSync(join(cwd, "mine/a.ndjson"), "");
  const { code, output } = await sales.piped(cwd, "mine", "--report", "out.json").ended();
  assert.equal(code, 0, output);
  assert.deepEqual(JSON.parse(readFileSync(join(cwd, "out.json"), "utf8")), {
    imported: ["a.ndjson", "b.ndjson"],
    rejected: [],
    sales: 2,
    products: [
      { product: "__proto__", quantity: 2, cents: 120 },
      { product: "pears", quantity: 1, cents: 60 },
    ],
  });
});

test("what is wrong with a file is said with its line", async () => {
  const file = join(emptyDirectory(), "day.ndjson");
  for (const [content, message] of [
    [`${sale()}\n{"at"`, "line 2: not JSON"],
    ["null", "line 1: at must be a time, and is missing"],
    [sale({ at: "yesterday" }), 'line 1: at must be a time, and is "yesterday"'],
    [sale({ product: " " }), 'line 1: product must be a name, and is " "'],
    [sale({ quantity: 0 }), "line 1: quantity must be a whole number above 0, and is 0"],
    [sale({ cents: 0.5 }), "line 1: cents must be a whole number, 0 or more, and is 0.5"],
    [Buffer.from("caf\xe9", "latin1"), "not a text in UTF-8"],
  ]) {
    writeFileSync(file, content);
    await assert.rejects(totalsOf(file), { message });
  }
});

test("what cannot be done is said in one line, with exit code 2", async () => {
  const cwd = emptyDirectory();
  mkdirSync(join(cwd, "empty"));
  await refusesInOneLine(sales, cwd, [
    [["nowhere"], /^import: cannot read the folder: ENOENT.*\n$/],
    [["empty"], /^import: there are no \*\.ndjson files in .*empty\n$/],
    [["one", "two"], /^import: one folder at a time, please, and not 2\n$/],
    [["--file-ms=soon"], /^import: --file-ms takes milliseconds, and not "soon"\n$/],
    [["--no-such-option"], /^import: Unknown option '--no-such-option'.*\n$/],
  ]);
});

/** Looks at the one run in the store, which nobody has open. */
async function looking(cwd, look) {
  const store = SqliteStore.open(join(cwd, "import.db"), { readOnly: true });
  try {
    const { runs } = await store.runs();
    assert.equal(runs.length, 1);
    return await look(store, runs[0].runId);
  } finally {
    await store.close();
  }
}
