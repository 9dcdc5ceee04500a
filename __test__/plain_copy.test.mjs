// Which values are copied without the way through text, and that a copy is what that would give.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { importFromLayer } from "./layer.mjs";

const { plainCopy } = await importFromLayer("plain_copy.ts");

const nested = (depth) => (depth === 0 ? {} : { in: nested(depth - 1) });
const wide = (fields) => Object.fromEntries(Array.from({ length: fields }, (_, n) => [`f${n}`, n]));
const shared = { n: 1 };

const COPIED = {
  "an event": { type: "Paid", n: 1.5, text: "é\ud800", yes: true, none: null },
  "objects and arrays in it": { list: [1, [2, { three: [] }]], in: { out: {} } },
  "a key __proto__": JSON.parse('{"__proto__":{"a":1},"in":{"__proto__":[1]}}'),
  "keys like numbers": { b: 1, 10: 2, a: 3, 2: 4 },
  "one part twice": { shared, in: [shared] },
  "fields of an array, which JSON leaves out": { list: Object.assign([1, 2], { more: 3 }) },
  "a field that is not enumerable": Object.defineProperty({ a: 1 }, "hidden", { value: 1 }),
  "a Proxy": new Proxy({ in: new Proxy({ list: new Proxy([1, 2], {}) }, {}) }, {}),
  "what is frozen": Object.freeze({ list: Object.freeze([1]) }),
  "32 fields": wide(32),
  "32 levels": nested(32),
  "99,995 characters": { text: "x".repeat(99_995) },
};

const NOT_COPIED = {
  undefined: { a: undefined },
  "-0": { list: [-0] },
  NaN: { n: Number.NaN },
  "a symbol's field": { in: { [Symbol("s")]: 1 } },
  "a BigInt": { n: 1n },
  "a function": { in: [() => {}] },
  "no prototype": { in: Object.create(null) },
  "an instance of a class": { at: new Date(0) },
  "an instance of a class of arrays": { list: new (class List extends Array {})() },
  "an array only by its prototype": { odd: Object.create(Array.prototype) },
  "a toJSON": { in: { toJSON: () => 1 } },
  "a toJSON of an array": { list: Object.assign([1], { toJSON: () => 1 }) },
  "a hole": { list: [1, , 3] },
  itself: cyclic(),
  "33 fields": wide(33),
  "33 levels": nested(33),
  "100,000 characters": { text: "x".repeat(100_000) },
  "100,000 values": { list: Array(100_000).fill(1) },
  "a getter that throws": {
    get bad() {
      throw new Error("getter");
    },
  },
};

function cyclic() {
  const cycle = {};
  cycle.in = [cycle];
  return cycle;
}

/** Every object and array in a value. */
function parts(value) {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(parts)];
}

describe("a copy is what JSON gives, and shares nothing", () => {
  for (const [name, value] of Object.entries(COPIED)) {
    test(name, () => {
      const copy = plainCopy(value);
      const expected = JSON.parse(JSON.stringify(value));
      assert.deepStrictEqual(copy, expected);
      assert.equal(JSON.stringify(copy), JSON.stringify(expected));
      const all = [value, copy].flatMap((of) => [...new Set(parts(of))]);
      assert.equal(new Set(all).size, all.length);
    });
  }

  test("a getter is called once, and of what it gives the copy is made", () => {
    let called = 0;
    const value = {
      get n() {
        called += 1;
        return [called];
      },
    };
    assert.deepEqual(plainCopy(value), { n: [1] });
  });

  test("what a getter copies meanwhile does not count", () => {
    const large = { text: "x".repeat(60_000) };
    const value = {
      get n() {
        return plainCopy(large) === undefined ? 0 : 1;
      },
      text: "y".repeat(60_000),
    };
    assert.deepEqual(plainCopy(value), { n: 1, text: value.text });
  });

  test("what all objects inherit is no part of it", () => {
    Object.prototype.inherited = [1];
    try {
      const copy = plainCopy({ list: [{ a: 1 }] });
      assert.deepEqual([Object.keys(copy), Object.keys(copy.list[0])], [["list"], ["a"]]);
    } finally {
      delete Object.prototype.inherited;
    }
  });
});

describe("what JSON would change, and what is large, is not copied", () => {
  for (const [name, value] of Object.entries(NOT_COPIED)) {
    test(name, () => assert.equal(plainCopy(value), undefined));
  }

  test("raw JSON", { skip: JSON.rawJSON === undefined }, () => {
    assert.equal(plainCopy({ n: JSON.rawJSON("12345678901234567890") }), undefined);
  });
});
