// What a workflow is made of: names, event types, handlers, options.

import assert from "node:assert/strict";
import { inspect } from "node:util";
import { SessionPausePolicy, Workflow } from "blazen";
import {
  CODED,
  codedOr,
  gives,
  hostileProxy,
  INVALID,
  notFunctions,
  notStrings,
  REQUEST,
  revoked,
  START,
  STOP,
  stop,
  workflowOf,
} from "./harness.mjs";

const fresh = () => new Workflow("rows");
const handler = () => stop("ran");
const running = (workflow) => workflow.run().then(({ data }) => data);
const throwing = (name) => Object.defineProperty({}, name, { enumerable: true, get: () => assert.fail("getter") });

const names = [
  ...notStrings().map(([name, value]) => [`new Workflow(${name})`, () => new Workflow(value), INVALID]),
  ...notStrings().map(([name, value]) => [`Workflow.builder(${name})`, () => Workflow.builder(value), INVALID]),
  ...notStrings().map(([name, value]) => [
    `addStep(${name}, ...)`,
    () => fresh().addStep(value, [START], handler),
    INVALID,
  ]),
  ["new Workflow() without a name", () => new Workflow(), INVALID],
  ["an empty workflow name", () => new Workflow(""), INVALID],
  ["a workflow name with half a surrogate pair", () => new Workflow("a\ud800"), INVALID],
  ["a workflow name with a NUL", () => new Workflow("a\0b").name, gives("a\0b")],
  ["a workflow name of a million characters", () => new Workflow("é".repeat(1e6)).name.length, gives(1e6)],
  ["a workflow called __proto__", () => new Workflow("__proto__").name, gives("__proto__")],
  ["an empty step name", () => fresh().addStep("", [START], handler), INVALID],
  ["a step name with half a surrogate pair", () => fresh().addStep("\udc00", [START], handler), INVALID],
  ["one step name twice", () => fresh().addStep("a", [START], handler).addStep("a", ["B"], handler), INVALID],
  ["a step called __proto__", () => running(fresh().addStep("__proto__", [START], handler)), gives("ran")],
  ["a step called constructor", () => running(fresh().addStep("constructor", [START], handler)), gives("ran")],
  ["a step name with a NUL", () => running(fresh().addStep("\0", [START], handler)), gives("ran")],
  [
    "a step name of a million characters",
    () => running(fresh().addStep("s".repeat(1e6), [START], handler)),
    gives("ran"),
  ],
  ["addStep() without anything", () => fresh().addStep(), INVALID],
];

const typeLists = [
  ["undefined", undefined],
  ["null", null],
  ["a string", START],
  ["a number", 1],
  ["a Set", new Set([START])],
  ["something like an array", { 0: START, length: 1 }],
  ["typed numbers", new Uint8Array(1)],
  ["a function", () => [START]],
  ["an empty array", []],
  ["an array that is all holes", new Array(3)],
  ["an array with a hole", [START, , "B"]],
  ["an array with a hole first", [, START]],
  ["an empty event type", [""]],
  ["an event type twice", [START, START]],
  ["a nested array", [[START]]],
  ["the stop event", [STOP]],
  ["the input request event", ["blazen::InputRequestEvent"]],
  ["a reserved name that is none", ["blazen::Other"]],
  ["half a surrogate pair", ["\ud83d"]],
  ["a String object", [new String("A")]],
  ...notStrings().map(([name, value]) => [`an array of ${name}`, [value]]),
].map(([name, types]) => [`addStep("a", ${name}, ...)`, () => fresh().addStep("a", types, handler), INVALID]);

const hostileTypeLists = [
  ["a revoked Proxy", () => revoked([])],
  ["a Proxy that throws", () => hostileProxy([])],
  ["an array whose item throws", () => Object.defineProperty([], 0, { get: () => assert.fail("getter") })],
  [
    "an array whose iterator throws",
    () => Object.assign([START], { [Symbol.iterator]: () => assert.fail("iterator") }),
  ],
].map(([name, types]) => [`addStep("a", ${name}, ...)`, () => fresh().addStep("a", types(), handler), CODED]);

const goodTypeLists = [
  ["a frozen array", Object.freeze([START])],
  ["an array of a subclass", class extends Array {}.of(START)],
  ["a Proxy of an array", new Proxy([START], {})],
  ["a name with a NUL beside", [START, "a\0b"]],
  ["__proto__ beside", [START, "__proto__", "constructor", "toString"]],
  ["a name of a million characters beside", [START, "x".repeat(1e6)]],
].map(([name, types]) => [
  `addStep("a", ${name}, ...)`,
  () => running(fresh().addStep("a", types, handler)),
  gives("ran"),
]);

