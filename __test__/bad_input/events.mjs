// What handlers return, send and stream.

import assert from "node:assert/strict";
import vm from "node:vm";
import { InvalidArgumentError, Workflow } from "blazen";
import {
  CODED,
  deferred,
  errorWithSymbolMessage,
  errorWithThrowingMessage,
  gives,
  hostileProxy,
  INVALID,
  inStep,
  notFunctions,
  outcomeOf,
  REQUEST,
  RESPONSE,
  revoked,
  START,
  STOP,
  stop,
  workflowOf,
} from "./harness.mjs";

const INVALID_EVENT = "ERR_BLAZEN_INVALID_EVENT";
const UNROUTED = "ERR_BLAZEN_UNROUTED_EVENT";
const FAILED = "ERR_BLAZEN_STEP_FAILED";

const throwing = (thrown) => () => {
  throw thrown();
};
const typeThat = (get) => Object.defineProperty({ result: "ran" }, "type", { enumerable: true, get });
/** A type that is something else every time. */
const changing = (...types) => typeThat(() => (types.length > 1 ? types.shift() : types[0]));

const notEvents = () => [
  ["zero", 0],
  ["a number", 42],
  ["NaN", Number.NaN],
  ["a string", "Next"],
  ["an empty string", ""],
  ["true", true],
  ["false", false],
  ["a BigInt", 5n],
  ["a symbol", Symbol("event")],
  ["a function", () => stop()],
  ["a class", Workflow],
  ["an object without a type", {}],
  ["a class instance without a type", new (class Thing {})()],
  ["a Map", new Map([["type", "Next"]])],
  ["a Set of events", new Set([stop()])],
  ["a Date", new Date(0)],
  ["bytes", Buffer.of(1)],
  ["a Promise in an object", { event: Promise.resolve(stop()) }],
  ["type: undefined", { type: undefined }],
  ["type: null", { type: null }],
  ["type: a number", { type: 5 }],
  ["type: empty", { type: "" }],
  ["type: a symbol", { type: Symbol("Next") }],
  ["type: a String object", { type: new String("Next") }],
  ["type: an array", { type: ["Next"] }],
  ["type: an object whose toString throws", { type: { toString: throwing(() => new Error("toString")) } }],
  ["the start event", { type: START }],
  ["the input response event", { type: RESPONSE, request_id: "a", response: 1 }],
  ["a request whose id is a number", { type: REQUEST, request_id: 5 }],
  ["a request whose id is null", { type: REQUEST, request_id: null }],
  ["a request whose id is empty", { type: REQUEST, request_id: "" }],
  ["a request whose id is a symbol", { type: REQUEST, request_id: Symbol("id") }],
];

const notEventsInArrays = () => [
  ["a hole", [stop(), ,]],
  ["a hole first", [, stop()]],
  ["only holes", new Array(3)],
  ["undefined", [undefined]],
  ["null", [null]],
  ["a number after an event", [{ type: "Next" }, 5]],
  ["a nested array", [[stop()]]],
  ["an empty nested array", [[]]],
  ["an event without a type", [{}, stop()]],
];

const returned = [
  ...[...notEvents(), ...notEventsInArrays().map(([name, value]) => [`an array with ${name}`, value])].flatMap(
    ([name, value]) => [
      [`a handler that returns ${name}`, () => workflowOf(() => value).run(), INVALID_EVENT],
      [`an async handler that returns ${name}`, () => workflowOf(async () => value).run(), INVALID_EVENT],
    ],
  ),
  [
    "an array with a bad event emits none of its events",
    async () => {
      let invoked = 0;
      const run = workflowOf(
        () => [{ type: "Next" }, { type: "Next" }, 5],
        () => {
          invoked += 1;
        },
      ).run();
      await assert.rejects(run, { code: INVALID_EVENT });
      return invoked;
    },
    gives(0),
  ],
  ["a handler that returns an empty array", () => workflowOf(() => []).run(), "ERR_BLAZEN_STALLED"],
  ["a handler that returns null", () => workflowOf(() => null).run(), "ERR_BLAZEN_STALLED"],
  ["a handler that returns a type that nobody accepts", () => workflowOf(() => ({ type: "Nobody" })).run(), UNROUTED],
  [
    "a handler that returns a reserved type that is none",
    () => workflowOf(() => ({ type: "blazen::Other" })).run(),
    UNROUTED,
  ],
  ["a handler that returns the type __proto__", () => workflowOf(() => ({ type: "__proto__" })).run(), UNROUTED],
  ["a handler that returns the type constructor", () => workflowOf(() => ({ type: "constructor" })).run(), UNROUTED],
  [
    "a handler that returns a type with half a surrogate pair",
    () => workflowOf(() => ({ type: "Next\ud800" })).run(),
    UNROUTED,
  ],
  ["a handler that returns a type with a NUL", () => workflowOf(() => ({ type: "\0" })).run(), UNROUTED],
  [
    "a handler that returns a type of ten million characters",
    () => workflowOf(() => ({ type: "ü".repeat(1e7) })).run(),
    UNROUTED,
  ],
  [
    "a request that nobody could hear the answer to",
    () => workflowOf(() => ({ type: REQUEST })).run(),
    "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
  ],
  [
    "two requests with one id",
    () =>
      workflowOf(() => [
        { type: REQUEST, request_id: "a" },
        { type: REQUEST, request_id: "a" },
      ])
        .addStep("hear", [RESPONSE], () => {})
        .run(),
    "ERR_BLAZEN_DUPLICATE_REQUEST",
  ],
  [
    "a request whose id throws",
    () =>
      workflowOf(() => Object.defineProperty({ type: REQUEST }, "request_id", { get: throwing(() => new Error("id")) }))
        .addStep("hear", [RESPONSE], () => {})
        .run(),
    CODED,
  ],
];

