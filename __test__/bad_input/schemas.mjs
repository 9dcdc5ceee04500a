// What is given as the schema of an event, and what schemas answer.

import assert from "node:assert/strict";
import { Workflow } from "blazen";
import { CODED, gives, hostileProxy, INVALID, REQUEST, revoked, START, STOP, stop } from "./harness.mjs";

const handler = () => stop("ran");
const running = (workflow) => workflow.run().then(({ data }) => data);
const throwing = (name) => Object.defineProperty({}, name, { enumerable: true, get: () => assert.fail("getter") });

const schema = (props) => ({ "~standard": { version: 1, vendor: "rows", validate: (value) => ({ value }), ...props } });

const schemaOptions = [
  ["null", null],
  ["a number", 5],
  ["an array", []],
  ["a Map", new Map([["A", 5]]), gives("ran")],
  ["a function", () => {}],
  ["a schema that is undefined", { A: undefined }],
  ["a schema that is null", { A: null }],
  ["a schema that is a string", { A: "string" }],
  ["a schema without ~standard", { A: { parse: () => {} } }],
  ["a schema whose ~standard is a function", { A: { "~standard": () => {} } }],
  ["a schema of version 2", { A: schema({ version: 2 }) }],
  ["a schema without a version", { A: schema({ version: undefined }) }],
  ["a schema without validate", { A: schema({ validate: undefined }) }],
  ["an empty event type", { "": schema() }],
  ["an event type with half a surrogate pair", { "\ud800": schema() }],
  ["a reserved name that is none", { "blazen::Other": schema() }],
  ["no schemas", {}, gives("ran")],
  ["schemas without a prototype", Object.assign(Object.create(null), { A: schema() }), gives("ran")],
  ["a schema of __proto__", JSON.parse('{"__proto__": 5}')],
  ["a schema that is a function", { [START]: Object.assign(() => {}, schema()) }, gives("ran")],
  ["a schema of each event of the engine", { [START]: schema(), [STOP]: schema(), [REQUEST]: schema() }, gives("ran")],
].map(([name, schemas, expected = INVALID]) => [
  `schemas: ${name}`,
  () => running(new Workflow("a", { schemas }).addStep("a", [START], handler)),
  expected,
]);

const hostileSchemas = [
  ["a getter that throws", () => throwing("A")],
  ["a revoked Proxy", () => revoked()],
  ["a Proxy that throws", () => hostileProxy()],
  ["a schema that is a revoked Proxy", () => ({ A: revoked() })],
  ["a schema whose ~standard throws", () => ({ A: throwing("~standard") })],
  ["a schema whose validate throws when it is looked at", () => ({ A: { "~standard": hostileProxy() } })],
].map(([name, schemas]) => [`schemas: ${name}`, () => new Workflow("a", { schemas: schemas() }), CODED]);

const refusedBySchema = [
  ["a validate that throws", () => assert.fail("validate")],
  ["a validate that throws undefined", () => Promise.reject(undefined)],
  ["a validate that gives a revoked Proxy", () => revoked()],
  ["a validate that gives a Proxy that throws", () => hostileProxy()],
  ["a validate that gives a thenable", () => ({ then: () => {} })],
  ["a validate whose issues throw", () => throwing("issues")],
  ["a validate whose value throws", () => throwing("value")],
  ["a validate whose value is a revoked Proxy", () => ({ value: revoked() })],
  ["a validate whose value is a Proxy that throws", () => ({ value: hostileProxy() })],
  ["a validate whose value has a getter that throws", () => ({ value: throwing("order") })],
  ["a validate whose issue is a revoked Proxy", () => ({ issues: [revoked()] })],
  ["a validate whose path is no list", () => ({ issues: [{ message: "m", path: 5 }] })],
  ["a validate whose path has null in it", () => ({ issues: [{ message: "m", path: [null] }] })],
].map(([name, validate]) => [
  `run(...) with ${name}`,
  () => new Workflow("a", { schemas: { [START]: schema({ validate }) } }).addStep("a", [START], handler).run(),
  "ERR_BLAZEN_SCHEMA",
]);

export default [...schemaOptions, ...hostileSchemas, ...refusedBySchema];
