// What `migrate` may not leave.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { Workflow } from "blazen";
import { kept, leftBehind, secondVersion, toSecond, WORLDS } from "./deploys/versions.mjs";
import { ask, quiet, RESPONSE, rejectionOf, START, stop, test } from "./stores/harness.mjs";

describe("what migrate leaves is checked, and nothing of it is stored if it is bad:", () => {
  const INVALID = "ERR_BLAZEN_INVALID_ARGUMENT";
  const NOT_JSON = "ERR_BLAZEN_NOT_SERIALIZABLE";
  const cyclic = {};
  cyclic.self = cyclic;
  const first = (change) => (run) => {
    toSecond(run);
    change(run.pending[0], run);
  };
  const bad = {
    "a step that is not there": [
      INVALID,
      /pending\[0\]\.step is "bil".*did you mean "bill"\?/,
      first((one) => {
        one.step = "bil";
      }),
    ],
    "a step that is no string": [
      INVALID,
      /pending\[0\]\.step/,
      first((one) => {
        one.step = 5;
      }),
    ],
    "an event without a type": [
      INVALID,
      /pending\[0\]\.event must be an event/,
      first((one) => {
        one.event = {};
      }),
    ],
    "an event that is none": [
      INVALID,
      /pending\[0\]\.event must be an event/,
      first((one) => {
        one.event = null;
      }),
    ],
    "an event that is not JSON": [
      NOT_JSON,
      /"Bill".*\.when/,
      first((one) => {
        one.event.when = 5n;
      }),
    ],
    "an attempt that is none": [
      INVALID,
      /pending\[0\]\.attempt/,
      first((one) => {
        one.attempt = 0;
      }),
    ],
    "a due that is no date": [
      INVALID,
      /pending\[0\]\.due must be a Date/,
      first((one) => {
        one.due = 5;
      }),
    ],
    "a held that was not there": [
      INVALID,
      /pending\[0\]\.held/,
      first((one) => {
        one.held = "key";
      }),
    ],
    "a delivery that was not there": [
      INVALID,
      /pending\[0\]\.delivery/,
      first((one) => {
        one.delivery = 99;
      }),
    ],
    "an event twice": [INVALID, /pending\[1\]\.delivery/, first((one, run) => run.pending.push({ ...one }))],
    "a field that is none": [
      INVALID,
      /pending\[0\]: there is no "stepp"/,
      first((one) => {
        one.stepp = "bill";
      }),
    ],
    "a hole in pending": [
      INVALID,
      /pending\[1\] must be an object/,
      first((_one, run) => {
        run.pending.length = 2;
      }),
    ],
    "no list of pending events": [
      INVALID,
      /pending of a migrated run must be an array/,
      first((_one, run) => {
        run.pending = undefined;
      }),
    ],
    "a wait that was not there": [
      INVALID,
      /waits\[0\]\.id/,
      first((_one, run) => {
        run.waits.push({ id: "a", kind: "input", event: ask("a") });
      }),
    ],
    "no list of waits": [
      INVALID,
      /waits of a migrated run must be an array/,
      first((_one, run) => {
        run.waits = null;
      }),
    ],
    "no state": [
      INVALID,
      /the state of a migrated run must be a Map/,
      first((_one, run) => {
        run.state = {};
      }),
    ],
    "a key that is no string": [
      INVALID,
      /a key of the state must be a string/,
      first((_one, run) => run.state.set(5, 5)),
    ],
    "a value that is undefined": [NOT_JSON, /state key "x"/, first((_one, run) => run.state.set("x", undefined))],
    "a value that is cyclic": [NOT_JSON, /state key "x"/, first((_one, run) => run.state.set("x", cyclic))],
    "something returned": [INVALID, /return nothing/, () => ({ state: {} })],
  };
  const world = WORLDS.SqliteStore();
  const left = leftBehind(world).then((runId) => ({ runId, store: world.open() }));

  for (const [name, [code, message, change]] of Object.entries(bad)) {
    test(name, async () => {
      const { runId, store } = await left;
      const before = await kept(store, runId);
      const migrate = (run) => {
        const returned = change(run);
        return name === "something returned" ? returned : undefined;
      };
      const failure = await rejectionOf(secondVersion({ store, migrate }).attach(runId));
      assert.equal(failure.code, "ERR_BLAZEN_MIGRATION_FAILED");
      assert.equal(failure.runId, runId);
      assert.equal(failure.cause.code, code);
      assert.match(failure.message, message);
      assert.deepEqual(await kept(store, runId), before);
    });
  }

  test("an input request under another id", async () => {
    const asking = new Workflow("asking", { version: "1" })
      .addStep("ask", [START], () => ask("question"))
      .addStep("hear", [RESPONSE], () => stop());
    const run = await asking.runWithHandler();
    await quiet();
    const old = await run.pause();
    const changes = [
      (wait) => Object.assign(wait.event, { request_id: "other" }),
      (wait) => Object.assign(wait.event, { type: "Other" }),
      (wait) => Object.assign(wait, { kind: "expected" }),
      (wait) => Object.assign(wait, { id: "other" }),
      (wait) => Object.assign(wait, { due: "soon" }),
      (wait) => Object.assign(wait, { expiry: {} }),
    ];
    for (const change of changes) {
      const migrate = ({ waits }) => void change(waits[0]);
      const failure = await rejectionOf(new Workflow("asking", { version: "2", migrate }).resume(old));
      assert.deepEqual([failure.code, failure.cause.code], ["ERR_BLAZEN_MIGRATION_FAILED", INVALID], String(change));
    }
  });
});