/** What is thrown where nobody expects it: every one must become an error of ours. */
const thrown = () => [
  ["undefined", () => undefined],
  ["null", () => null],
  ["a string", () => "boo"],
  ["a symbol", () => Symbol("boo")],
  ["a BigInt", () => 5n],
  ["a frozen error", () => Object.freeze(new Error("frozen"))],
  ["an error whose message is a symbol", errorWithSymbolMessage],
  ["an error whose message throws", errorWithThrowingMessage],
  [
    "an error whose message is an object without a prototype",
    () => Object.assign(new Error("x"), { message: Object.create(null) }),
  ],
  ["a revoked Proxy", () => revoked()],
  ["a revoked Proxy of an error", () => revoked(new Error("x"))],
  ["a Proxy that throws", () => hostileProxy()],
  ["a frozen error of ours", () => Object.freeze(new InvalidArgumentError("x"))],
  ["an object whose code is one of ours", () => ({ code: "ERR_BLAZEN_RUN_ENDED" })],
  ["an error whose code is one of ours", () => Object.assign(new Error("x"), { code: "ERR_BLAZEN_DELIVERY_SETTLED" })],
];

const throwers = thrown().flatMap(([name, make]) => [
  [`a handler that throws ${name}`, () => workflowOf(throwing(make)).run(), FAILED],
  [`a handler that rejects with ${name}`, () => workflowOf(() => Promise.reject(make())).run(), FAILED],
  [`a later handler that throws ${name}`, () => workflowOf(() => ({ type: "Next" }), throwing(make)).run(), FAILED],
  [
    `an event whose type throws ${name}`,
    () => workflowOf(() => typeThat(throwing(make))).run(),
    [FAILED, INVALID_EVENT],
  ],
  [`a sent event whose type throws ${name}`, () => inStep((ctx) => ctx.sendEvent(typeThat(throwing(make)))), CODED],
  [
    `a streamed event whose type throws ${name}`,
    () => inStep((ctx) => ctx.writeEventToStream(typeThat(throwing(make)))),
    CODED,
  ],
  [
    `a stop event whose result throws ${name}`,
    () => workflowOf(() => Object.defineProperty({ type: STOP }, "result", { get: throwing(make) })).run(),
    CODED,
  ],
]);

const sentStop = (event) => workflowOf((_event, ctx) => ctx.sendEvent(event)).run();

const oddEvents = [
  ["a frozen event", () => Object.freeze(stop("ran"))],
  ["a class instance", () => Object.assign(new (class Stop {})(), stop("ran"))],
  ["an event without a prototype", () => Object.assign(Object.create(null), stop("ran"))],
  ["an inherited event", () => Object.create(stop("ran"))],
  ["a Proxy of an event", () => new Proxy(stop("ran"), {})],
  ["an event with a getter", () => typeThat(() => STOP)],
  ["an event of another realm", () => vm.runInNewContext(`({ type: "${STOP}", result: "ran" })`)],
  ["a callable with a type in an array", () => [Object.assign(stop("ran"), { extra: () => {} })]],
  ["a frozen array", () => Object.freeze([stop("ran")])],
  ["an array of a subclass", () => class extends Array {}.of(stop("ran"))],
  ["an array of another realm", () => vm.runInNewContext(`[{ type: "${STOP}", result: "ran" }]`)],
  ["a Proxy of an array", () => new Proxy([stop("ran")], {})],
  ["two stop events, of which the first counts", () => [stop("ran"), stop("late")]],
].map(([name, make]) => [
  `a handler that returns ${name}`,
  () =>
    workflowOf(() => make())
      .run()
      .then(({ data }) => data),
  gives("ran"),
]);

