// Texts given to `resume`.

import assert from "node:assert/strict";
import { Workflow } from "blazen";
import {
  assertCoded,
  codedOr,
  deferred,
  gives,
  INVALID,
  notStrings,
  outcomeOf,
  REQUEST,
  RESPONSE,
  START,
  seeded,
  stop,
} from "./harness.mjs";

const ERROR = { code: "ERR_BLAZEN_STALLED", message: "nothing is left" };
const BROKEN = "ERR_BLAZEN_SNAPSHOT_INVALID";
const MISMATCH = "ERR_BLAZEN_SNAPSHOT_MISMATCH";
const NEWER = "ERR_BLAZEN_SNAPSHOT_VERSION";

/** Its snapshots hold state of both kinds, a pending event for two steps, an open request, and a time limit. */
function rich(begin = () => stop("begun again")) {
  const workflow = new Workflow("rich")
    .addStep("begin", [START], begin)
    .addStep("work", ["Next"], async (event, ctx) => {
      if (event.wait) return null;
      const values = {};
      for (const key of await ctx.state.keys()) values[key] = await ctx.get(key);
      return stop({ event, values, attempt: ctx.attempt });
    })
    .addStep("watch", ["Next"], () => null)
    .addStep("hear", [RESPONSE], (event) => stop(event.response));
  workflow.setTimeout(60);
  return workflow;
}

async function takeSnapshot() {
  const begun = deferred();
  const gate = deferred();
  const workflow = rich(async (_event, ctx) => {
    await ctx.set("text", "né \u{1F600} \ud800");
    await ctx.set("tree", { list: [1, null, { deep: true }], zero: 0 });
    await ctx.setBytes("bytes", Buffer.from([0, 1, 254, 255]));
    begun.resolve();
    await gate.promise;
    return [
      { type: "Next", note: 'with "quotes" and \\' },
      { type: REQUEST, request_id: "question", prompt: "really?" },
    ];
  });
  const handler = await workflow.runWithHandler();
  await begun.promise;
  const pausing = handler.pause();
  gate.resolve();
  const snapshot = await pausing;
  await handler.abort();
  return snapshot;
}

const snapshot = await takeSnapshot();

/** What the resumed run gives; it must settle, one way or the other. */
async function resumed(text) {
  const handler = await rich().resume(text);
  return (await handler.result()).data;
}

const asItWas = (data) => {
  assert.deepEqual(data.values, {
    text: "né \u{1F600} \ud800",
    tree: { list: [1, null, { deep: true }], zero: 0 },
    bytes: Buffer.from([0, 1, 254, 255]),
  });
  assert.deepEqual(data.event, { type: "Next", note: 'with "quotes" and \\' });
  assert.equal(data.attempt, 1);
};

/** The snapshot after a change of the document. */
function changed(change) {
  const document = JSON.parse(snapshot);
  change(document);
  return JSON.stringify(document);
}

/** The snapshot with a text in place of the value of a field, which need not be what JSON.stringify would write. */
function withText(field, text) {
  const document = JSON.parse(snapshot);
  document[field] = "@@";
  return JSON.stringify(document).replace('"@@"', () => text);
}

const changedRow = (name, change, expected) => [`resume(${name})`, () => resumed(changed(change)), expected];

const whole = [
  ["resume(a snapshot)", () => resumed(snapshot), asItWas],
  [
    "resume(a snapshot, twice)",
    () => Promise.all([resumed(snapshot), resumed(snapshot)]),
    (both) => both.forEach(asItWas),
  ],
  ["resume(a snapshot laid out for people)", () => resumed(JSON.stringify(JSON.parse(snapshot), null, 2)), asItWas],
  ["resume(a snapshot with blanks around)", () => resumed(` \r\n\t${snapshot}\n\n`), asItWas],
  [
    "resume(a snapshot with its fields the other way round)",
    () => resumed(JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(snapshot)).reverse()))),
    asItWas,
  ],
];

