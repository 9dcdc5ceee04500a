// What stores and stored runs are asked for and with.

import assert from "node:assert/strict";
import { MemoryStore, SqliteStore, Workflow } from "blazen";
import {
  assertCoded,
  CODED,
  gives,
  hostileProxy,
  INVALID,
  notStrings,
  outcomeOf,
  REQUEST,
  RESPONSE,
  revoked,
  START,
  stop,
} from "./harness.mjs";

const ID = "0190c5f0-0000-7abc-8def-000000000001";
const UNKNOWN = "ERR_BLAZEN_UNKNOWN_RUN";
const NO_STORE = "ERR_BLAZEN_NO_STORE";
const stored = (store = new MemoryStore(), options) =>
  new Workflow("rows", { store, ...options }).addStep("only", [START], () => stop("ran"));
const memory = () => new MemoryStore();
const { open } = SqliteStore;
const nowhere = "/nowhere/at/all/store.db";
const throwing = (name) => Object.defineProperty({}, name, { enumerable: true, get: () => assert.fail("getter") });

const notIds = [
  ...notStrings(),
  ["an empty string", ""],
  ["a word", "run"],
  ["a UUID with a space", `${ID} `],
  ["a UUID with a line end", `${ID}\n`],
  ["a UUID in braces", `{${ID}}`],
  ["a UUID without dashes", ID.replaceAll("-", "")],
  ["a UUID that is too short", ID.slice(1)],
  ["a UUID with a letter that is no digit", ID.replace("0", "g")],
  ["a UUID with other digits", ID.replace("0", "٠")],
  ["a urn", `urn:uuid:${ID}`],
  ["a UUID with a NUL", `${ID}\0`],
  ["a million characters", "0".repeat(1e6)],
];

const notOptions = [
  ["null", null],
  ["a number", 5],
  ["a string", ID],
  ["an array", []],
  ["a function", () => {}],
  ["a Symbol", Symbol("s")],
  ["an unknown option", { unknown: 1 }],
  ["an unknown option called __proto__", JSON.parse('{"__proto__": {}}')],
];

const paths = [
  ...notStrings().map(([name, value]) => [`SqliteStore.open(${name})`, () => open(value), INVALID]),
  ["SqliteStore.open()", () => SqliteStore.open(), INVALID],
  ["SqliteStore.open(an empty path)", () => open(""), INVALID],
  ["SqliteStore.open(a path with a NUL)", () => open("/tmp/a\0b"), INVALID],
  [
    "SqliteStore.open(a path with half a surrogate pair)",
    () => open("/tmp/\ud800/store.db"),
    [INVALID, "ERR_BLAZEN_STORE_UNAVAILABLE"],
  ],
  ["SqliteStore.open(a path that is nowhere)", () => open(nowhere), "ERR_BLAZEN_STORE_UNAVAILABLE"],
  [
    "SqliteStore.open(a path of a million characters)",
    () => open(`/tmp/${"x".repeat(1e6)}`),
    "ERR_BLAZEN_STORE_UNAVAILABLE",
  ],
  ["SqliteStore.open(a folder)", () => open("/"), "ERR_BLAZEN_STORE_UNAVAILABLE"],
  ["SqliteStore.open(:memory:)", () => open(":memory:"), "ERR_BLAZEN_STORE_UNAVAILABLE"],
  ["SqliteStore.open(file: and a query)", () => open("file:/nowhere/a.db?mode=memory"), "ERR_BLAZEN_STORE_UNAVAILABLE"],
  ["SqliteStore.open(a URL)", () => open(new URL("file:///nowhere/store.db")), INVALID],
  ["SqliteStore.open(a Buffer)", () => open(Buffer.from("/nowhere")), INVALID],
  ["SqliteStore.open taken off its class", () => open.call(undefined, nowhere), "ERR_BLAZEN_STORE_UNAVAILABLE"],
];

const openOptions = [
  ...notOptions,
  ["readOnly: a string", { readOnly: "yes" }],
  ["readOnly: null", { readOnly: null }],
  ["readOnly: 1", { readOnly: 1 }],
  ["history: an unknown word", { history: "some" }],
  ["history: null", { history: null }],
  ["history: true", { history: true }],
  ["readonly in small letters", { readonly: true }],
].map(([name, options]) => [`SqliteStore.open(path, ${name})`, () => open(nowhere, options), INVALID]);