const hostileEvents = [
  ["a revoked Proxy", () => revoked()],
  ["a revoked Proxy of an array", () => revoked([])],
  ["a Proxy that throws", () => hostileProxy()],
  ["a Proxy of an array that throws", () => hostileProxy([])],
  ["a type that is no longer a string when it is looked at again", () => changing("Nobody", "Nobody", 5)],
  ["a type that is an event first and none later", () => changing("Nobody", 5, 5)],
  ["an array whose item throws", () => Object.defineProperty([], 0, { get: throwing(() => new Error("item")) })],
].flatMap(([name, make]) => [
  [`a handler that returns ${name}`, () => workflowOf(() => make()).run(), CODED],
  [`sendEvent(${name})`, () => inStep((ctx) => ctx.sendEvent(make())), CODED],
  [
    `writeEventToStream(${name})`,
    () => inStep((ctx) => ctx.writeEventToStream(make())),
    name.startsWith("a type") ? anyValueOrCoded() : CODED,
  ],
]);

function anyValueOrCoded() {
  return (_value, error) => {
    if (error !== undefined) assert.match(String(error.code), /^ERR_BLAZEN_/);
  };
}

const sent = [
  ...[...notEvents(), ["nothing", undefined], ["null", null], ["an array of events", [stop()]]].map(([name, value]) => [
    `sendEvent(${name})`,
    () => inStep((ctx) => ctx.sendEvent(value)),
    INVALID_EVENT,
  ]),
  [
    "sendEvent() of a type that nobody accepts",
    () => inStep((ctx) => ctx.sendEvent({ type: "Nobody" })).catch((error) => Promise.reject(error)),
    UNROUTED,
  ],
  ...[
    ["null", null],
    ["a number", 5],
    ["an unknown option", { delay: 5 }],
    ["a negative delay", { delayMs: -1 }],
    ["a delay that is no number", { delayMs: Number.NaN }],
    ["an endless delay", { delayMs: Number.POSITIVE_INFINITY }],
    ["a delay that ends beyond all dates", { delayMs: 8.64e15 }],
    ["a delay as a string", { delayMs: "5" }],
    ["a delay as a BigInt", { delayMs: 5n }],
    ["a time as a number", { at: Date.now() }],
    ["a time that is no date", { at: new Date(Number.NaN) }],
    ["a time that pretends to be a date", { at: Object.create(Date.prototype) }],
    ["both", { delayMs: 5, at: new Date() }],
  ].map(([name, options]) => [
    `sendEvent() with ${name}`,
    () => inStep((ctx) => ctx.sendEvent({ type: "Unsent" }, options)),
    INVALID,
  ]),
  [
    "sendEvent() with an option that throws",
    () => inStep((ctx) => ctx.sendEvent({ type: "Unsent" }, hostileProxy({ delayMs: 5 }))),
    CODED,
  ],
  ["sendEvent() of a type with half a surrogate pair", () => sentStop({ type: "\ud800" }), UNROUTED],
  [
    "sendEvent() of a stop event, then a throw",
    () =>
      workflowOf(async (_event, ctx) => {
        await ctx.sendEvent(stop("sent"));
        throw new Error("too late");
      })
        .run()
        .then(({ data }) => data),
    gives("sent"),
  ],
  ...[
    ...notEvents().filter(([name]) => !/start event|response event|request/.test(name)),
    ["nothing", undefined],
    ["an array of events", [stop()]],
  ].map(([name, value]) => [
    `writeEventToStream(${name})`,
    () => inStep((ctx) => ctx.writeEventToStream(value)),
    INVALID_EVENT,
  ]),
  [
    "writeEventToStream() of any type",
    () => inStep((ctx) => ctx.writeEventToStream({ type: "\ud800" })),
    gives(undefined),
  ],
];

const thenable = (then) => ({ then });