const noSnapshots = [
  ...notStrings().map(([name, value]) => [`resume(${name})`, () => rich().resume(value), INVALID]),
  ["resume()", () => rich().resume(), INVALID],
  ["resume(bytes)", () => rich().resume(Buffer.from(snapshot)), INVALID],
  ["resume(a parsed snapshot)", () => rich().resume(JSON.parse(snapshot)), INVALID],
  ...[
    ["an empty text", ""],
    ["blanks", " \n\t\r "],
    ["a NUL", "\0"],
    ["a byte order mark", "\ufeff"],
    ["a snapshot with a byte order mark", `\ufeff${snapshot}`],
    ["half a surrogate pair", "\ud800"],
    ["the text null", "null"],
    ["the text of a number", "1"],
    ["a text", '"snapshot"'],
    ["the text of an array", "[]"],
    ["an array of a snapshot", `[${snapshot}]`],
    ["an empty object", "{}"],
    ["an object that is not closed", "{"],
    ["two snapshots in a row", snapshot + snapshot],
    ["a snapshot and a comma", `${snapshot},`],
    ["a snapshot and a brace", `${snapshot}}`],
    ["a snapshot and a NUL", `${snapshot}\0`],
    ["a snapshot without its beginning", snapshot.slice(1)],
    ["a snapshot as a JSON text in a text", JSON.stringify(snapshot)],
    ["a snapshot with a comment", `/* mine */${snapshot}`],
    ["a snapshot with a comma too many", snapshot.replace(/}$/, ",}")],
    ["a snapshot in single quotes", snapshot.replaceAll('"', "'")],
    ["two hundred thousand brackets", "[".repeat(200_000)],
    ["two hundred thousand braces", '{"a":'.repeat(200_000)],
    ["two hundred thousand brackets, closed", "[".repeat(200_000) + "]".repeat(200_000)],
    ["ten megabytes of garbage", "garbage ".repeat(1_250_000)],
    ["ten megabytes of blanks", " ".repeat(1e7)],
    ["ten megabytes of quotes", '"'.repeat(1e7)],
    ["ten megabytes of backslashes", `{"${"\\".repeat(1e7)}`],
    ["ten megabytes of brackets", "[".repeat(1e7)],
    ["ten megabytes of a number", "9".repeat(1e7)],
    ["ten megabytes of half surrogate pairs", "\udc00".repeat(3e6)],
  ].map(([name, text]) => [`resume(${name})`, () => resumed(text), BROKEN]),
];

const cutOff = Array.from({ length: 50 }, (_, part) => [
  `resume(a snapshot of which ${part}/50 are there)`,
  () => resumed(snapshot.slice(0, Math.floor((snapshot.length * part) / 50))),
  BROKEN,
]);

const versions = [
  ["version 3", "3", NEWER],
  ["version 4294967296", "4294967296", NEWER],
  ["version 2^53 + 1", "9007199254740993", NEWER],
  ["version 2^64 - 1", "18446744073709551615", NEWER],
  ["version 2^64", "18446744073709551616", [NEWER, BROKEN]],
  ["version 1e300", "1e300", [NEWER, BROKEN]],
  ["version 1e400", "1e400", [NEWER, BROKEN]],
  ["version 0", "0", BROKEN],
  ["version -1", "-1", BROKEN],
  ["version -0", "-0", BROKEN],
  ["version 1.5", "1.5", BROKEN],
  ["version 0.5", "0.5", BROKEN],
  ["version NaN", "NaN", BROKEN],
  ["a text as version", '"1"', BROKEN],
  ["null as version", "null", BROKEN],
  ["true as version", "true", BROKEN],
  ["an array as version", "[1]", BROKEN],
  ["an object as version", "{}", BROKEN],
].map(([name, text, expected]) => [`resume(${name})`, () => resumed(withText("version", text)), expected]);

const newerButStrange = [
  [
    "resume(a newer version whose other fields are all different)",
    () => resumed('{"version": 7, "workflow_name": 5, "state": {}}'),
    NEWER,
  ],
];

const missing = Object.keys(JSON.parse(snapshot)).map((field) =>
  changedRow(
    `a snapshot without ${field}`,
    (document) => delete document[field],
    field === "timestamp" ? codedOr(asItWas) : BROKEN,
  ),
);

const WRONG = {
  a_number: 5,
  a_text: "text",
  null: null,
  true: true,
  an_array: [],
  an_object: {},
  an_array_of_null: [null],
};
const RIGHT = {
  workflow_name: ["a_text"],
  run_id: [],
  context_state: ["an_object"],
  pending_events: ["an_array"],
  metadata: [],
};