const handlers = [
  ...notFunctions().map(([name, value]) => [
    `addStep("a", [...], ${name})`,
    () => fresh().addStep("a", [START], value),
    INVALID,
  ]),
  ["addStep() without a handler", () => fresh().addStep("a", [START]), INVALID],
  ["a class as handler", () => workflowOf(class {}).run(), "ERR_BLAZEN_STEP_FAILED"],
  [
    "a revoked Proxy of a function as handler",
    () => workflowOf(revoked(() => {})).run(),
    ["ERR_BLAZEN_STEP_FAILED", INVALID],
  ],
  [
    "a Proxy of a function that throws as handler",
    () => workflowOf(hostileProxy(() => {})).run(),
    ["ERR_BLAZEN_STEP_FAILED", INVALID],
  ],
  ["a generator as handler", () => workflowOf(function* () {}).run(), "ERR_BLAZEN_INVALID_EVENT"],
  ["an async generator as handler", () => workflowOf(async function* () {}).run(), "ERR_BLAZEN_INVALID_EVENT"],
  ["a bound function as handler", () => running(workflowOf(handler.bind(null))), gives("ran")],
];

const refusedStep = [
  [
    "a refused step leaves the workflow as it was",
    async () => {
      const workflow = fresh();
      assert.throws(() => workflow.addStep("a", [START, START], handler));
      assert.throws(() => workflow.addStep("a", [START, "blazen::StopEvent"], handler));
      assert.throws(() => workflow.addStep("a", [START], 5));
      assert.throws(() => workflow.addStep("a", [START], handler, { emits: [""] }));
      return running(workflow.addStep("a", [START], handler));
    },
    gives("ran"),
  ],
  ["a run of a workflow without steps", () => fresh().run(), "ERR_BLAZEN_UNROUTED_EVENT"],
  [
    "a run of a workflow that nothing starts",
    () => fresh().addStep("a", ["A"], handler).run(),
    "ERR_BLAZEN_UNROUTED_EVENT",
  ],
];

const options = [
  ["null", null],
  ["a number", 5],
  ["a string", "fast"],
  ["an array", []],
  ["a function", () => {}],
  ["an unknown option", { timeOut: 5 }],
  ["an unknown option called __proto__", JSON.parse('{"__proto__": {"timeout": 5}}')],
  ["timeout: NaN", { timeout: Number.NaN }],
  ["timeout: a string", { timeout: "5" }],
  ["timeout: null", { timeout: null }],
  ["timeout: a BigInt", { timeout: 5n }],
  ["sessionPausePolicy: null", { sessionPausePolicy: null }],
  ["sessionPausePolicy: an unknown word", { sessionPausePolicy: "drop" }],
  ["sessionPausePolicy: the name in the enum", { sessionPausePolicy: "HardError" }],
  ["stateConflicts: null", { stateConflicts: null }],
  ["stateConflicts: true", { stateConflicts: true }],
  ["stateConflicts: an unknown word", { stateConflicts: "throw" }],
  ["stateConflicts: a String object", { stateConflicts: new String("off") }],
  ...notStrings()
    .filter(([, version]) => version !== undefined)
    .map(([name, version]) => [`version: ${name}`, { version }]),
  ["version: an empty string", { version: "" }],
  ["version: half a surrogate pair", { version: "\ud83d" }],
  ["version: 201 characters", { version: "v".repeat(201) }],
  ...notFunctions()
    .filter(([, migrate]) => migrate !== undefined)
    .map(([name, migrate]) => [`migrate: ${name}`, { version: "1", migrate }]),
  ["migrate without a version", { migrate() {} }],
].map(([name, value]) => [`new Workflow("a", ${name})`, () => new Workflow("a", value), INVALID]);

