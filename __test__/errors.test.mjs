// The classes and codes of errors, which are part of the contract.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import * as blazen from "blazen";

const CODES = [
  "ERR_BLAZEN_ABORTED",
  "ERR_BLAZEN_DELIVERY_SETTLED",
  "ERR_BLAZEN_DUPLICATE_REQUEST",
  "ERR_BLAZEN_EXPIRED",
  "ERR_BLAZEN_INTERNAL",
  "ERR_BLAZEN_INVALID_ARGUMENT",
  "ERR_BLAZEN_INVALID_EVENT",
  "ERR_BLAZEN_MIGRATION_FAILED",
  "ERR_BLAZEN_NATIVE_BINDING",
  "ERR_BLAZEN_NOBODY_TAKES_ANSWERS",
  "ERR_BLAZEN_NOT_PAUSED",
  "ERR_BLAZEN_NOT_SERIALIZABLE",
  "ERR_BLAZEN_NO_STORE",
  "ERR_BLAZEN_PAUSED",
  "ERR_BLAZEN_RUN_CONFLICT",
  "ERR_BLAZEN_RUN_ENDED",
  "ERR_BLAZEN_RUN_EXISTS",
  "ERR_BLAZEN_RUN_MISMATCH",
  "ERR_BLAZEN_SCHEMA",
  "ERR_BLAZEN_SESSION_NOT_EMPTY",
  "ERR_BLAZEN_SNAPSHOT_INVALID",
  "ERR_BLAZEN_SNAPSHOT_MISMATCH",
  "ERR_BLAZEN_SNAPSHOT_VERSION",
  "ERR_BLAZEN_STALLED",
  "ERR_BLAZEN_STATE_CONFLICT",
  "ERR_BLAZEN_STATE_NOT_SAVED",
  "ERR_BLAZEN_STEP_FAILED",
  "ERR_BLAZEN_STEP_TIMEOUT",
  "ERR_BLAZEN_STORE_CLOSED",
  "ERR_BLAZEN_STORE_CORRUPT",
  "ERR_BLAZEN_STORE_FULL",
  "ERR_BLAZEN_STORE_IO",
  "ERR_BLAZEN_STORE_LOCKED",
  "ERR_BLAZEN_STORE_READ_ONLY",
  "ERR_BLAZEN_STORE_UNAVAILABLE",
  "ERR_BLAZEN_STORE_VERSION",
  "ERR_BLAZEN_STREAM_CALLBACK",
  "ERR_BLAZEN_STREAM_GONE",
  "ERR_BLAZEN_TIMEOUT",
  "ERR_BLAZEN_TOO_DEEP",
  "ERR_BLAZEN_TOO_LARGE",
  "ERR_BLAZEN_UNKNOWN_REQUEST",
  "ERR_BLAZEN_UNKNOWN_RUN",
  "ERR_BLAZEN_UNROUTED_EVENT",
];

const codesIn = (path) => {
  const text = readFileSync(new URL(path, import.meta.url), "utf8");
  return [...new Set(text.match(/ERR_BLAZEN_[A-Z]+(?:_[A-Z]+)*/g))].sort();
};

test("the codes are these, and no other", () => {
  const type = readFileSync(new URL("../ts/errors.ts", import.meta.url), "utf8").match(
    /type BlazenErrorCode =[^;]*;/,
  )[0];
  assert.deepEqual([...type.matchAll(/"(ERR_[A-Z_]+)"/g)].map(([, code]) => code).sort(), CODES);
});

test("native code knows no other code", () => {
  for (const code of codesIn("../src/error_code.rs")) assert.ok(CODES.includes(code), code);
});

test("every code is documented, and no other", () => {
  assert.deepEqual(codesIn("../docs/errors.md"), CODES);
});

test("every error is a BlazenError with a name of its own, but for the one that is the users' to throw", () => {
  const classes = Object.entries(blazen).filter(([name]) => name.endsWith("Error"));
  assert.ok(classes.length >= 14);
  for (const [name, type] of classes) {
    assert.equal(type.prototype.name, name);
    const isTheirs = type === blazen.NonRetryableError;
    assert.equal(type === blazen.BlazenError || type.prototype instanceof blazen.BlazenError, !isTheirs, name);
    assert.ok(type.prototype instanceof Error);
  }
});

test("import and require give the same classes", () => {
  const required = createRequire(import.meta.url)("blazen");
  assert.deepEqual(Object.keys(required).sort(), Object.keys(blazen).sort());
  for (const [name, value] of Object.entries(blazen)) assert.equal(required[name], value, name);
});

test("the four classes of the engine are native ones underneath", () => {
  for (const name of ["Workflow", "Context", "StateNamespace", "SessionNamespace"]) {
    const native = Object.getPrototypeOf(blazen[name]);
    assert.equal(native.name, name);
    assert.notEqual(native, Function.prototype);
    assert.match(Function.prototype.toString.call(native), /\[native code\]/);
  }
});

const probe = process.env.BLAZEN_PROBES;

test("a panic in native code is an error, and the process goes on", {
  skip: probe === undefined && "npm test builds the addon that panics",
}, () => {
  const native = createRequire(import.meta.url)(probe);
  assert.throws(native.panicNow, /asked to panic/);
  assert.throws(native.panicNow, /asked to panic/);
  const { settle, drain } = native.hopCalls(new Float64Array(native.ROOM_WORDS));
  assert.equal(settle(0, 0, native.PANIC_EVENT, 0, true), native.PANICKED);
  assert.equal(settle(0, 0, native.NO_EVENT, 0, true), native.NOT_SETTLED);
  assert.equal(drain(0), native.PANICKED);
});

test("the calls of every hop are bound to no room of another length", () => {
  const native = createRequire(import.meta.url)("../native.js");
  assert.throws(() => native.hopCalls(new Float64Array(5)), /another length/);
});
