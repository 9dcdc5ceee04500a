// The nightly job of the examples, as somebody at a terminal meets it: over regions good and bad, started twice, before its
// time, killed and started again.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteStore } from "blazen";
import { billFor, readingsIn } from "../examples/nightly/metering.mjs";
import { dateOf, nextAt, runIdOf } from "../examples/nightly/night.mjs";
import { regionWorkflow } from "../examples/nightly/region.mjs";
import { nightlyWorkflow } from "../examples/nightly/workflow.mjs";
import { emptyDirectory, exampleProgram, refusesInOneLine, test } from "./examples/program.mjs";

const nightly = exampleProgram("nightly");
const DATE = "2024-03-01";
const REGIONS = ["coast", "east", "hills", "north", "south", "west"];
const REASON = 'step "extract" failed: line 58: not a reading: "hills-57,unread"';

/** The files of a night, with what is in them. */
function filesOf(cwd, date = DATE) {
  const folder = join(cwd, "nightly-bills", date);
  return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);
}

const undisturbed = emptyDirectory();
const whole = await nightly.piped(undisturbed, "--once", "--date", DATE).ended();

test("each region is done by a child, one that fails stops no other, and there is a summary", async () => {
  const { code, output } = whole;
  assert.equal(code, 0, output);
  assert.match(output, /^The night of 2024-03-01 begins at .*\.$/m);
  assert.match(output, /^north: 100 bills, 2589\.60$/m);
  assert.ok(output.includes(`hills: failed, ${REASON}\n`), output);
  assert.match(output, /^2024-03-01: 500 bills, 12951\.00, from 5 of 6 regions$/m);

  const files = Object.fromEntries(filesOf(undisturbed));
  const done = REGIONS.filter((region) => region !== "hills");
  assert.deepEqual(Object.keys(files).sort(), [...done.map((region) => `${region}.csv`), "summary.json"].sort());
  assert.match(files["north.csv"], /^meter,cents\nnorth-1,\d+\nnorth-2,\d+\n/);
  assert.equal(files["north.csv"].split("\n").length, 102);
  const { regions, ...sums } = JSON.parse(files["summary.json"]);
  assert.deepEqual(sums, { date: DATE, bills: 500, cents: 1_295_100 });
  assert.deepEqual(
    regions.map(({ region }) => region),
    REGIONS,
  );
  assert.deepEqual(regions[2], { region: "hills", failed: REASON });
  assert.deepEqual(readdirSync(undisturbed), ["nightly-bills", "nightly-readings", "nightly.db", "nightly.db-lock"]);
});

test("started twice for one date it is one run, and another date is another", async () => {
  const cwd = emptyDirectory();
  for (const said of [/^The night of 2024-03-01 begins /m, /^The night of 2024-03-01 was done already, .*$/m]) {
    const { code, output } = await nightly.piped(cwd, "--date", DATE).ended();
    assert.equal(code, 0, output);
    assert.match(output, said);
    assert.match(output, /^2024-03-01: 500 bills, /m);
  }
  assert.deepEqual(await regionsBegun(cwd), { nights: 1, begun: REGIONS });
  await nightly.piped(cwd, "--date", "2024-03-02").ended();
  assert.deepEqual(await regionsBegun(cwd), { nights: 2, begun: REGIONS.flatMap((region) => [region, region]) });
  assert.deepEqual(
    filesOf(cwd, "2024-03-02").filter(([name]) => name !== "summary.json"),
    filesOf(cwd).filter(([name]) => name !== "summary.json"),
  );
});

test("killed in the middle, the next start goes on with what is left, and begins no region twice", async () => {
  const cwd = emptyDirectory();
  const first = nightly.piped(cwd, "--date", DATE, "--batch-ms=150");
  await first.wrote(/^\w+: 100 bills/m);
  first.kill("SIGKILL");
  assert.equal((await first.ended()).code, null);

  const { code, output } = await nightly.piped(cwd, "--date", DATE).ended();
  assert.equal(code, 0, output);
  assert.match(
    output,
    /^Going on with the night of 2024-03-01: [1-5] of 6 regions were done already, and not again\.$/m,
  );
  assert.deepEqual(filesOf(cwd), filesOf(undisturbed));
  assert.deepEqual(await regionsBegun(cwd), { nights: 1, begun: REGIONS });
});

test("killed time and again, it begins no region twice, and what it writes is the same", async () => {
  const cwd = emptyDirectory();
  for (const seen of [/ begins at /, /^hills: /m, /bills/, /bills/, /bills/]) {
    const program = nightly.piped(cwd, "--date", DATE, "--batch-ms=40");
    await program.wrote(seen);
    program.kill("SIGKILL");
    await program.ended();
  }
  const { code, output } = await nightly.piped(cwd, "--date", DATE).ended();
  assert.equal(code, 0, output);
  assert.deepEqual(filesOf(cwd), filesOf(undisturbed));
  assert.deepEqual(await regionsBegun(cwd), { nights: 1, begun: REGIONS });
});

