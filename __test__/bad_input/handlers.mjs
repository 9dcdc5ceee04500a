// What is asked of a handler: with bad arguments, at the wrong time, twice.

import assert from "node:assert/strict";
import { MemoryStore, SessionPausePolicy, Workflow } from "blazen";
import { quiet } from "../turns.mjs";
import {
  CODED,
  deferred,
  ended,
  errorWithSymbolMessage,
  errorWithThrowingMessage,
  gives,
  hostileProxy,
  INVALID,
  notStrings,
  outcomeOf,
  parked,
  REQUEST,
  RESPONSE,
  revoked,
  stop,
  workflowOf,
} from "./harness.mjs";

const ENDED = "ERR_BLAZEN_RUN_ENDED";
const NOT_PAUSED = "ERR_BLAZEN_NOT_PAUSED";
const UNKNOWN = "ERR_BLAZEN_UNKNOWN_REQUEST";

const aSnapshot = (text) => assert.equal(JSON.parse(text).version, 2);

const throwing = () => assert.fail("getter");

const pauseOptions = [
  ["null", null],
  ["a number", 5],
  ["a string", "now"],
  ["true", true],
  ["a BigInt", 5n],
  ["a symbol", Symbol("now")],
  ["an array", [5]],
  ["a function", () => {}],
  ["an unknown option", { grace: 5 }],
  ["an unknown option beside", { graceMs: 5, force: true }],
  ["graceMs: NaN", { graceMs: Number.NaN }],
  ["graceMs: -1", { graceMs: -1 }],
  ["graceMs: -Infinity", { graceMs: Number.NEGATIVE_INFINITY }],
  ["graceMs: a string", { graceMs: "5" }],
  ["graceMs: null", { graceMs: null }],
  ["graceMs: a BigInt", { graceMs: 5n }],
  ["graceMs: a symbol", { graceMs: Symbol("5") }],
  ["graceMs: true", { graceMs: true }],
  ["graceMs: a Date", { graceMs: new Date(0) }],
  ["graceMs: a Number object", { graceMs: new Number(5) }],
].flatMap(([name, options]) => [
  [`pause(${name})`, async () => (await parked()).pause(options), INVALID],
  [
    `pause(${name}) leaves the run running`,
    async () => {
      const handler = await parked();
      await outcomeOf(() => handler.pause(options));
      await handler.respondToInput("question", "ran");
      return (await handler.result()).data;
    },
    gives("ran"),
  ],
]);

const hostilePauseOptions = [
  ["a getter that throws", () => Object.defineProperty({}, "graceMs", { enumerable: true, get: throwing })],
  ["a revoked Proxy", () => revoked()],
  ["a Proxy that throws", () => hostileProxy()],
].map(([name, options]) => [`pause(${name})`, async () => (await parked()).pause(options()), CODED]);

const goodPauseOptions = [
  ["nothing", undefined],
  ["no options", {}],
  ["graceMs: undefined", { graceMs: undefined }],
  ["graceMs: 0", { graceMs: 0 }],
  ["graceMs: -0", { graceMs: -0 }],
  ["graceMs: 0.5", { graceMs: 0.5 }],
  ["graceMs: the smallest number", { graceMs: Number.MIN_VALUE }],
  ["graceMs: Infinity", { graceMs: Number.POSITIVE_INFINITY }],
  ["graceMs: 2^31", { graceMs: 2 ** 31 }],
  ["graceMs: the largest number", { graceMs: Number.MAX_VALUE }],
  ["options without a prototype", Object.create(null)],
].map(([name, options]) => [`pause(${name})`, async () => (await parked()).pause(options), aSnapshot]);