const wrongTypes = Object.entries(RIGHT).flatMap(([field, right]) =>
  Object.entries(WRONG)
    .filter(([name]) => !right.includes(name))
    .map(([name, value]) =>
      changedRow(
        `${name.replaceAll("_", " ")} as ${field}`,
        (document) => Object.assign(document, { [field]: value }),
        BROKEN,
      ),
    ),
);

const entries = [
  ["a state entry that is null", (d) => Object.assign(d.context_state, { a: null })],
  ["a state entry that is a bare value", (d) => Object.assign(d.context_state, { a: 5 })],
  ["a state entry that is an array", (d) => Object.assign(d.context_state, { a: ["json"] })],
  ["a state entry that is empty", (d) => Object.assign(d.context_state, { a: {} })],
  ["a state entry with json and bytes", (d) => Object.assign(d.context_state, { a: { json: 1, bytes: "" } })],
  ["bytes that are no base64", (d) => Object.assign(d.context_state, { a: { bytes: "not base64!" } })],
  ["bytes whose base64 lacks its padding", (d) => Object.assign(d.context_state, { a: { bytes: "AAA" } })],
  ["bytes whose base64 is for URLs", (d) => Object.assign(d.context_state, { a: { bytes: "-_-_" } })],
  ["bytes whose base64 has a line break", (d) => Object.assign(d.context_state, { a: { bytes: "AAAA\nAAAA" } })],
  ["bytes whose base64 has bits too many", (d) => Object.assign(d.context_state, { a: { bytes: "AB==" } })],
  ["bytes that are a number", (d) => Object.assign(d.context_state, { a: { bytes: 5 } })],
  ["bytes that are an array", (d) => Object.assign(d.context_state, { a: { bytes: [1] } })],
  ["bytes with half a surrogate pair", (d) => Object.assign(d.context_state, { a: { bytes: "\ud800" } })],
  ["a pending event that is null", (d) => d.pending_events.push(null)],
  ["a pending event that is empty", (d) => d.pending_events.push({})],
  ["a pending event without deliveries", (d) => delete d.pending_events[0].deliveries],
  ["a pending event without its event", (d) => delete d.pending_events[0].event],
  ["an event that is null", (d) => Object.assign(d.pending_events[0], { event: null })],
  ["an event that is an array", (d) => Object.assign(d.pending_events[0], { event: [] })],
  ["an event that is a text", (d) => Object.assign(d.pending_events[0], { event: "Next" })],
  ["an event without a type", (d) => delete d.pending_events[0].event.type],
  ["an event whose type is a number", (d) => Object.assign(d.pending_events[0].event, { type: 5 })],
  ["an event whose type is null", (d) => Object.assign(d.pending_events[0].event, { type: null })],
  ["an event whose type is empty", (d) => Object.assign(d.pending_events[0].event, { type: "" })],
  ["deliveries that are an object", (d) => Object.assign(d.pending_events[0], { deliveries: {} })],
  ["deliveries that are null", (d) => Object.assign(d.pending_events[0], { deliveries: null })],
  ["a delivery that is a text", (d) => d.pending_events[0].deliveries.push("work")],
  ["a delivery without a step", (d) => delete d.pending_events[0].deliveries[0].step],
  ["a delivery without an attempt", (d) => delete d.pending_events[0].deliveries[0].attempt],
  ["a delivery without its count of sends", (d) => delete d.pending_events[0].deliveries[0].sent],
  ["a step that is a number", (d) => Object.assign(d.pending_events[0].deliveries[0], { step: 1 })],
  [
    "a step with half a surrogate pair",
    (d) => Object.assign(d.pending_events[0].deliveries[0], { step: "work\ud800" }),
  ],
  ["attempt -1", (d) => Object.assign(d.pending_events[0].deliveries[0], { attempt: -1 })],
  ["attempt 0", (d) => Object.assign(d.pending_events[0].deliveries[0], { attempt: 0 })],
  ["attempt 1.5", (d) => Object.assign(d.pending_events[0].deliveries[0], { attempt: 1.5 })],
  ["attempt 2^32", (d) => Object.assign(d.pending_events[0].deliveries[0], { attempt: 2 ** 32 })],
  ["attempt 1e300", (d) => Object.assign(d.pending_events[0].deliveries[0], { attempt: 1e300 })],
  ["an attempt that is a text", (d) => Object.assign(d.pending_events[0].deliveries[0], { attempt: "1" })],
  ["sent -1", (d) => Object.assign(d.pending_events[0].deliveries[0], { sent: -1 })],
  ["sent 2^32", (d) => Object.assign(d.pending_events[0].deliveries[0], { sent: 2 ** 32 })],
  ["sent null", (d) => Object.assign(d.pending_events[0].deliveries[0], { sent: null })],
  ["a delivery of number 0", (d) => Object.assign(d.pending_events[0].deliveries[0], { delivery: 0 })],
  ["a delivery whose number is a text", (d) => Object.assign(d.pending_events[0].deliveries[0], { delivery: "2" })],
  [
    "a delivery whose number is beyond those of JavaScript",
    (d) => Object.assign(d.pending_events[0].deliveries[1], { delivery: 2 ** 53 }),
  ],
  ["deliveries out of order", (d) => d.pending_events[0].deliveries.reverse()],
  ["a last delivery before one that is pending", (d) => Object.assign(d.metadata, { last_delivery: 1 })],
  ["a last delivery that is a text", (d) => Object.assign(d.metadata, { last_delivery: "9" })],
  ["children that are null", (d) => Object.assign(d.metadata, { children: null })],
  ["children that are an object", (d) => Object.assign(d.metadata, { children: {} })],
  ["a child that is a text", (d) => Object.assign(d.metadata, { children: ["child"] })],
  [
    "a child without a status",
    (d) => Object.assign(d.metadata, { children: [{ delivery: 2, position: 0, generation: 0 }] }),
  ],
  [
    "a child that is paused without a snapshot",
    (d) => Object.assign(d.metadata, { children: [{ delivery: 2, position: 0, generation: 0, status: "paused" }] }),
  ],
  ["no input requests", (d) => delete d.metadata.input_requests],
  ["input requests that are null", (d) => Object.assign(d.metadata, { input_requests: null })],
  ["input requests that are an object", (d) => Object.assign(d.metadata, { input_requests: {} })],
  ["an input request that is a text", (d) => d.metadata.input_requests.push("question")],
  ["an input request without an id", (d) => delete d.metadata.input_requests[0].request_id],
  ["an input request whose id is a number", (d) => Object.assign(d.metadata.input_requests[0], { request_id: 5 })],
  ["an input request without its event", (d) => delete d.metadata.input_requests[0].event],
  ["an input request whose event is an array", (d) => Object.assign(d.metadata.input_requests[0], { event: [] })],
  ["an input request whose event has no type", (d) => Object.assign(d.metadata.input_requests[0], { event: {} })],
  ["two input requests with one id", (d) => d.metadata.input_requests.push(d.metadata.input_requests[0])],
  [
    "an event that has arrived, by the id of an input request",
    (d) =>
      Object.assign(d.metadata, {
        arrived_events: [{ id: d.metadata.input_requests[0].request_id, event: { type: "Paid" } }],
      }),
  ],
  ["time left that is negative", (d) => Object.assign(d.metadata, { time_remaining_ms: -1 })],
  ["time left that is a fraction", (d) => Object.assign(d.metadata, { time_remaining_ms: 0.5 })],
  ["time left that is a text", (d) => Object.assign(d.metadata, { time_remaining_ms: "60" })],
  ["done -1", (d) => Object.assign(d.pending_events[0].deliveries[0], { done: -1 })],
  ["done that is a text", (d) => Object.assign(d.pending_events[0].deliveries[0], { done: "1" })],
  ["an ending that is a text", (d) => Object.assign(d.metadata, { ending: "failed" })],
  ["an ending without its error", (d) => Object.assign(d.metadata, { ending: { aborted: false } })],
  ["an ending that is none of two", (d) => Object.assign(d.metadata, { ending: { error: ERROR } })],
  ["an error that is a text", (d) => Object.assign(d.metadata, { ending: { aborted: false, error: "no" } })],
  ["an error without a code", (d) => Object.assign(d.metadata, { ending: { aborted: true, error: { message: "" } } })],
  [
    "an error whose message is a number",
    (d) => Object.assign(d.metadata, { ending: { aborted: true, error: { ...ERROR, message: 5 } } }),
  ],
  ["a run_id that is empty", (d) => Object.assign(d, { run_id: "" })],
  ["a run_id that is no UUID", (d) => Object.assign(d, { run_id: "run-1" })],
  ["a run_id that is too long", (d) => Object.assign(d, { run_id: `${d.run_id}0` })],
  ["a run_id with a blank", (d) => Object.assign(d, { run_id: ` ${d.run_id}` })],
  ["a run_id with half a surrogate pair", (d) => Object.assign(d, { run_id: `\ud800${d.run_id.slice(1)}` })],
].map(([name, change]) => changedRow(name, change, BROKEN));

