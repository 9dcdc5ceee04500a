// How a row of bad input is written down and judged.
//
// A row is [what is called with what, the call, what must come of it]. The call may return, throw, resolve or reject;
// what must come of it is an error code, several of which one must come, `CODED` (any error of ours), or a function
// that checks the value.

import assert from "node:assert/strict";
import { BlazenError, Workflow } from "blazen";

export const START = "blazen::StartEvent";
export const STOP = "blazen::StopEvent";
export const REQUEST = "blazen::InputRequestEvent";
export const RESPONSE = "blazen::InputResponseEvent";
export const INVALID = "ERR_BLAZEN_INVALID_ARGUMENT";

const CODES = new Set(
  [
    "ABORTED DELIVERY_SETTLED DUPLICATE_REQUEST EXPIRED INTERNAL INVALID_ARGUMENT INVALID_EVENT MIGRATION_FAILED NATIVE_BINDING",
    "NOBODY_TAKES_ANSWERS NOT_PAUSED NOT_SERIALIZABLE NO_STORE PAUSED RUN_ENDED SCHEMA SESSION_NOT_EMPTY SNAPSHOT_INVALID",
    "SNAPSHOT_MISMATCH SNAPSHOT_VERSION STALLED STATE_NOT_SAVED STEP_FAILED STEP_TIMEOUT STORE_UNAVAILABLE STREAM_CALLBACK STREAM_GONE TIMEOUT TOO_DEEP",
    "UNKNOWN_REQUEST UNKNOWN_RUN UNROUTED_EVENT",
  ]
    .join(" ")
    .split(" ")
    .map((name) => `ERR_BLAZEN_${name}`),
);

/** Any error of ours, but not one that says that we have a defect. */
export const CODED = [...CODES].filter((code) => code !== "ERR_BLAZEN_INTERNAL");

export const stop = (result) => ({ type: STOP, result });

/** Checks a value for strict deep equality. */
export const gives = (expected) => (value) => assert.deepEqual(value, expected);

/** Either an error of ours or a value that passes. */
export const codedOr =
  (check, ...codes) =>
  (value, error) => {
    if (error !== undefined) assertCoded(error, codes.length === 0 ? CODED : codes);
    else check(value);
  };

export const anything = () => {};

/** What becomes of a call, whichever way it tells. */
export async function outcomeOf(call) {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: error ?? new Error(`a bare ${error}`), failed: true };
  }
}

export async function judge(call, expected) {
  const { value, error, failed } = await outcomeOf(call);
  if (typeof expected === "function") {
    if (failed && expected.length < 2) assert.fail(`expected a value, and got the error ${describe(error)}`);
    expected(value, error);
    return;
  }
  const codes = [expected].flat();
  assert.ok(failed, `expected ${codes.length > 3 ? "an error" : codes}, and got a value`);
  assertCoded(error, codes);
}

export function assertCoded(error, codes = CODED) {
  assert.ok(error instanceof BlazenError, `no BlazenError: ${describe(error)}`);
  assert.ok(CODES.has(error.code), `no stable code: ${describe(error)}`);
  assert.ok([codes].flat().includes(error.code), `another code than expected: ${describe(error)}`);
  assert.equal(typeof error.message, "string");
  assert.notEqual(error.message, "");
}

function describe(error) {
  try {
    return `${error.constructor.name} ${error.code}: ${error.message}`;
  } catch {
    return "an error that cannot be shown";
  }
}

/** A workflow of one step that begins, and more that accept `Next`. */
export function workflowOf(handler, ...next) {
  const workflow = new Workflow("rows").addStep("begin", [START], handler);
  next.forEach((step, index) => {
    workflow.addStep(`next ${index}`, ["Next"], step);
  });
  return workflow;
}

/** Calls `use(ctx, event)` within a step: gives what it gives, throws what it throws. */
export async function inStep(use) {
  let outcome;
  await workflowOf(async (event, ctx) => {
    outcome = await outcomeOf(() => use(ctx, event));
    return stop();
  }).run();
  if (outcome.failed) throw outcome.error;
  return outcome.value;
}

/** The handler of a run that waits for an answer to `question`. Answered, it ends with the answer. */
export async function parked(configure = () => {}) {
  const workflow = new Workflow("parked")
    .addStep("ask", [START], async (_event, ctx) => {
      await configure(ctx);
      return { type: REQUEST, request_id: "question" };
    })
    .addStep("hear", [RESPONSE], (event) => stop(event.response));
  const handler = await workflow.runWithHandler();
  const asked = Promise.withResolvers?.() ?? deferred();
  await handler.streamEvents(asked.resolve);
  await asked.promise;
  return handler;
}

/** The handler of a run that has ended with `done`. */
export async function ended() {
  const handler = await workflowOf(() => stop("done")).runWithHandler();
  await handler.result();
  return handler;
}

export function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

/** Numbers in [0, 1) that are the same in every run. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// Values that are hard to look at.

export function revoked(target = {}) {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** Every question that it is asked throws. */
export function hostileProxy(target = {}) {
  const trap = new Proxy(
    {},
    {
      get: () => () => {
        throw new RangeError("trap");
      },
    },
  );
  return new Proxy(target, trap);
}

/** An error whose message is no string, which no template takes. */
export function errorWithSymbolMessage() {
  return Object.defineProperty(new Error(), "message", { value: Symbol("message") });
}

export function errorWithThrowingMessage() {
  return Object.defineProperty(new Error(), "message", {
    get() {
      throw new RangeError("no message for you");
    },
  });
}

export function nested(depth, leaf = 1) {
  let value = leaf;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

/** Values of every type but string. */
export function notStrings() {
  return [
    ["undefined", undefined],
    ["null", null],
    ["a number", 42],
    ["NaN", Number.NaN],
    ["a boolean", true],
    ["a BigInt", 5n],
    ["a Symbol", Symbol("s")],
    ["an object", {}],
    ["an array", ["a"]],
    ["a function", () => {}],
    ["a String object", new String("a")],
    ["an object whose toString throws", { toString: () => assert.fail("toString") }],
    ["a revoked Proxy", revoked()],
    ["a Proxy that throws", hostileProxy()],
  ];
}

/** Values of every type but function. */
export function notFunctions() {
  return [
    ["a string", "handler"],
    ...notStrings().filter(([name]) => name !== "a function"),
    ["a revoked Proxy of an array", revoked([])],
  ];
}