const answers = [
  ...notStrings().map(([name, value]) => [
    `respondToInput(${name}, ...)`,
    async () => (await parked()).respondToInput(value, 1),
    INVALID,
  ]),
  ["respondToInput()", async () => (await parked()).respondToInput(), INVALID],
  ...[
    ["an id that nobody asked for", "other"],
    ["an empty id", ""],
    ["an id in capitals", "QUESTION"],
    ["an id with a blank", "question "],
    ["an id with half a surrogate pair", "\ud800"],
    ["an id with a NUL", "question\0"],
    ["__proto__", "__proto__"],
    ["an id of ten million characters", "q".repeat(1e7)],
  ].map(([name, id]) => [`respondToInput(${name}, ...)`, async () => (await parked()).respondToInput(id, 1), UNKNOWN]),
  [
    "an unknown id leaves the request open",
    async () => {
      const handler = await parked();
      await outcomeOf(() => handler.respondToInput("other", 1));
      await handler.respondToInput("question", 2);
      return (await handler.result()).data;
    },
    gives(2),
  ],
  [
    "respondToInput() twice at once",
    async () => {
      const handler = await parked();
      await handler.respondToInput("question", 1);
      return handler.respondToInput("question", 2);
    },
    [UNKNOWN, ENDED],
  ],
  [
    "of two answers the first counts",
    async () => {
      const handler = await parked();
      const both = [handler.respondToInput("question", 1), handler.respondToInput("question", 2)];
      await Promise.allSettled(both);
      return (await handler.result()).data;
    },
    gives(1),
  ],
  [
    "respondToInput() twice, with time between and the run going on",
    async () => {
      const handler = await workflowOf(() => [
        { type: REQUEST, request_id: "a" },
        { type: REQUEST, request_id: "b" },
      ])
        .addStep("hear", [RESPONSE], () => null)
        .runWithHandler();
      await quiet();
      await handler.respondToInput("a", 1);
      await quiet();
      return handler.respondToInput("a", 1);
    },
    UNKNOWN,
  ],
  [
    "respondToInput() while paused",
    async () => {
      const handler = await parked();
      await handler.pause();
      return handler.respondToInput("question", 1);
    },
    "ERR_BLAZEN_PAUSED",
  ],
  [
    "an answer refused while paused can be given after resumeInPlace()",
    async () => {
      const handler = await parked();
      await handler.pause();
      await outcomeOf(() => handler.respondToInput("question", 1));
      await handler.resumeInPlace();
      await handler.respondToInput("question", 2);
      return (await handler.result()).data;
    },
    gives(2),
  ],
  ...[
    ["undefined", undefined],
    ["a BigInt", 5n],
    ["a function", stop],
    ["NaN", Number.NaN],
    ["a symbol", Symbol.iterator],
  ].map(([name, answer]) => [
    `an answer of ${name} arrives as it is`,
    async () => {
      const handler = await parked();
      await handler.respondToInput("question", answer);
      return (await handler.result()).data;
    },
    gives(answer),
  ]),
  [
    "an answer that is a revoked Proxy",
    async () => {
      const handler = await parked();
      await handler.respondToInput("question", revoked());
      return typeof (await handler.result()).data;
    },
    gives("object"),
  ],
];

const afterTheEnd = [
  ["pause()", (handler) => handler.pause(), ENDED],
  ["pause({ graceMs: 0 })", (handler) => handler.pause({ graceMs: 0 }), ENDED],
  ["snapshot()", (handler) => handler.snapshot(), ENDED],
  ["resumeInPlace()", (handler) => handler.resumeInPlace(), ENDED],
  ["respondToInput()", (handler) => handler.respondToInput("question", 1), ENDED],
  ["respondToInput() of no string", (handler) => handler.respondToInput(5, 1), INVALID],
  ["abort()", (handler) => handler.abort(), gives(undefined)],
  ["result()", async (handler) => (await handler.result()).data, gives("done")],
  [
    "result() after abort()",
    async (handler) => {
      await handler.abort(new Error("late"));
      return (await handler.result()).data;
    },
    gives("done"),
  ],
  ["runId", async (handler) => handler.runId === (await handler.result()).runId, gives(true)],
  ["streamEvents()", async (handler) => (await handler.streamEvents(() => {})).done, gives(undefined)],
].map(([name, use, expected]) => [`${name} of a run that has ended`, async () => use(await ended()), expected]);