const bigButFine = [
  changedRow(
    "attempt 2^32 - 1",
    (d) => Object.assign(d.pending_events[0].deliveries[0], { attempt: 2 ** 32 - 1 }),
    (data) => assert.equal(data.attempt, 2 ** 32 - 1),
  ),
  changedRow("sent 2^32 - 1", (d) => Object.assign(d.pending_events[0].deliveries[0], { sent: 2 ** 32 - 1 }), asItWas),
  changedRow(
    "time left of nothing",
    (d) => Object.assign(d.metadata, { time_remaining_ms: 0 }),
    codedOr(asItWas, "ERR_BLAZEN_TIMEOUT"),
  ),
  changedRow("time left of 2^53 - 1", (d) => Object.assign(d.metadata, { time_remaining_ms: 2 ** 53 - 1 }), asItWas),
  [
    "resume(time left of 2^64 - 1)",
    () => resumed(snapshot.replace(/"time_remaining_ms":\d+/, '"time_remaining_ms":18446744073709551615')),
    asItWas,
  ],
  [
    "resume(time left of 2^64)",
    () => resumed(snapshot.replace(/"time_remaining_ms":\d+/, '"time_remaining_ms":18446744073709551616')),
    BROKEN,
  ],
  changedRow("time left that is null", (d) => Object.assign(d.metadata, { time_remaining_ms: null }), asItWas),
  changedRow("time left that is missing", (d) => delete d.metadata.time_remaining_ms, codedOr(asItWas)),
  changedRow("a run_id in capitals", (d) => Object.assign(d, { run_id: d.run_id.toUpperCase() }), codedOr(asItWas)),
  changedRow("a timestamp that is no date", (d) => Object.assign(d, { timestamp: "yesterday" }), codedOr(asItWas)),
  changedRow(
    "no pending events and an open request",
    (d) => Object.assign(d, { pending_events: [] }),
    () => assert.fail("nobody has answered"),
  ),
  changedRow(
    "nothing pending at all",
    (d) => Object.assign(d, { pending_events: [], metadata: { input_requests: [] } }),
    "ERR_BLAZEN_STALLED",
  ),
  changedRow(
    "a pending event with no deliveries and nothing else",
    (d) => {
      d.pending_events[0].deliveries = [];
      d.metadata.input_requests = [];
    },
    ["ERR_BLAZEN_STALLED", BROKEN],
  ),
].filter(([name]) => !name.includes("an open request"));

