// Bad input over the whole public face: a documented value, or an error of ours with a stable code.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import children from "./bad_input/children.mjs";
import definitions from "./bad_input/definitions.mjs";
import events from "./bad_input/events.mjs";
import handlers from "./bad_input/handlers.mjs";
import { judge } from "./bad_input/harness.mjs";
import receivers from "./bad_input/receivers.mjs";
import schemas from "./bad_input/schemas.mjs";
import snapshots from "./bad_input/snapshots.mjs";
import state from "./bad_input/state.mjs";
import stateObjects from "./bad_input/state_objects.mjs";
import stores from "./bad_input/stores.mjs";
import waiting from "./bad_input/waiting.mjs";

const TABLES = {
  "what a workflow is made of": definitions,
  "what is run as a child": children,
  "what handlers return, send and stream": events,
  "what is asked of a run": handlers,
  "what is called on the wrong object": receivers,
  "what is given as a schema": schemas,
  "what is resumed": snapshots,
  "what is put into state and session": state,
  "state objects": stateObjects,
  "what is asked of stores": stores,
  "what is waited for": waiting,
};

/** Only there so that a row that hangs fails instead of holding everything. */
const HANG = 60_000;
// A row that hangs may hold nothing that keeps the event loop alive.
const keepAlive = setInterval(() => {}, HANG);
after(() => clearInterval(keepAlive));

/** What the name of a row promises. */
function promise(expected) {
  if (typeof expected === "function") return "gives what is documented";
  return [expected].flat().length > 3
    ? "is refused with a code of ours"
    : `is refused with ${[expected].flat().join(" or ")}`;
}

for (const [subject, rows] of Object.entries(TABLES)) {
  describe(subject, { concurrency: 16 }, () => {
    for (const [what, call, expected] of rows) {
      test(`${what} ${promise(expected)}`, { timeout: HANG }, () => judge(call, expected));
    }
  });
}

test("the tables have at least three hundred rows, each with a name of its own", () => {
  const names = Object.entries(TABLES).flatMap(([subject, rows]) => rows.map(([what]) => `${subject}: ${what}`));
  assert.ok(names.length >= 300, `only ${names.length} rows`);
  assert.equal(new Set(names).size, names.length, names.filter((name, at) => names.indexOf(name) !== at).join("; "));
});