const hostileOptions = [
  ["a getter that throws", () => throwing("readOnly")],
  ["a revoked Proxy", () => revoked()],
  ["a Proxy that throws", () => hostileProxy()],
].map(([name, make]) => [`SqliteStore.open(path, ${name})`, () => open(nowhere, make()), CODED]);

const made = [
  ["new SqliteStore()", () => new SqliteStore(), INVALID],
  ["new SqliteStore(path)", () => new SqliteStore(nowhere), INVALID],
  ["new SqliteStore(a Symbol, {})", () => new SqliteStore(Symbol("blazen.internal"), {}), INVALID],
  ["new MemoryStore(anything)", async () => (await new MemoryStore({ any: 1 }).runs()).runs, gives([])],
];

const stores = [
  ...notStrings()
    .filter(([name]) => name !== "undefined")
    .map(([name, value]) => [
      `new Workflow("a", { store: ${name} })`,
      () => new Workflow("a", { store: value }),
      CODED,
    ]),
  ["new Workflow with the class as its store", () => new Workflow("a", { store: SqliteStore }), INVALID],
  ["new Workflow with a path as its store", () => new Workflow("a", { store: "store.db" }), INVALID],
  [
    "new Workflow with a Proxy of a store",
    () => new Workflow("a", { store: new Proxy(new MemoryStore(), {}) }),
    [INVALID, "ERR_BLAZEN_INVALID_ARGUMENT"],
  ],
  ["new Workflow with half a store", () => new Workflow("a", { store: { load() {}, runs() {} } }), INVALID],
  [
    "new Workflow with what inherits from a store",
    () => new Workflow("a", { store: Object.create(MemoryStore.prototype) }),
    INVALID,
  ],
  ["a durability without a store", () => new Workflow("a", { durability: "sync" }), INVALID],
  ...[
    ...notStrings().filter(([name]) => name !== "undefined"),
    ["an unknown word", "never"],
    ["capitals", "SYNC"],
    ["an empty string", ""],
  ].map(([name, durability]) => [`durability: ${name}`, () => stored(memory(), { durability }), CODED]),
];

const keptStreams = [
  ["persistStream without a store", () => new Workflow("a", { persistStream: true }), INVALID],
  ["persistStream: false without a store", () => new Workflow("a", { persistStream: false }).name, gives("a")],
  ["persistStream, written at the exit", () => stored(memory(), { persistStream: true, durability: "exit" }), INVALID],
  [
    "persistStream and a store without stream()",
    () => stored({ commit() {}, load() {}, runs() {} }, { persistStream: true }),
    INVALID,
  ],
  [
    "persistStream and a store whose stream() is no function",
    () => stored({ commit() {}, load() {}, runs() {}, stream: [] }, { persistStream: true }),
    INVALID,
  ],
  [
    "persistStream and a store whose stream() cannot be looked at",
    () => {
      const store = { commit() {}, load() {}, runs() {} };
      Object.defineProperty(store, "stream", { get: () => assert.fail("getter") });
      return stored(store, { persistStream: true });
    },
    INVALID,
  ],
  ...[null, 0, 1, "true", {}, 5n, Symbol("s")].map((persistStream) => [
    `persistStream: ${typeof persistStream} ${String(persistStream)}`,
    () => stored(memory(), { persistStream }),
    INVALID,
  ]),
  [
    "an offset from the future of a stream that is kept",
    async () => {
      const handler = await stored(memory(), { persistStream: true }).runWithHandler();
      await handler.result();
      for await (const _ of handler.stream({ from: 1 })) assert.fail("there is nothing");
    },
    INVALID,
  ],
];

const streamQueries = [
  ...notOptions,
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "0", null, 5n].map((from) => [
    `from: ${typeof from} ${from}`,
    { from },
  ]),
  ...[0, -1, 1.5, Number.NaN, 10_001, "10", null].map((limit) => [`limit: ${typeof limit} ${limit}`, { limit }]),
].map(([name, query]) => [`store.stream(id, ${name})`, () => memory().stream(ID, query), INVALID]);

const goodStreamQueries = [
  ["nothing", undefined],
  ["{}", {}],
  ["options that are undefined", { from: undefined, limit: undefined }],
  ["the greatest offset", { from: Number.MAX_SAFE_INTEGER, limit: 10_000 }],
].map(([name, query]) => [`store.stream(an id of no run, ${name})`, () => memory().stream(ID, query), gives(null)]);

