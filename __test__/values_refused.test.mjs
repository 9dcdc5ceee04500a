// Values that could not come back from state and session exactly are refused with their path.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import vm from "node:vm";
import { SerializationError } from "blazen";
import { inStep, nested, outcomeOf, revoked, seeded } from "./bad_input/harness.mjs";
import { assertSame, throughSnapshot } from "./values/harness.mjs";

describe("what JSON would lose is refused", () => {
  const point = new (class Point {
    when = new Map();
  })();
  const cycle = { a: { b: [0, {}] } };
  cycle.a.b[1].c = cycle.a;
  const throwing = Object.defineProperty({}, "bad", {
    enumerable: true,
    get() {
      throw new Error("getter");
    },
  });
  const REFUSED = [
    ["a Map at the top", new Map(), ""],
    ["undefined at the top", undefined, ""],
    ["NaN in a field", { a: Number.NaN }, ".a"],
    ["a BigInt in an array", [1, 2, 5n], "[2]"],
    ["a function deep inside", { items: [0, 1, { when: () => {} }] }, ".items[2].when"],
    ["a symbol under a key that is no name", { "a b": Symbol("s") }, '["a b"]'],
    ["a Set under an empty key", { "": new Set() }, '[""]'],
    [
      "a Map under the key __proto__",
      JSON.parse('{"a":{"__proto__":1}}', (key, value) => (key === "__proto__" ? new Map() : value)),
      ".a.__proto__",
    ],
    ["Infinity under an index-like key", { 10: Number.POSITIVE_INFINITY }, '["10"]'],
    ["a Buffer in a field", { file: { data: Buffer.of(1) } }, ".file.data"],
    ["a typed array in an array", [[new Float32Array(1)]], "[0][0]"],
    ["undefined in an array", { list: [1, undefined] }, ".list[1]"],
    ["a hole in an array", { list: [1, , 3] }, ".list[1]"],
    ["a Map in a class instance", { point }, ".point.when"],
    ["a RegExp after many plain fields", { a: 1, b: { c: 2 }, d: [/x/] }, ".d[0]"],
    ["an Error beside equal objects", [{}, {}, { e: new Error("x") }], "[2].e"],
    ["a Promise that toJSON gives", { a: { toJSON: () => ({ p: Promise.resolve() }) } }, ".a.p"],
    ["a Map of another realm", { a: vm.runInNewContext("new Map()") }, ".a"],
    ["a cycle", cycle, ".a.b[1].c"],
    ["a getter that throws", { a: [throwing] }, ".a[0].bad"],
    ["a revoked Proxy", { a: { b: revoked() } }, ".a.b"],
    ["a toJSON that throws", { a: [{ toJSON: () => assert.fail("toJSON") }] }, ".a[0]"],
    ["a toJSON that gives undefined in an array", { a: [{ toJSON: () => undefined }] }, ".a[0]"],
  ];
  const PLACES = {
    state: [(ctx, value) => ctx.set("key", value), (ctx) => ctx.get("key")],
    session: [(ctx, value) => ctx.session.set("key", value), (ctx) => ctx.session.get("key")],
  };

  for (const [place, [set, get]] of Object.entries(PLACES)) {
    for (const [name, value, path] of REFUSED) {
      test(`by the ${place}: ${name}, with its path, and the old value stands`, async () => {
        await inStep(async (ctx) => {
          await set(ctx, "old");
          const { error } = await outcomeOf(() => set(ctx, value));
          assert.equal(await get(ctx), "old");
          assert.ok(error instanceof SerializationError, `no SerializationError: ${error}`);
          assert.equal(error.code, "ERR_BLAZEN_NOT_SERIALIZABLE");
          assert.equal(error.path, path);
          assert.ok(error.message.includes(path) && error.message.includes('"key"'), error.message);
        });
      });
    }
  }

  test("by the session: half a surrogate pair, with its path", async () => {
    const rows = [
      ["\ud800", ""],
      [{ a: ["x", "y\udc00"] }, ".a[1]"],
      [{ a: { "\ud800": 1 } }, '.a["\\ud800"]'],
    ];
    await inStep(async (ctx) => {
      for (const [value, path] of rows) {
        await ctx.session.set("key", "old");
        await assert.rejects(ctx.session.set("key", value), { code: "ERR_BLAZEN_NOT_SERIALIZABLE", path });
        assert.equal(await ctx.session.get("key"), "old");
      }
    });
  });

  test("by depth: the path leads to the first level that is too deep", async () => {
    await inStep(async (ctx) => {
      await ctx.set("key", nested(1_000));
      await ctx.session.set("key", nested(127));
      await assert.rejects(ctx.set("key", nested(1_001)), {
        code: "ERR_BLAZEN_NOT_SERIALIZABLE",
        path: "[0]".repeat(1_000),
      });
      await assert.rejects(ctx.session.set("key", nested(128)), {
        code: "ERR_BLAZEN_NOT_SERIALIZABLE",
        path: "[0]".repeat(127),
      });
      assert.deepEqual(await ctx.get("key"), nested(1_000));
      assert.deepEqual(await ctx.session.get("key"), nested(127));
    });
  });

  test("by depth in random shapes: whatever is within the limit comes back, whatever is beyond is refused", async () => {
    const random = seeded(12);
    const deep = (depth) => {
      let value = random() < 0.5 ? 1 : "leaf";
      for (let level = 0; level < depth; level += 1) value = random() < 0.5 ? [0, value] : { "": "}]", a: value };
      return value;
    };
    await inStep(async (ctx) => {
      for (const depth of [990, 999, 1_000, 1_001, 1_002, 5_000, 100_000]) {
        const value = deep(depth);
        const { error } = await outcomeOf(() => ctx.set("key", value));
        assert.equal(error?.code, depth > 1_000 ? "ERR_BLAZEN_NOT_SERIALIZABLE" : undefined);
        if (depth <= 1_000) assertSame(await ctx.get("key"), value);
      }
    });
  });

  test("nothing of what is as deep as may be is refused when a snapshot is resumed", async () => {
    const found = await throughSnapshot((ctx) => ctx.set("deep", nested(1_000)), { deep: nested(998) });
    assert.deepEqual(found.get("deep"), nested(1_000));
  });
});