test("a night that waits for its time is still waiting after a crash, and keeps no other from being done", async () => {
  const cwd = emptyDirectory();
  const tonight = nextAt({ hours: 23, minutes: 59 }, new Date(Date.now() + 60_000));
  const at = `${String(tonight.getHours()).padStart(2, "0")}:${String(tonight.getMinutes()).padStart(2, "0")}`;
  for (const said of [/^The night of .* begins at /m, /^The night of .* is known, and has still to come\.$/m]) {
    const program = nightly.piped(cwd, "--at", at);
    await program.wrote(said);
    program.kill("SIGKILL");
    await program.ended();
    const runs = await looking(cwd, async (store) => (await store.runs()).runs);
    assert.deepEqual(
      runs.map(({ runId, status }) => [runId, status]),
      [[runIdOf(dateOf(tonight)), "running"]],
    );
  }
  const { code, output } = await nightly.piped(cwd, "--date", DATE).ended();
  assert.equal(code, 0, output);
  assert.deepEqual(filesOf(cwd), filesOf(undisturbed));
  assert.deepEqual(await regionsBegun(cwd), { nights: 2, begun: REGIONS });
});

test("when it is time, and not before, the regions are begun, though nobody was there meanwhile", async () => {
  const cwd = emptyDirectory();
  const from = join(cwd, "readings");
  const path = join(cwd, "nightly.db");
  mkdirSync(from);
  const night = (store) => nightlyWorkflow({ region: regionWorkflow({ store }), store });

  const before = SqliteStore.open(path);
  const at = Date.now() + 500;
  await night(before).runWithHandler({ date: DATE, at, from, into: join(cwd, "bills") }, { runId: runIdOf(DATE) });
  await before.close();
  // What is there when it is time counts, and not what was there when it was planned.
  writeFileSync(join(from, "islands.csv"), "meter,kilowatt_hours\r\none,100\r\ntwo,101\r\n");

  const store = SqliteStore.open(path);
  const [run] = await night(store).recover();
  const { data } = await run.result();
  assert.ok(Date.now() >= at);
  assert.deepEqual(data, {
    date: DATE,
    bills: 2,
    cents: 6_042,
    regions: [{ region: "islands", bills: 2, cents: 6_042 }],
  });
  await store.close();
});

test("the next night is today if its hour is still to come, and its run is known by its date", () => {
  const hour = { hours: 2, minutes: 30 };
  assert.equal(dateOf(nextAt(hour, new Date(2024, 1, 29, 2, 29))), "2024-02-29");
  assert.equal(dateOf(nextAt(hour, new Date(2024, 1, 29, 2, 30))), "2024-03-01");
  assert.match(runIdOf(DATE), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(runIdOf(DATE), runIdOf(DATE));
  assert.notEqual(runIdOf(DATE), runIdOf("2024-03-02"));
});

test("what is wrong with readings is said with its line, and hours beyond a hundred cost more", () => {
  const head = "meter,kilowatt_hours";
  for (const [text, message] of [
    ["", `line 1: must be ${head}`],
    [`${head}\n`, "there are no readings"],
    [`${head}\na,1\nb\n`, 'line 3: not a reading: "b"'],
    [`${head}\na,1.5\n`, 'line 2: not a reading: "a,1.5"'],
  ]) {
    assert.throws(() => readingsIn(text), { message });
  }
  assert.deepEqual(readingsIn(`${head}\na,1\n`).map(billFor), [{ meter: "a", cents: 30 }]);
  assert.equal(billFor({ kilowattHours: 110 }).cents, 3_420);
});

test("what cannot be done is said in one line, with exit code 2", async () => {
  const cwd = emptyDirectory();
  mkdirSync(join(cwd, "empty"));
  await refusesInOneLine(nightly, cwd, [
    [["nowhere"], /^nightly: cannot read the folder: ENOENT.*\n$/],
    [["empty"], /^nightly: there are no \*\.csv files in .*empty\n$/],
    [["one", "two"], /^nightly: one folder at a time, please, and not 2\n$/],
    [["--at=24:00"], /^nightly: --at takes a time such as 02:30, and not "24:00"\n$/],
    [["--at=02:30", "--once"], /^nightly: --at goes with neither --once nor --date\n$/],
    [["--date=soon"], /^nightly: --date takes a date such as 2024-03-01, and not "soon"\n$/],
    [["--batch-ms=soon"], /^nightly: --batch-ms takes milliseconds, and not "soon"\n$/],
    [["--no-such-option"], /^nightly: Unknown option '--no-such-option'.*\n$/],
  ]);
  assert.deepEqual(readdirSync(cwd), ["empty"]);
});

/**
 * How many nights there are in a store that nobody has open, and the regions of the children that were begun: each of them
 * has ended, and has read its file once.
 */
async function regionsBegun(cwd) {
  return looking(cwd, async (store) => {
    const { runs: nights } = await store.runs({ workflow: "nightly" });
    const { runs: children } = await store.runs({ workflow: "region" });
    const begun = [];
    for (const { runId } of children) {
      const { status, result } = await store.run(runId);
      begun.push(status === "completed" ? result.region : "hills");
      const extracted = (await store.history(runId)).filter(({ settled }) => settled?.step === "extract");
      assert.deepEqual([status, extracted.length], begun.at(-1) === "hills" ? ["failed", 0] : ["completed", 1]);
    }
    return { nights: nights.length, begun: begun.sort() };
  });
}

async function looking(cwd, look) {
  const store = SqliteStore.open(join(cwd, "nightly.db"), { readOnly: true });
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}