const ends = [
  [
    "failed",
    async () => {
      const handler = await workflowOf(() => Promise.reject(new Error("boo"))).runWithHandler();
      await outcomeOf(() => handler.result());
      return handler;
    },
  ],
  [
    "was aborted",
    async () => {
      const handler = await parked();
      await handler.abort();
      return handler;
    },
  ],
  [
    "was aborted while paused",
    async () => {
      const handler = await parked();
      await handler.pause();
      await handler.abort();
      return handler;
    },
  ],
];

const afterOtherEnds = ends.flatMap(([how, make]) => [
  [`pause() of a run that ${how}`, async () => (await make()).pause(), ENDED],
  [`snapshot() of a run that ${how}`, async () => (await make()).snapshot(), ENDED],
  [`resumeInPlace() of a run that ${how}`, async () => (await make()).resumeInPlace(), ENDED],
  [`respondToInput() of a run that ${how}`, async () => (await make()).respondToInput("question", 1), ENDED],
  [`abort() of a run that ${how}`, async () => (await make()).abort(), gives(undefined)],
  [
    `result() of a run that ${how}`,
    async () => (await make()).result(),
    how === "failed" ? "ERR_BLAZEN_STEP_FAILED" : "ERR_BLAZEN_ABORTED",
  ],
]);

const untimely = [
  ["snapshot() of a running run", async () => (await parked()).snapshot(), NOT_PAUSED],
  ["resumeInPlace() of a running run", async () => (await parked()).resumeInPlace(), NOT_PAUSED],
  [
    "resumeInPlace() twice",
    async () => {
      const handler = await parked();
      await handler.pause();
      await handler.resumeInPlace();
      return handler.resumeInPlace();
    },
    NOT_PAUSED,
  ],
  [
    "snapshot() after resumeInPlace()",
    async () => {
      const handler = await parked();
      await handler.pause();
      await handler.resumeInPlace();
      return handler.snapshot();
    },
    NOT_PAUSED,
  ],
  [
    "pause() twice gives one snapshot",
    async () => {
      const handler = await parked();
      return (await handler.pause()) === (await handler.pause());
    },
    gives(true),
  ],
  [
    "two pauses at once give one snapshot",
    async () => {
      const handler = await parked();
      const [one, other] = await Promise.all([handler.pause(), handler.pause({ graceMs: 5 })]);
      return one === other && one === (await handler.snapshot());
    },
    gives(true),
  ],
  [
    "resumeInPlace() before the pause is done",
    async () => {
      const gate = deferred();
      const handler = await workflowOf(() => gate.promise).runWithHandler();
      await quiet();
      const pausing = outcomeOf(() => handler.pause());
      await handler.resumeInPlace();
      gate.resolve(stop("ran"));
      return [(await pausing).error?.code, (await handler.result()).data];
    },
    gives([NOT_PAUSED, "ran"]),
  ],
  [
    "a run that ends before it has paused",
    async () => {
      const gate = deferred();
      const handler = await workflowOf(() => gate.promise).runWithHandler();
      await quiet();
      const pausing = outcomeOf(() => handler.pause());
      gate.resolve(stop("ran"));
      return [(await pausing).error?.code, (await handler.result()).data];
    },
    gives([ENDED, "ran"]),
  ],
  [
    "abort() before the pause is done",
    async () => {
      const handler = await workflowOf(() => new Promise(() => {})).runWithHandler();
      await quiet();
      const pausing = outcomeOf(() => handler.pause());
      await handler.abort();
      return [(await pausing).error?.code, (await outcomeOf(() => handler.result())).error?.code];
    },
    gives([ENDED, "ERR_BLAZEN_ABORTED"]),
  ],
];