const runIds = notIds.flatMap(([name, value]) => [
  [`store.run(${name})`, () => memory().run(value), INVALID],
  [`store.history(${name})`, () => memory().history(value), INVALID],
  [`store.stream(${name})`, () => memory().stream(value), INVALID],
  [`attach(${name})`, () => stored().attach(value), INVALID],
  [`cancel(${name})`, () => stored().cancel(value), INVALID],
  ...(name === "undefined"
    ? []
    : [
        [`run({}, { runId: ${name} })`, () => stored().run({}, { runId: value }), INVALID],
        [`runWithHandler({}, { runId: ${name} })`, () => stored().runWithHandler({}, { runId: value }), INVALID],
      ]),
]);

const startOptions = notOptions.flatMap(([name, options]) => [
  [`run({}, ${name})`, () => stored().run({}, options), INVALID],
  [`runWithHandler({}, ${name})`, () => stored().runWithHandler({}, options), INVALID],
]);

const starts = [
  ["run({}, undefined)", async () => (await stored().run({}, undefined)).data, gives("ran")],
  ["run({}, {})", async () => (await stored().run({}, {})).data, gives("ran")],
  ["run({}, { runId: undefined })", async () => (await stored().run({}, { runId: undefined })).data, gives("ran")],
  [
    "run({}, { runId: the nil UUID })",
    async () => (await stored().run({}, { runId: "00000000-0000-0000-0000-000000000000" })).data,
    gives("ran"),
  ],
  [
    "run({}, { runId: in capitals })",
    async () => (await stored().run({}, { runId: ID.toUpperCase() })).runId,
    gives(ID),
  ],
  ["run({}, a getter that throws)", () => stored().run({}, throwing("runId")), CODED],
  ["run({}, a revoked Proxy)", () => stored().run({}, revoked()), CODED],
  ["run({}, a Proxy that throws)", () => stored().run({}, hostileProxy()), CODED],
  ["attach() of no run", () => stored().attach(ID), UNKNOWN],
  ["resume(the id of no run)", () => stored().resume(ID), UNKNOWN],
  ["resume(a UUID in braces)", () => stored().resume(`{${ID}}`), "ERR_BLAZEN_SNAPSHOT_INVALID"],
  ["attach() of no run without a store", () => new Workflow("a").attach(ID), UNKNOWN],
  ["cancel() of no run", () => stored().cancel(ID), UNKNOWN],
  ["cancel() of no run without a store", () => new Workflow("a").cancel(ID), UNKNOWN],
  ["recover() without a store", () => new Workflow("a").recover(), NO_STORE],
  ["check() without a store", () => new Workflow("a").check(), NO_STORE],
  ["check() of an empty store", () => new Workflow("a").check(memory()), gives([])],
  ...[
    ["null", null],
    ["a number", 5],
    ["a path", nowhere],
    ["an object without methods", {}],
    ["a Workflow", new Workflow("a")],
    ["a Map", new Map()],
  ].map(([name, store]) => [`check(${name})`, () => new Workflow("a").check(store), INVALID]),
  ["resume(the id of no run) without a store", () => new Workflow("a").resume(ID), UNKNOWN],
  ["recover() of a workflow without steps", () => new Workflow("a", { store: memory() }).recover(), gives([])],
];

/** Inputs that JSON cannot hold: refused at once, and nothing is stored of them. */
const inputs = [
  ["a function", { value: () => {} }],
  ["a symbol", { value: Symbol("s") }],
  ["a BigInt", { value: 5n }],
  ["NaN", Number.NaN],
  ["Infinity", { value: Number.POSITIVE_INFINITY }],
  ["a Map", new Map()],
  ["a Set", { value: new Set() }],
  ["a Buffer", { value: Buffer.of(1) }],
  ["a cycle", Object.assign([], { 0: null })],
  ["a getter that throws", throwing("order")],
  ["a toJSON that throws", { value: { toJSON: () => assert.fail("toJSON") } }],
  ["a Proxy that throws", hostileProxy()],
  ["a revoked Proxy", revoked()],
].map(([name, input]) => [
  `a stored run of ${name}`,
  async () => {
    if (name === "a cycle") input[0] = input;
    const store = memory();
    const outcomes = [
      await outcomeOf(() => stored(store).run(input)),
      await outcomeOf(() => stored(store).run(input, { runId: ID })),
    ];
    for (const { error } of outcomes) assertCoded(error, CODED);
    return (await store.runs()).runs;
  },
  gives([]),
]);