const strangers = [
  changedRow("a snapshot of another workflow", (d) => Object.assign(d, { workflow_name: "poor" }), MISMATCH),
  changedRow("a workflow name in other letters", (d) => Object.assign(d, { workflow_name: "Rich" }), MISMATCH),
  changedRow("a workflow name that is empty", (d) => Object.assign(d, { workflow_name: "" }), [MISMATCH, BROKEN]),
  changedRow("a workflow name with half a surrogate pair", (d) => Object.assign(d, { workflow_name: "rich\ud800" }), [
    MISMATCH,
    BROKEN,
  ]),
  changedRow(
    "a workflow name of a million characters",
    (d) => Object.assign(d, { workflow_name: "r".repeat(1e6) }),
    MISMATCH,
  ),
  changedRow(
    "an event for a step that is gone",
    (d) => Object.assign(d.pending_events[0].deliveries[0], { step: "wrok" }),
    MISMATCH,
  ),
  changedRow(
    "an event for a step called __proto__",
    (d) => Object.assign(d.pending_events[0].deliveries[0], { step: "__proto__" }),
    MISMATCH,
  ),
  changedRow(
    "an event for a step without a name",
    (d) => Object.assign(d.pending_events[0].deliveries[0], { step: "" }),
    [MISMATCH, BROKEN],
  ),
  changedRow(
    "an event for a step of a million characters",
    (d) => Object.assign(d.pending_events[0].deliveries[0], { step: "w".repeat(1e6) }),
    MISMATCH,
  ),
  [
    "resume(a snapshot that waits for an answer that nobody takes)",
    () =>
      new Workflow("rich")
        .addStep("work", ["Next"], () => stop())
        .addStep("watch", ["Next"], () => null)
        .resume(snapshot),
    "ERR_BLAZEN_SNAPSHOT_MISMATCH",
  ],
  [
    "resume() of a workflow without steps",
    () => new Workflow("rich").resume(snapshot),
    [MISMATCH, "ERR_BLAZEN_NOBODY_TAKES_ANSWERS"],
  ],
];