const reasons = [
  ["nothing", () => undefined],
  ["null", () => null],
  ["a string", () => "enough"],
  ["a symbol", () => Symbol("enough")],
  ["a BigInt", () => 5n],
  ["a frozen error", () => Object.freeze(new Error("frozen"))],
  ["an error whose message is a symbol", errorWithSymbolMessage],
  ["an error whose message throws", errorWithThrowingMessage],
  ["an object without a prototype", () => Object.create(null)],
  ["a revoked Proxy", () => revoked()],
  ["a Proxy that throws", () => hostileProxy()],
  ["a string of ten million characters", () => "x".repeat(1e7)],
].flatMap(([name, reason]) => [
  [
    `abort(${name})`,
    async () => {
      const handler = await parked();
      await handler.abort(reason());
      return handler.result();
    },
    "ERR_BLAZEN_ABORTED",
  ],
  [
    `cancel(an id, ${name})`,
    async () => {
      const store = new MemoryStore();
      const workflow = new Workflow("cancelled", { store }).addStep(
        "begin",
        ["blazen::StartEvent"],
        () => new Promise(() => {}),
      );
      const { runId } = await workflow.runWithHandler();
      return [await workflow.cancel(runId, reason()), (await store.run(runId)).status];
    },
    gives([true, "cancelled"]),
  ],
]);

const hardError = async (key, value) => {
  const workflow = new Workflow("hard", { sessionPausePolicy: SessionPausePolicy.HardError })
    .addStep("ask", ["blazen::StartEvent"], async (_event, ctx) => {
      await ctx.session.set(key, value);
      return { type: REQUEST, request_id: "question" };
    })
    .addStep("hear", [RESPONSE], (event) => stop(event.response));
  const handler = await workflow.runWithHandler();
  const asked = deferred();
  await handler.streamEvents(asked.resolve);
  await asked.promise;
  return handler;
};

const session = [
  ...["key", "", "__proto__", "\ud800", "a\0b"].map((key) => [
    `pause() under HardError with the session key ${JSON.stringify(key)}`,
    async () => (await hardError(key, null)).pause(),
    "ERR_BLAZEN_SESSION_NOT_EMPTY",
  ]),
  [
    "a pause that HardError refused leaves the run running",
    async () => {
      const handler = await hardError("key", 1);
      await outcomeOf(() => handler.pause());
      await handler.respondToInput("question", "ran");
      return (await handler.result()).data;
    },
    gives("ran"),
  ],
];

const pendingWith = async (extra) => {
  const gate = deferred();
  const handler = await workflowOf(
    () => gate.promise,
    () => stop("ran"),
  ).runWithHandler();
  await quiet();
  const pausing = outcomeOf(() => handler.pause());
  gate.resolve({ type: "Next", ...extra });
  const { value, error } = await pausing;
  return { handler, value, error };
};

const unsavable = [
  ["a Map", { extra: new Map() }],
  ["a function", { extra: () => {} }],
  ["a BigInt", { extra: 5n }],
  ["NaN", { extra: Number.NaN }],
  ["a symbol", { extra: Symbol("s") }],
  ["bytes", { extra: Buffer.of(1) }],
  ["a toJSON that throws", { toJSON: throwing }],
  ["a toJSON that gives no object", { toJSON: () => 5 }],
  ["a toJSON that gives an array", { toJSON: () => [] }],
  ["a toJSON that leaves the type out", { toJSON: () => ({}) }],
  ["a toJSON that gives nothing", { toJSON: () => undefined }],
].map(([name, extra]) => [
  `pause() with a pending event that has ${name} rejects, and the run goes on`,
  async () => {
    const { handler, error } = await pendingWith(extra);
    return [error?.code, (await handler.result()).data];
  },
  gives(["ERR_BLAZEN_NOT_SERIALIZABLE", "ran"]),
]);

const streamOptions = [
  ["null", null],
  ["a number", 5],
  ["an array", [5]],
  ["an unknown option", { form: 5 }],
  ["from: -1", { from: -1 }],
  ["from: 0.5", { from: 0.5 }],
  ["from: NaN", { from: Number.NaN }],
  ["from: Infinity", { from: Number.POSITIVE_INFINITY }],
  ["from: 2^53", { from: 2 ** 53 }],
  ["from: a string", { from: "5" }],
  ["from: a BigInt", { from: 5n }],
  ["from: null", { from: null }],
  ["from: an offset from the future", { from: 2 }],
  ["lifecycle: a number", { lifecycle: 1 }],
].flatMap(([name, options]) => [
  [`stream(${name})`, async () => (await parked()).stream(options)[Symbol.asyncIterator]().next(), INVALID],
  [`toReadableStream(${name})`, async () => (await parked()).toReadableStream(options).getReader().read(), INVALID],
  [`toResponse(${name})`, async () => (await parked()).toResponse(options), INVALID],
]);