const stepOptions = [
  ["null", null],
  ["a number", 5],
  ["a string", "fast"],
  ["an array", []],
  ["a function", () => {}],
  ["an unknown option", { emit: ["A"] }],
  ["an unknown option called __proto__", JSON.parse('{"__proto__": {"emits": []}}')],
  ...["a", 5, null, [], () => {}].map((retry) => [`retry: ${inspect(retry)}`, { retry }]),
  ...[0, -1, 1.5, Number.NaN, 2 ** 32, "3", 3n, null].map((maxAttempts) => [
    `retry.maxAttempts: ${inspect(maxAttempts)}`,
    { retry: { maxAttempts } },
  ]),
  ...[-1, Number.NaN, Number.POSITIVE_INFINITY, 8.65e15, "5", 5n, null].flatMap((wait) => [
    [`retry.initialDelayMs: ${inspect(wait)}`, { retry: { initialDelayMs: wait } }],
    [`retry.maxDelayMs: ${inspect(wait)}`, { retry: { maxDelayMs: wait } }],
  ]),
  ...[0.5, 0, -2, Number.NaN, Number.POSITIVE_INFINITY, "2"].map((factor) => [
    `retry.factor: ${inspect(factor)}`,
    { retry: { factor } },
  ]),
  ...[-0.1, 1.1, Number.NaN, true, "0.5"].map((jitter) => [`retry.jitter: ${inspect(jitter)}`, { retry: { jitter } }]),
  ...["busy", 5, null, {}].map((when) => [`retry.when: ${inspect(when)}`, { retry: { when } }]),
  ["retry: an unknown option", { retry: { attempts: 3 } }],
  ["retry: a Proxy that throws", { retry: hostileProxy({}) }],
  ...[0, -1, Number.NaN, "5", 5n, null].map((timeout) => [`timeout of the step: ${inspect(timeout)}`, { timeout }]),
  ...[0, -1, 1.5, 2 ** 32, Number.NaN, "2", 2n, null].map((concurrency) => [
    `concurrency: ${inspect(concurrency)}`,
    { concurrency },
  ]),
  ...["a", 5, null, [], {}, () => {}].map((limit) => [`limit: ${inspect(limit)}`, { limit }]),
  ...[0, -1, 1.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY, "2", 2n, null, undefined].map((concurrency) => [
    `limit.concurrency: ${inspect(concurrency)}`,
    { limit: { concurrency } },
  ]),
  ...notFunctions()
    .filter(([name]) => name !== "undefined")
    .map(([name, key]) => [`limit.key: ${name}`, { limit: { concurrency: 1, key } }]),
  ["limit: an unknown option", { limit: { concurrency: 1, per: "tenant" } }],
  ["limit: a Proxy that throws", { limit: hostileProxy({}) }],
  ["limit: a revoked Proxy", { limit: revoked({}) }],
  ...["", 5, null, ["A"], "blazen::StopEvent", "a\ud800"].map((onFailure) => [
    `onFailure: ${JSON.stringify(onFailure)}`,
    { onFailure },
  ]),
  ...[null, true, "undo", {}, [() => {}]].map((compensate) => [`compensate: ${inspect(compensate)}`, { compensate }]),
  ["emits: null", { emits: null }],
  ["emits: a string", { emits: "A" }],
  ["emits: a Set", { emits: new Set(["A"]) }],
  ["emits: a hole", { emits: [, "A"] }],
  ["emits: a type twice", { emits: ["A", "A"] }],
  ["emits: an empty type", { emits: [""] }],
  ["emits: the start event", { emits: [START] }],
  ["emits: the answer to an input request", { emits: ["blazen::InputResponseEvent"] }],
  ["emits: a reserved name that is none", { emits: ["blazen::Other"] }],
  ["emits: half a surrogate pair", { emits: ["\ud83d"] }],
  ...notStrings().map(([name, value]) => [`emits: an array of ${name}`, { emits: [value] }]),
].map(([name, value]) => [`addStep(..., ${name})`, () => fresh().addStep("a", [START], handler, value), INVALID]);

const hostileStepOptions = [
  ["a getter that throws", () => throwing("emits")],
  ["a revoked Proxy", () => revoked()],
  ["a Proxy that throws", () => hostileProxy()],
  ["emits: a revoked Proxy", () => ({ emits: revoked([]) })],
  ["emits: a Proxy that throws", () => ({ emits: hostileProxy([]) })],
].map(([name, value]) => [`addStep(..., ${name})`, () => fresh().addStep("a", [START], handler, value()), CODED]);

const goodStepOptions = [
  ["undefined", undefined],
  ["nothing", {}],
  ["limit: undefined", { limit: undefined }],
  ["limit.key: undefined", { limit: { concurrency: 1, key: undefined } }],
  ["the greatest limit", { limit: { concurrency: 2 ** 32 - 1 } }],
  ["emits: undefined", { emits: undefined }],
  ["emits: nothing", { emits: [] }],
  ["emits: a frozen array", { emits: Object.freeze([STOP]) }],
  ["emits: __proto__ and a name with a NUL", { emits: ["__proto__", "a\0b", REQUEST] }],
].map(([name, value]) => [
  `addStep(..., ${name})`,
  () => running(fresh().addStep("a", [START], handler, value)),
  gives("ran"),
]);