const deep = (depth) => "[".repeat(depth) + "]".repeat(depth);
const deepObject = (depth) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);

const nestedTooDeep = [
  ["a state value", (text) => withText("context_state", `{"deep":{"json":${text}}}`)],
  [
    "a pending event",
    (text) =>
      withText(
        "pending_events",
        `[{"event":{"type":"Next","deep":${text}},"deliveries":[{"step":"work","attempt":1,"sent":0}]}]`,
      ),
  ],
  [
    "an input request",
    (text) =>
      withText(
        "metadata",
        `{"input_requests":[{"request_id":"a","event":{"type":"${REQUEST}","deep":${text}}}],"time_remaining_ms":null}`,
      ),
  ],
].flatMap(([name, build]) =>
  [1_100, 10_000, 200_000].flatMap((depth) => [
    [`resume(${name} nested ${depth} deep in arrays)`, () => resumed(build(deep(depth))), BROKEN],
    [`resume(${name} nested ${depth} deep in objects)`, () => resumed(build(deepObject(depth))), BROKEN],
  ]),
);

const nestedElsewhere = [
  ["an unknown field", (text) => snapshot.replace("{", `{"unknown":${text},`)],
  ["an unknown field of the metadata", (text) => snapshot.replace('"metadata":{', `"metadata":{"unknown":${text},`)],
  ["an unknown field of a state entry", (text) => snapshot.replace('"tree":{', `"tree":{"unknown":${text},`)],
  ["an unknown field of a delivery", (text) => snapshot.replace('{"step"', `{"unknown":${text},"step"`)],
].flatMap(([name, build]) => [
  [`resume(${name})`, () => resumed(build('"x"')), asItWas],
  [`resume(${name} called __proto__)`, () => resumed(build('"x"').replace('"unknown"', '"__proto__"')), asItWas],
  [`resume(${name} nested 200000 deep)`, () => resumed(build(deep(200_000))), codedOr(asItWas, BROKEN)],
  [
    `resume(${name} nested 200000 deep in objects)`,
    () => resumed(build(deepObject(200_000))),
    codedOr(asItWas, BROKEN),
  ],
  [
    `resume(${name} that is a number of a million digits)`,
    () => resumed(build("9".repeat(1e6))),
    codedOr(asItWas, BROKEN),
  ],
]);

/** Resumes with a state of its own text and gives its keys and values in order. */
async function stateOf(text) {
  const data = await resumed(withText("context_state", text));
  return Object.entries(data.values);
}

const colliding = [
  [
    "a state key called __proto__",
    '{"__proto__":{"json":{"polluted":true}},"a":{"json":1}}',
    (pairs) =>
      assert.deepEqual(
        pairs.map(([key]) => key),
        ["a"],
      ),
  ],
  [
    "a state key called constructor",
    '{"constructor":{"json":1},"toString":{"json":2}}',
    gives([
      ["constructor", 1],
      ["toString", 2],
    ]),
  ],
  ["an empty state key", '{"":{"json":1}}', gives([["", 1]])],
  [
    "a state key twice, of which the last counts",
    '{"a":{"json":1},"b":{"json":2},"a":{"json":3}}',
    (pairs, error) =>
      error
        ? assertCoded(error, BROKEN)
        : assert.deepEqual(pairs, [
            ["a", 3],
            ["b", 2],
          ]),
  ],
  ["a state key written with escapes", '{"\\u0061":{"json":1}}', gives([["a", 1]])],
  ["a state key with half a surrogate pair", '{"\\ud800":{"json":1}}', gives([["\ud800", 1]])],
  [
    "state keys that are two halves of a pair",
    '{"\\ud83d":{"json":1},"\\ude00":{"json":2},"\\ud83d\\ude00":{"json":3}}',
    gives([
      ["\ud83d", 1],
      ["\ude00", 2],
      ["\u{1F600}", 3],
    ]),
  ],
  ["a state key with a NUL", '{"\\u0000":{"json":1}}', gives([["\0", 1]])],
  [
    "a state value with an own __proto__",
    '{"a":{"json":{"__proto__":{"polluted":true}}}}',
    ([[, value]]) => {
      assert.equal(value.polluted, undefined);
      assert.ok(Object.hasOwn(value, "__proto__"));
    },
  ],
  ["bytes of nothing", '{"a":{"bytes":""}}', gives([["a", Buffer.alloc(0)]])],
  ["json: null", '{"a":{"json":null}}', gives([["a", null]])],
].map(([name, text, expected]) => [`resume(${name})`, () => stateOf(text), expected]);