const responseOptions = [
  ["lastEventId: a word", { lastEventId: "last" }],
  ["lastEventId: a negative number", { lastEventId: "-1" }],
  ["lastEventId: a number with a blank", { lastEventId: "1 " }],
  ["lastEventId: hexadecimal", { lastEventId: "0x1" }],
  ["lastEventId: a hundred digits", { lastEventId: "9".repeat(100) }],
  ["lastEventId: from the future", { lastEventId: "1" }],
  ["lastEventId: a symbol", { lastEventId: Symbol("1") }],
  ["request: null", { request: null }],
  ["request: a string", { request: "GET /" }],
  ["request: without headers", { request: {} }],
  ["request: with two ids", { request: { headers: { "last-event-id": ["0", "1"] } } }],
  ["headers: a number", { headers: 5 }],
  ["headers: that are none", { headers: { "a b": "c" } }],
  ["init: null", { init: null }],
  ["init: a status that is none", { init: { status: 5 } }],
  ["keepAliveMs: 0", { keepAliveMs: 0 }],
  ["keepAliveMs: NaN", { keepAliveMs: Number.NaN }],
  ["keepAliveMs: a string", { keepAliveMs: "5" }],
].map(([name, options]) => [`toResponse(${name})`, async () => (await parked()).toResponse(options), INVALID]);

const notSignals = [
  ["null", null],
  ["a number", 5],
  ["a string", "abort"],
  ["true", true],
  ["a BigInt", 5n],
  ["a symbol", Symbol("abort")],
  ["a function", () => {}],
  ["an array", []],
  ["an empty object", {}],
  ["an AbortController", new AbortController()],
  ["an EventTarget", new EventTarget()],
  ["aborted: a number", { aborted: 0, addEventListener() {}, removeEventListener() {} }],
  ["no addEventListener", { aborted: false, removeEventListener() {} }],
  ["no removeEventListener", { aborted: false, addEventListener() {} }],
  ["aborted: true, and nothing else", { aborted: true }],
  [
    "a getter that throws",
    Object.defineProperty({ addEventListener() {}, removeEventListener() {} }, "aborted", { get: throwing }),
  ],
  ["what inherits from one", Object.create(AbortSignal.prototype)],
  ["a revoked Proxy", revoked()],
  ["a Proxy that throws", hostileProxy()],
].flatMap(([name, signal]) => {
  const workflow = () => workflowOf(() => assert.fail("a handler was called"));
  return [
    [`run({}, { signal: ${name} })`, () => workflow().run({}, { signal }), INVALID],
    [`runWithHandler({}, { signal: ${name} })`, () => workflow().runWithHandler({}, { signal }), INVALID],
    [
      `runStreaming({}, callback, { signal: ${name} })`,
      () => workflow().runStreaming({}, () => {}, { signal }),
      INVALID,
    ],
  ];
});

const streamBuffers = [0, -1, 0.5, Number.NaN, "5", 5n, null, true].map((streamBuffer) => [
  `new Workflow(..., { streamBuffer: ${typeof streamBuffer} ${streamBuffer} })`,
  () => new Workflow("buffered", { streamBuffer }),
  INVALID,
]);

export default [
  ...streamOptions,
  ...responseOptions,
  ...notSignals,
  [
    "run({}, { signal: undefined })",
    async () => (await workflowOf(() => stop(1)).run({}, { signal: undefined })).data,
    gives(1),
  ],
  ...streamBuffers,
  ["stream({ withOffsets: a number })", async () => (await parked()).stream({ withOffsets: 1 }), INVALID],
  [
    "runWithHandler({}, { lifecycle: 1 })",
    () => workflowOf(() => stop()).runWithHandler({}, { lifecycle: 1 }),
    INVALID,
  ],
  ...pauseOptions,
  ...hostilePauseOptions,
  ...goodPauseOptions,
  ...answers,
  ...afterTheEnd,
  ...afterOtherEnds,
  ...untimely,
  ...reasons,
  ...session,
  ...unsavable,
];