const thenables = [
  ["one that calls back at once", () => thenable((resolve) => resolve(stop("ran"))), gives("ran")],
  [
    "one that calls back twice",
    () =>
      thenable((resolve) => {
        resolve(stop("ran"));
        resolve(stop("again"));
      }),
    gives("ran"),
  ],
  [
    "one that resolves and then throws",
    () =>
      thenable((resolve) => {
        resolve(stop("ran"));
        throw new Error("late");
      }),
    gives("ran"),
  ],
  [
    "one that resolves and then rejects",
    () =>
      thenable((resolve, reject) => {
        resolve(stop("ran"));
        reject(new Error("late"));
      }),
    gives("ran"),
  ],
  [
    "one that resolves to another",
    () => thenable((resolve) => resolve(thenable((again) => again(stop("ran"))))),
    gives("ran"),
  ],
  ["one that throws", () => thenable(throwing(() => new Error("then"))), FAILED],
  [
    "one whose getter throws",
    () => Object.defineProperty({}, "then", { get: throwing(() => new Error("then")) }),
    FAILED,
  ],
  [
    "one whose getter throws undefined",
    () => Object.defineProperty({}, "then", { get: throwing(() => undefined) }),
    FAILED,
  ],
  ["one that rejects with undefined", () => thenable((_resolve, reject) => reject(undefined)), FAILED],
  ["an event whose then is no function", () => ({ ...stop("ran"), then: 5 }), gives("ran")],
  ["a function that is one", () => Object.assign(() => {}, { then: (resolve) => resolve(stop("ran")) }), gives("ran")],
  ["a promise of a subclass", () => class extends Promise {}.resolve(stop("ran")), gives("ran")],
  [
    "a promise of a subclass whose species throws",
    () => {
      class Hostile extends Promise {
        static get [Symbol.species]() {
          throw new Error("species");
        }
      }
      return Hostile.resolve(stop("ran"));
    },
    [FAILED],
  ],
  [
    "a promise of another realm",
    () => vm.runInNewContext(`Promise.resolve({ type: "${STOP}", result: "ran" })`),
    gives("ran"),
  ],
  [
    "a promise whose constructor throws",
    () =>
      Object.defineProperty(Promise.resolve(stop("ran")), "constructor", {
        get: throwing(() => new Error("constructor")),
      }),
    FAILED,
  ],
  [
    "a promise whose then is its own and throws: it is asked as await asks it",
    () => Object.assign(Promise.resolve(stop("ran")), { then: throwing(() => new Error("then")) }),
    gives("ran"),
  ],
  [
    "a promise whose then is its own and calls back at once",
    () => Object.assign(Promise.resolve(stop("ran")), { then: (resolve) => resolve(stop("at once")) }),
    gives("ran"),
  ],
  [
    "a promise whose then is its own and calls back twice",
    () =>
      Object.assign(Promise.resolve(stop("ran")), {
        then: (resolve) => {
          resolve(stop("at once"));
          resolve(stop("again"));
        },
      }),
    gives("ran"),
  ],
].flatMap(([name, make, expected]) => [
  [
    `a handler that returns a thenable: ${name}`,
    () =>
      workflowOf(() => make())
        .run()
        .then(({ data }) => data),
    expected,
  ],
  [
    `a later handler that returns a thenable: ${name}`,
    () =>
      workflowOf(
        () => ({ type: "Next" }),
        () => make(),
      )
        .run()
        .then(({ data }) => data),
    expected,
  ],
]);

const neverSettles = [
  [
    "a thenable that never calls back, under a time limit",
    () => {
      const workflow = workflowOf(() => thenable(() => {}));
      workflow.setTimeout(0.02);
      return workflow.run();
    },
    "ERR_BLAZEN_TIMEOUT",
  ],
  [
    "promises that call back while they are asked, in a fan-out",
    async () => {
      const invoked = [];
      const heard = [];
      const workflow = new Workflow("fan")
        .addStep("begin", [START], () => Array.from({ length: 20 }, (_, n) => ({ type: "Next", n })))
        .addStep("work", ["Next"], ({ n }) => {
          invoked.push(n);
          const events = Array.from({ length: 3 }, () => ({ type: "Done", n }));
          return Object.assign(Promise.resolve(events), { then: (resolve) => resolve([{ type: "Done", n: -1 }]) });
        })
        .addStep("hear", ["Done"], ({ n }) => {
          heard.push(n);
          return heard.length === 60 ? stop() : null;
        });
      await workflow.run();
      return [invoked, heard.sort((a, b) => a - b)];
    },
    gives([Array.from({ length: 20 }, (_, n) => n), Array.from({ length: 60 }, (_, n) => Math.floor(n / 3))]),
  ],
];

const writer = async (_event, ctx) => {
  await ctx.writeEventToStream({ type: "A" });
  await ctx.writeEventToStream({ type: "B" });
  return stop("ran");
};

const STREAM = "ERR_BLAZEN_STREAM_CALLBACK";