const duplicated = ["version", "workflow_name", "run_id", "context_state", "pending_events", "metadata"].map(
  (field) => [
    `resume(a snapshot with two fields called ${field})`,
    () => resumed(snapshot.replace("{", `{"${field}":${JSON.stringify(JSON.parse(snapshot)[field])},`)),
    codedOr(asItWas, BROKEN),
  ],
);

const polluting = [
  changedRow("an event with an own __proto__", () => {}, asItWas),
  [
    "resume(an event whose __proto__ carries its type)",
    () => resumed(snapshot.replace('"event":{"type":"Next"', '"event":{"__proto__":{"type":"Next"}')),
    BROKEN,
  ],
  [
    "resume(an event with an own __proto__ beside)",
    async () => {
      const { event } = await resumed(snapshot.replace('"event":{', '"event":{"__proto__":{"polluted":true},'));
      return [event.polluted, {}.polluted, Object.hasOwn(event, "__proto__")];
    },
    gives([undefined, undefined, true]),
  ],
];

/** Changes some bytes, and sometimes cuts or doubles a piece. */
function mutated(random) {
  const bytes = Buffer.from(snapshot);
  const pick = (limit) => Math.floor(random() * limit);
  const kind = pick(8);
  if (kind === 0) {
    const [from, to] = [pick(bytes.length), pick(bytes.length)].sort((a, b) => a - b);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]).toString();
  }
  if (kind === 1) {
    const [from, to] = [pick(bytes.length), pick(bytes.length)].sort((a, b) => a - b);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]).toString();
  }
  const alphabet = '{}[]",:\\0123456789-+.eEtrufalsn \0\x7f\u00ff';
  for (let count = 1 + pick(4); count > 0; count -= 1) {
    const at = pick(bytes.length);
    bytes[at] = kind < 5 ? alphabet.charCodeAt(pick(alphabet.length)) : pick(256);
  }
  return bytes.toString(kind === 2 ? "latin1" : "utf8");
}

const MUTATIONS = 4_000;
const BATCHES = 20;

const mutations = Array.from({ length: BATCHES }, (_, batch) => [
  `resume() of ${MUTATIONS / BATCHES} mutated snapshots, batch ${batch}`,
  async () => {
    const random = seeded(batch + 1);
    for (let turn = 0; turn < MUTATIONS / BATCHES; turn += 1) {
      const text = mutated(random);
      try {
        const { value: handler, error } = await outcomeOf(() => rich().resume(text));
        if (error !== undefined) {
          assertCoded(error);
          continue;
        }
        await new Promise(setImmediate);
        await handler.abort();
        const outcome = await outcomeOf(() => handler.result());
        if (outcome.failed) assertCoded(outcome.error);
      } catch (error) {
        throw new Error(`${error.message}\n for ${JSON.stringify(text)}`, { cause: error });
      }
    }
  },
  gives(undefined),
]);

export default [
  ...whole,
  ...noSnapshots,
  ...cutOff,
  ...versions,
  ...newerButStrange,
  ...missing,
  ...wrongTypes,
  ...entries,
  ...bigButFine,
  ...strangers,
  ...nestedTooDeep,
  ...nestedElsewhere,
  ...colliding,
  ...duplicated,
  ...polluting,
  ...mutations,
];
