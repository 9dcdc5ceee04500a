// The suite for stores written in JavaScript: stores that are right pass it, and each that is wrong is found.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { storePromises } from "blazen/conformance";
import { builtInStores } from "./conformance/built_in_stores.mjs";
import { FAULTS, reopenEmpty } from "./conformance/faults.mjs";
import { MapStore } from "./conformance/map_store.mjs";

const BUILT_IN = ["MemoryStore", "SqliteStore"];
const probes = process.env.BLAZEN_PROBES;

describe("the store of docs/durability.md holds", () => {
  for (const { name, check } of storePromises(() => new MapStore())) test(name, check);
});

for (const store of BUILT_IN) {
  describe(`${store} holds`, { skip: probes === undefined && "npm test builds the addon that calls drivers" }, () => {
    if (probes === undefined) return;
    for (const { name, check } of storePromises(...builtInStores(probes)[store])) test(name, check);
  });
}

describe("found is a store that", () => {
  for (const [name, faults] of Object.entries(FAULTS)) {
    for (const [fault, open] of Object.entries(faults)) {
      test(`${fault}: ${name}`, async () => {
        const { check } = storePromises(open, { reopen: reopenEmpty }).find((promise) => promise.name === name);
        await assert.rejects(check(), (error) => {
          assert.equal(error.name, "BrokenPromise");
          assert.ok(error.message.startsWith(`The store breaks a promise: ${name}.\n`), error.message);
          assert.match(error.message, /\n {2}expected: .*\n {2}found: {4}/);
          return true;
        });
      });
    }
  }

  test("every promise finds something", () => {
    const names = storePromises(() => new MapStore(), { reopen: reopenEmpty }).map(({ name }) => name);
    assert.deepEqual(Object.keys(FAULTS).sort(), names.sort());
  });
});

test("what is broken is told with where, what was expected, and what was found", async () => {
  const open = () => ({ commit: async () => {}, load: async () => ({ version: 1, state: [] }), runs: async () => [] });
  const broken = async (name) => {
    const { check } = storePromises(open).find((promise) => promise.name === name);
    const error = await check().catch((error) => error);
    return error.message;
  };
  assert.equal(
    await broken("a key that is taken out is gone"),
    "The store breaks a promise: a key that is taken out is gone.\n" +
      "What load() gives, at state[0]\n" +
      '  expected: { key: "blob", place: 1, value: 3 bytes: 00ff0a }\n' +
      "  found:    nothing",
  );
  assert.equal(
    await broken("only the next version is taken"),
    "The store breaks a promise: only the next version is taken.\n" +
      "What became of commit 1 of 1, version 2 of run 01900000-0000-7000-8000-000000000001\n" +
      '  expected: "refused, with storedVersion 0"\n' +
      '  found:    "taken"',
  );
});

test("a store is opened for each check, and closed when it is over", async () => {
  const told = [];
  const open = async () => {
    told.push("opened");
    return new MapStore();
  };
  const promises = storePromises(open, { close: async () => told.push("closed") });
  assert.deepEqual(told, []);
  await promises[0].check();
  const failing = storePromises(() => ({}), { close: async () => told.push("closed") });
  await assert.rejects(failing[0].check());
  assert.deepEqual(told, ["opened", "closed", "closed"]);
});

test("import and require give the same suite", () => {
  assert.equal(createRequire(import.meta.url)("blazen/conformance").storePromises, storePromises);
});