const hostileOptions = [
  ["a getter that throws", () => throwing("timeout")],
  ["a policy whose getter throws", () => throwing("sessionPausePolicy")],
  ["a stateConflicts whose getter throws", () => throwing("stateConflicts")],
  ["stateConflicts: a revoked Proxy", () => ({ stateConflicts: revoked() })],
  ["stateConflicts: a Proxy that throws", () => ({ stateConflicts: hostileProxy() })],
  ["a revoked Proxy", () => revoked()],
  ["a Proxy that throws", () => hostileProxy()],
].map(([name, value]) => [`new Workflow("a", ${name})`, () => new Workflow("a", value()), CODED]);

const goodOptions = [
  ["version: undefined", { version: undefined, migrate: undefined }],
  ["version: 200 characters", { version: "é".repeat(200) }],
  ["version: a NUL, and migrate", { version: "\0", migrate() {} }],
].map(([name, value]) => [
  `new Workflow("a", ${name})`,
  () => running(new Workflow("a", value).addStep("a", [START], handler)),
  gives("ran"),
]);

const timeouts = [
  ...notFunctions()
    .filter(([name]) => name !== "a number")
    .map(([name, value]) => [`setTimeout(${name})`, () => fresh().setTimeout(value), INVALID]),
  ["setTimeout()", () => fresh().setTimeout(), INVALID],
  ["setTimeout(a Number object)", () => fresh().setTimeout(new Number(5)), INVALID],
  ...[
    0,
    -0,
    -1,
    -1e300,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    1e19,
    1e300,
    Number.MAX_VALUE,
    2 ** 53 + 1,
    2 ** 31,
  ].map((seconds) => [
    `setTimeout(${Object.is(seconds, -0) ? "-0" : seconds}) does not end a run that ends by itself`,
    () => {
      const workflow = workflowOf(async () => {
        await new Promise(setImmediate);
        return stop("ran");
      });
      workflow.setTimeout(seconds);
      return running(workflow);
    },
    gives("ran"),
  ]),
  ...[0.001, 1e-9, 1e-10, Number.MIN_VALUE].map((seconds) => [
    `setTimeout(${seconds}) ends a run that never would`,
    () => {
      const workflow = workflowOf(() => new Promise(() => {}));
      workflow.setTimeout(seconds);
      return Promise.race([workflow.run(), new Promise((resolve) => setTimeout(resolve, 500, "no limit"))]);
    },
    "ERR_BLAZEN_TIMEOUT",
  ]),
];

const policies = [
  ...notStrings().map(([name, value]) => [
    `setSessionPausePolicy(${name})`,
    () => fresh().setSessionPausePolicy(value),
    INVALID,
  ]),
  ["setSessionPausePolicy()", () => fresh().setSessionPausePolicy(), INVALID],
  ["an unknown policy", () => fresh().setSessionPausePolicy("nope"), INVALID],
  ["an empty policy", () => fresh().setSessionPausePolicy(""), INVALID],
  ["a policy in capitals", () => fresh().setSessionPausePolicy("HARD_ERROR"), INVALID],
  ["a policy with half a surrogate pair", () => fresh().setSessionPausePolicy("\ud800"), INVALID],
  ...Object.values(SessionPausePolicy).map((policy) => [
    `the policy ${policy}`,
    () => fresh().setSessionPausePolicy(policy),
    gives(undefined),
  ]),
  [
    "writing to the enum of policies",
    () => {
      assert.throws(() => Object.assign(SessionPausePolicy, { HardError: "x" }), TypeError);
      return SessionPausePolicy.HardError;
    },
    gives("hard_error"),
  ],
];