const badCallbacks = () => [
  ...thrown().flatMap(([name, make]) => [
    [`throws ${name}`, throwing(make)],
    [`rejects with ${name}`, () => Promise.reject(make())],
  ]),
  [
    "returns a thenable whose getter throws",
    () => Object.defineProperty({}, "then", { get: throwing(() => new Error("then")) }),
  ],
  [
    "returns a promise whose constructor throws",
    () => Object.defineProperty(Promise.resolve(), "constructor", { get: throwing(() => new Error("constructor")) }),
  ],
];

const streamed = [
  ...notFunctions().flatMap(([name, value]) => [
    [`runStreaming(..., ${name})`, () => workflowOf(writer).runStreaming({}, value), INVALID],
    [`streamEvents(${name})`, async () => (await workflowOf(writer).runWithHandler()).streamEvents(value), INVALID],
  ]),
  ["runStreaming() without a callback", () => workflowOf(writer).runStreaming({}), INVALID],
  ...badCallbacks().flatMap(([name, callback]) => [
    [`runStreaming(..., a callback that ${name})`, () => workflowOf(writer).runStreaming({}, callback), STREAM],
    [
      `streamEvents(a callback that ${name}) and the run goes on`,
      async () => {
        const handler = await workflowOf(writer).runWithHandler();
        const { done } = await handler.streamEvents(callback);
        const streamOutcome = await outcomeOf(() => done);
        return [streamOutcome.error?.code, (await handler.result()).data];
      },
      gives([STREAM, "ran"]),
    ],
    [
      `streamEvents(a callback that ${name}) of a run that has ended`,
      async () => {
        const handler = await workflowOf(writer).runWithHandler();
        await handler.result();
        return (await handler.streamEvents(callback)).done;
      },
      STREAM,
    ],
  ]),
  ...[
    ["a revoked Proxy", () => revoked()],
    ["a Proxy that throws", () => hostileProxy()],
    ["a number", () => 5],
    ["an object whose then is no function", () => ({ then: 5 })],
    ["a function that is a thenable", () => Object.assign(() => {}, { then: (resolve) => resolve() })],
  ].map(([name, callback]) => [
    `runStreaming(..., a callback that returns ${name})`,
    () =>
      workflowOf(writer)
        .runStreaming({}, callback)
        .then(({ data }) => data),
    (value, error) => (error === undefined ? assert.equal(value, "ran") : assert.equal(error.code, STREAM)),
  ]),
  [
    "a callback that never settles does not hold the run",
    async () => {
      const handler = await workflowOf(writer).runWithHandler();
      const subscription = await handler.streamEvents(() => new Promise(() => {}));
      const { data } = await handler.result();
      subscription.unsubscribe();
      subscription.unsubscribe();
      await subscription.done;
      return data;
    },
    gives("ran"),
  ],
  [
    "a callback that unsubscribes itself gets nothing more",
    async () => {
      const seen = [];
      const handler = await workflowOf(writer).runWithHandler();
      await handler.result();
      const ready = deferred();
      ready.promise.then((subscription) => subscription.unsubscribe());
      const subscription = await handler.streamEvents(async (event) => {
        seen.push(event.type);
        (await ready.promise).unsubscribe();
      });
      ready.resolve(subscription);
      await subscription.done;
      return seen;
    },
    gives(["A"]),
  ],
  [
    "a callback that writes to the stream it reads hears everything once and in order",
    async () => {
      let context;
      const written = deferred();
      const end = deferred();
      const handler = await workflowOf(async (_event, ctx) => {
        context = ctx;
        await ctx.writeEventToStream({ type: "first" });
        written.resolve();
        await end.promise;
        return stop();
      }).runWithHandler();
      await written.promise;
      const seen = [];
      const { done } = await handler.streamEvents((event) => {
        seen.push(event.type);
        if (event.type === "first") context.writeEventToStream({ type: "second" });
      });
      end.resolve();
      await done;
      return seen;
    },
    gives(["first", "second"]),
  ],
  [
    "a callback that writes to the stream leaves the order of other readers alone",
    async () => {
      let context;
      const begun = deferred();
      const end = deferred();
      const handler = await workflowOf(async (_event, ctx) => {
        context = ctx;
        begun.resolve();
        await end.promise;
        await ctx.writeEventToStream({ type: "first" });
        return stop();
      }).runWithHandler();
      await begun.promise;
      const seen = [];
      await handler.streamEvents((event) => {
        if (event.type === "first") context.writeEventToStream({ type: "second" });
      });
      const { done } = await handler.streamEvents((event) => {
        seen.push(event.type);
      });
      end.resolve();
      await done;
      return seen;
    },
    gives(["first", "second"]),
  ],
];

export default [
  ...returned,
  ...throwers,
  ...oddEvents,
  ...hostileEvents,
  ...sent,
  ...thenables,
  ...neverSettles,
  ...streamed,
];