const queries = [
  ...notOptions,
  ...notStrings()
    .filter(([name]) => name !== "undefined")
    .flatMap(([name, value]) => [
      [`workflow: ${name}`, { workflow: value }],
      [`status: ${name}`, { status: value }],
      [`after: ${name}`, { after: value }],
    ]),
  ["status: an unknown word", { status: "waiting" }],
  ["status: capitals", { status: "RUNNING" }],
  ["status: an empty string", { status: "" }],
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 10_001, 2 ** 32 + 1, "10", null, 5n].map((limit) => [
    `limit: ${typeof limit} ${limit}`,
    { limit },
  ]),
  ...["", "x", "-1", "1.5", "1e3", " 1", "9".repeat(16), "0x10", ID].map((after) => [
    `after: ${JSON.stringify(after)}`,
    { after },
  ]),
].map(([name, query]) => [`runs(${name})`, () => memory().runs(query), CODED]);

const goodQueries = [
  ["nothing", undefined],
  ["{}", {}],
  ["options that are undefined", { workflow: undefined, status: undefined, limit: undefined, after: undefined }],
  ["an empty workflow", { workflow: "" }],
  ["a workflow of a million characters", { workflow: "w".repeat(1e6) }],
  ["a workflow with a NUL", { workflow: "a\0" }],
  ["a workflow with half a surrogate pair", { workflow: "\ud800" }],
  ["the greatest after", { after: "9".repeat(15) }],
  ["the greatest limit", { limit: 10_000 }],
].map(([name, query]) => [`runs(${name})`, async () => (await memory().runs(query)).runs, gives([])]);

const prunes = [
  ...notOptions,
  ["undefined", undefined],
  ["no time", {}],
  ["a number", { finishedBefore: 0 }],
  ["a text", { finishedBefore: "2020-01-01" }],
  ["null", { finishedBefore: null }],
  ["a Date that is none", { finishedBefore: new Date(Number.NaN) }],
  ["what looks like a Date", { finishedBefore: { getTime: () => 0 } }],
  ["what inherits from Date", { finishedBefore: Object.create(Date.prototype) }],
  ["a Proxy of a Date", { finishedBefore: new Proxy(new Date(), {}) }],
  ["a revoked Proxy", revoked()],
  ["a time that is a revoked Proxy", { finishedBefore: revoked() }],
].map(([name, options], at) => [
  `prune(${at < notOptions.length ? "" : "of "}${name})`,
  () => memory().prune(options),
  CODED,
]);

const goodPrunes = [
  ["the first Date there is", new Date(-8.64e15)],
  ["the last Date there is", new Date(8.64e15)],
  ["a Date whose getTime throws", Object.assign(new Date(), { getTime: () => assert.fail("getTime") })],
].map(([name, finishedBefore]) => [`prune(${name})`, () => memory().prune({ finishedBefore }), gives(0)]);

const lost = [SqliteStore, MemoryStore].flatMap((owner) =>
  ["run", "runs", "history", "stream", "prune", "close"].flatMap((method) =>
    [
      ["undefined", undefined],
      ["{}", {}],
      ["its prototype", owner.prototype],
      ["a Workflow", new Workflow("a")],
      ["a Proxy of one", new Proxy(new MemoryStore(), {})],
    ].map(([name, receiver]) => [
      `${owner.name}.prototype.${method} on ${name}`,
      () => owner.prototype[method].call(receiver, ID),
      INVALID,
    ]),
  ),
);

/** Answers that JSON cannot hold leave the question open. */
const answers = [
  ["a function", () => {}],
  ["a BigInt", 5n],
  ["NaN", Number.NaN],
  ["a Symbol", Symbol("s")],
  ["a revoked Proxy", revoked()],
].map(([name, value]) => [
  `respondToInput("q", ${name}) in a stored run`,
  async () => {
    const wf = new Workflow("a", { store: memory() })
      .addStep("ask", [START], () => ({ type: REQUEST, request_id: "q" }))
      .addStep("hear", [RESPONSE], ({ response }) => stop(response));
    const handler = await wf.runWithHandler();
    await new Promise((resolve) => handler.streamEvents(resolve));
    const { error } = await outcomeOf(() => handler.respondToInput("q", value));
    assertCoded(error, CODED);
    await handler.respondToInput("q", "good");
    return (await handler.result()).data;
  },
  gives("good"),
]);

export default [
  ...paths,
  ...openOptions,
  ...hostileOptions,
  ...made,
  ...stores,
  ...keptStreams,
  ...streamQueries,
  ...goodStreamQueries,
  ...runIds,
  ...startOptions,
  ...starts,
  ...inputs,
  ...queries,
  ...goodQueries,
  ...prunes,
  ...goodPrunes,
  ...lost,
  ...answers,
];
