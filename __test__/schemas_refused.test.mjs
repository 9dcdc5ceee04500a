// Schemas that are asynchronous, fail, or answer what no schema should.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import * as v from "valibot";
import { z } from "zod";
import { charging, refused, schemaOf } from "./schemas/harness.mjs";

test("an asynchronous schema is refused, and its promise is nobody's worry", async () => {
  const warnings = [];
  process.on("unhandledRejection", (reason) => warnings.push(reason));
  const asynchronous = {
    zod: z.object({ id: z.number().refine(async () => true) }),
    valibot: v.pipeAsync(
      v.object({ id: v.number() }),
      v.checkAsync(async () => true),
    ),
    "one that rejects": schemaOf(() => Promise.reject(new Error("later"))),
  };
  for (const schema of Object.values(asynchronous)) {
    const workflow = charging({ Charged: schema }, async () => ({ type: "Charged", id: 1 }));
    await assert.rejects(workflow.run(), refused("Charged", [], /whose schema is asynchronous: it gave a promise/));
  }
  setTimeout(() => process.emit("waited"), 10);
  await once(process, "waited");
  assert.deepEqual(warnings, []);
});

test("what a schema throws is the cause", async () => {
  const thrown = new RangeError("no schema");
  const schema = schemaOf(() => {
    throw thrown;
  });
  const workflow = charging({ Charged: schema }, async () => ({ type: "Charged" }));
  await assert.rejects(workflow.run(), (error) => {
    assert.equal(error.cause, thrown);
    return refused("Charged", [], /returned a "Charged" whose schema failed: no schema/)(error);
  });
});

const oddAnswers = {
  undefined: [undefined, /whose schema failed/],
  "a string": ["fine", /gave neither a value nor issues/],
  "an empty object": [{}, /gave neither a value nor issues/],
  "no issues, which is a refusal": [{ issues: [] }, /does not take: it gives no reason/],
  "issues that are a number": [{ issues: 5 }, /does not take: it gives no reason/],
  "issues of null": [{ issues: [null] }, /whose schema failed/],
  "an issue without a message": [{ issues: [{}] }, /does not take: undefined/],
  "a value that is a number": [{ value: 5 }, /made 5 of it, which is no event: it must give an object/],
  "a value that is an array": [{ value: [] }, /which is no event/],
  "a frozen instance": [{ value: Object.freeze(new (class Odd {})()) }, /that cannot be an event/],
};
for (const [name, [answer, message]] of Object.entries(oddAnswers)) {
  test(`a schema that gives ${name} refuses the event`, async () => {
    const workflow = charging({ Charged: schemaOf(() => answer) }, async () => ({ type: "Charged" }));
    await assert.rejects(
      workflow.run(),
      refused("Charged", (answer?.issues?.[0]?.path ?? answer?.issues?.[0]) ? [[]] : [], message),
    );
  });
}

test("a message names five issues and counts the rest; all have their paths", async () => {
  const issues = Array.from({ length: 7 }, (_, index) => ({
    message: `wrong ${index}`,
    path: ["items", index, { key: "a b" }, Symbol("s")],
  }));
  const workflow = charging({ Charged: schemaOf(() => ({ issues })) }, async () => ({ type: "Charged" }));
  await assert.rejects(workflow.run(), (error) => {
    assert.equal(error.issues.length, 7);
    assert.deepEqual(error.issues[6], { message: "wrong 6", path: ["items", 6, "a b", "Symbol(s)"] });
    assert.match(error.message, /\.items\[0\]\["a b"\]\["Symbol\(s\)"\]: wrong 0; .*wrong 4; and 2 more$/);
    return true;
  });
});

test("what a schema does in the meantime does not harm the run", async () => {
  let handler;
  const aborting = schemaOf((value) => {
    void handler.abort("by the schema");
    return { value };
  });
  const workflow = charging({ Charged: aborting }, async () => {
    await new Promise(setImmediate);
    return { type: "Charged" };
  });
  handler = await workflow.runWithHandler();
  await assert.rejects(handler.result(), { code: "ERR_BLAZEN_ABORTED" });
});