const builders = [
  ["an empty builder, built and run", () => Workflow.builder("a").build().run(), "ERR_BLAZEN_UNROUTED_EVENT"],
  ["a builder's step without a handler", () => Workflow.builder("a").addStep("a", [START]), INVALID],
  [
    "a builder's step twice",
    () => Workflow.builder("a").addStep("a", [START], handler).addStep("a", ["B"], handler),
    INVALID,
  ],
  [
    "a builder's step with a wrong option",
    () => Workflow.builder("a").addStep("a", [START], handler, { x: 1 }),
    INVALID,
  ],
  ["a builder's timeout of NaN", () => Workflow.builder("a").timeout(Number.NaN), INVALID],
  ["a builder's timeout of a string", () => Workflow.builder("a").timeout("1"), INVALID],
  ["a builder's timeout of nothing", () => Workflow.builder("a").timeout(), INVALID],
  ["a builder's unknown policy", () => Workflow.builder("a").sessionPausePolicy("x"), INVALID],
  ["a builder's policy of nothing", () => Workflow.builder("a").sessionPausePolicy(), INVALID],
  ["Workflow.builder()", () => Workflow.builder(), INVALID],
  ["Workflow.builder(empty)", () => Workflow.builder(""), INVALID],
  ...["build", "timeout", "addStep", "sessionPausePolicy"].map((method) => [
    `a used-up builder's ${method}()`,
    () => {
      const builder = Workflow.builder("a");
      builder.build();
      return builder[method]("s", [START], handler);
    },
    INVALID,
  ]),
  [
    "a builder that had a step refused goes on",
    () => {
      const builder = Workflow.builder("a");
      assert.throws(() => builder.addStep("a", [], handler));
      return running(builder.addStep("a", [START], handler).timeout(0).build());
    },
    gives("ran"),
  ],
];

const inputs = [
  ["nothing", undefined, { type: START }],
  ["null", null, { type: START, data: null }],
  ["NaN", Number.NaN, { type: START, data: Number.NaN }],
  ["-0", -0, { type: START, data: -0 }],
  ["a BigInt", 5n, { type: START, data: 5n }],
  ["a string", "\ud800", { type: START, data: "\ud800" }],
  ["false", false, { type: START, data: false }],
  ["an array", [1], { type: START, data: [1] }],
  ["an array with a hole", [, 1], { type: START, data: [, 1] }],
  ["an empty object", {}, { type: START }],
  ["an object without a prototype", Object.assign(Object.create(null), { order: 1 }), { type: START, order: 1 }],
  ["a frozen object", Object.freeze({ order: 1 }), { type: START, order: 1 }],
  ["a start event", { type: START, order: 1 }, { type: START, order: 1 }],
  ["an input with type: undefined", { type: undefined, order: 1 }, { type: START, order: 1 }],
].map(([name, input, event]) => [
  `run(${name})`,
  () =>
    workflowOf((received) => stop(received))
      .run(input)
      .then(({ data }) => data),
  gives(event),
]);

const received = (input) =>
  workflowOf((event) => stop(event))
    .run(input)
    .then(({ data }) => data);

const oddInputs = [
  ["run(a symbol)", () => received(Symbol.iterator), (event) => assert.equal(event.data, Symbol.iterator)],
  ["run(a function)", () => received(stop), (event) => assert.equal(event.data, stop)],
  ["run(a Map)", () => received(new Map([[1, 2]])), (event) => assert.deepEqual(event.data, new Map([[1, 2]]))],
  [
    "run(an input with an own __proto__)",
    () => received(JSON.parse('{"__proto__": {"polluted": true}, "a": 1}')),
    (event) => {
      assert.equal(event.polluted, undefined);
      assert.equal(Object.getPrototypeOf(event), Object.prototype);
      assert.deepEqual(Object.keys(event).sort(), ["__proto__", "a", "type"]);
    },
  ],
  ["run(an input of another type)", () => received({ type: "Order" }), INVALID],
  ["run(an input whose type is a number)", () => received({ type: 5 }), INVALID],
  ["run(an input whose type is null)", () => received({ type: null }), INVALID],
  ["run(an input whose getter throws)", () => received(throwing("order")), CODED],
  ["run(an input whose type throws)", () => received(throwing("type")), CODED],
  ["run(a revoked Proxy)", () => received(revoked()), codedOr((event) => assert.ok(event))],
  ["run(a Proxy that throws)", () => received(hostileProxy()), codedOr((event) => assert.ok(event))],
  ["runWithHandler(a revoked Proxy)", () => workflowOf(handler).runWithHandler(revoked()), codedOr(() => {})],
  [
    "runStreaming(a revoked Proxy, ...)",
    () => workflowOf(handler).runStreaming(revoked(), () => {}),
    codedOr(() => {}),
  ],
];

export default [
  ...names,
  ...typeLists,
  ...hostileTypeLists,
  ...goodTypeLists,
  ...handlers,
  ...refusedStep,
  ...options,
  ...hostileOptions,
  ...goodOptions,
  ...stepOptions,
  ...hostileStepOptions,
  ...goodStepOptions,
  ...timeouts,
  ...policies,
  ...builders,
  ...inputs,
  ...oddInputs,
];
