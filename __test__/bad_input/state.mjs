// What is put into the state and the session, and under which keys.

import assert from "node:assert/strict";
import vm from "node:vm";
import {
  CODED,
  errorWithSymbolMessage,
  gives,
  hostileProxy,
  INVALID,
  inStep,
  nested,
  notFunctions,
  notStrings,
  outcomeOf,
  revoked,
} from "./harness.mjs";

const NOT_JSON = "ERR_BLAZEN_NOT_SERIALIZABLE";

const throwing =
  (thrown = () => new Error("boo")) =>
  () => {
    throw thrown();
  };

/** Every way to name a key. */
const keyed = {
  "ctx.set": (ctx, key) => ctx.set(key, 1),
  "ctx.get": (ctx, key) => ctx.get(key),
  "ctx.get with a default": (ctx, key) => ctx.get(key, "default"),
  "ctx.setBytes": (ctx, key) => ctx.setBytes(key, Buffer.of(1)),
  "ctx.getBytes": (ctx, key) => ctx.getBytes(key),
  "ctx.state.set": (ctx, key) => ctx.state.set(key, 1),
  "ctx.state.get": (ctx, key) => ctx.state.get(key),
  "ctx.state.setBytes": (ctx, key) => ctx.state.setBytes(key, Buffer.of(1)),
  "ctx.state.getBytes": (ctx, key) => ctx.state.getBytes(key),
  "ctx.state.has": (ctx, key) => ctx.state.has(key),
  "ctx.state.remove": (ctx, key) => ctx.state.remove(key),
  "ctx.state.update": (ctx, key) => ctx.state.update(key, () => 1),
  "ctx.state.increment": (ctx, key) => ctx.state.increment(key),
  "ctx.state.append": (ctx, key) => ctx.state.append(key, 1),
  "ctx.session.set": (ctx, key) => ctx.session.set(key, 1),
  "ctx.session.get": (ctx, key) => ctx.session.get(key),
  "ctx.session.has": (ctx, key) => ctx.session.has(key),
  "ctx.session.remove": (ctx, key) => ctx.session.remove(key),
};

const wrongKeys = Object.entries(keyed).flatMap(([method, use]) =>
  notStrings().map(([name, key]) => [`${method}(${name}, ...)`, () => inStep((ctx) => use(ctx, key)), INVALID]),
);

const goodKeys = [
  "",
  " ",
  "\0",
  "__proto__",
  "constructor",
  "toString",
  "\ud800",
  "\udfff\ud800",
  "\ufffd",
  "0",
  "-0",
  "\u{1F600}",
  "k".repeat(1e6),
];

const oddKeys = goodKeys.flatMap((key) => {
  const shown = key.length > 20 ? "a key of a million characters" : JSON.stringify(key);
  return [
    [
      `the state key ${shown}`,
      () =>
        inStep(async (ctx) => {
          assert.equal(await ctx.get(key), null);
          assert.equal(await ctx.state.has(key), false);
          await ctx.set(key, { at: key });
          assert.deepEqual(await ctx.get(key), { at: key });
          assert.deepEqual(await ctx.state.keys(), [key]);
          await ctx.setBytes(key, Buffer.of(1));
          assert.deepEqual(await ctx.getBytes(key), Buffer.of(1));
          assert.equal(await ctx.state.remove(key), true);
          assert.equal(await ctx.state.remove(key), false);
          assert.equal(await ctx.state.increment(key), 1);
          assert.equal(await ctx.state.remove(key), true);
          assert.equal(await ctx.state.append(key, key, key), 2);
          assert.deepEqual(await ctx.get(key), [key, key]);
          assert.equal(await ctx.state.remove(key), true);
          return ctx.get(key, "gone");
        }),
      gives("gone"),
    ],
    [
      `the session key ${shown}`,
      () =>
        inStep(async (ctx) => {
          assert.equal(await ctx.session.get(key), null);
          await ctx.session.set(key, { at: 1 });
          assert.deepEqual(await ctx.session.get(key), { at: 1 });
          assert.deepEqual(await ctx.session.keys(), [key]);
          assert.equal(await ctx.state.has(key), false);
          assert.equal(await ctx.session.remove(key), true);
          return ctx.session.get(key, "gone");
        }),
      gives("gone"),
    ],
  ];
});

const unsavable = () => [
  ["undefined", undefined],
  ["a function", () => {}],
  ["a class", class {}],
  ["a symbol", Symbol("s")],
  ["a BigInt", 5n],
  ["a BigInt object", Object(5n)],
  ["a Symbol object", Object(Symbol("s"))],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["a Number object of NaN", new Number(Number.NaN)],
  ["a Map", new Map([["a", 1]])],
  ["an empty Map", new Map()],
  ["a Set", new Set([1])],
  ["a WeakMap", new WeakMap()],
  ["a WeakSet", new WeakSet()],
  ["a WeakRef", new WeakRef({})],
  ["a Promise", Promise.resolve(1)],
  ["a RegExp", /a/],
  ["an Error", new Error("lost")],
  ["a Map of another realm", vm.runInNewContext("new Map([[1, 2]])")],
  ["a Map of a subclass", new (class extends Map {})([[1, 2]])],
  ["a Buffer", Buffer.of(1)],
  ["an empty Buffer", Buffer.alloc(0)],
  ["a Uint8Array", new Uint8Array(2)],
  ["a Float64Array", new Float64Array(2)],
  ["a BigInt64Array", new BigInt64Array(1)],
  ["a DataView", new DataView(new ArrayBuffer(1))],
  ["an ArrayBuffer", new ArrayBuffer(1)],
  ["a SharedArrayBuffer", new SharedArrayBuffer(1)],
  ["an array with a hole", [1, , 3]],
  ["an array with a hole last", [1, ,]],
  ["an array of holes", new Array(2)],
  ["an array of undefined", [undefined]],
  ["an array with a function", [() => {}]],
  ["an array nested 1001 deep", nested(1001)],
  ["an array nested 100000 deep", nested(1e5)],
  ["a revoked Proxy", revoked()],
  ["a revoked Proxy of an array", revoked([])],
  ["a Proxy that throws", hostileProxy()],
  ["a Proxy of an array that throws", hostileProxy([])],
  ["a getter that throws", Object.defineProperty({}, "a", { enumerable: true, get: throwing() })],
  [
    "a getter that throws undefined",
    Object.defineProperty({}, "a", { enumerable: true, get: throwing(() => undefined) }),
  ],
  [
    "a getter that throws a revoked Proxy",
    Object.defineProperty({}, "a", { enumerable: true, get: throwing(() => revoked()) }),
  ],
  [
    "a getter that throws an error with a symbol for a message",
    Object.defineProperty({}, "a", { enumerable: true, get: throwing(errorWithSymbolMessage) }),
  ],
  ["a toJSON that throws", { toJSON: throwing() }],
  ["a toJSON that gives undefined", { toJSON: () => undefined }],
  ["a toJSON that gives a function", { toJSON: () => () => {} }],
  ["a toJSON that gives a Map", { toJSON: () => new Map() }],
  ["a toJSON that gives bytes", { toJSON: () => Buffer.of(1) }],
  ["a toJSON that gives NaN", { toJSON: () => Number.NaN }],
  ["an array whose toJSON gives a Map", Object.assign([1], { toJSON: () => new Map() })],
  ["the global object of bytes", { bytes: Buffer.of(1) }],
];

const cyclic = () => {
  const object = { name: "o" };
  object.self = object;
  const array = [];
  array.push(array);
  const long = { next: { next: {} } };
  long.next.next.next = long;
  const converted = { toJSON: () => ({ back: converted2 }) };
  const converted2 = { converted };
  return [
    ["an object that holds itself", object],
    ["an array that holds itself", array],
    ["a cycle over three objects", long],
    ["a cycle through toJSON", converted],
  ];
};

const savers = {
  "ctx.set": (ctx, value) => ctx.set("key", value),
  "ctx.state.update": (ctx, value) => ctx.state.update("key", () => value),
  "ctx.session.set": (ctx, value) => ctx.session.set("key", value),
};

const isBytes = (value) => value instanceof Uint8Array;

const refusedValues = Object.entries(savers).flatMap(([method, save]) =>
  [...unsavable(), ...cyclic()]
    .filter(([, value]) => method !== "ctx.state.update" || typeof value !== "object" || !safely(() => isBytes(value)))
    .map(([name, value]) => [
      `${method} of ${name}`,
      () =>
        inStep(async (ctx) => {
          await save(ctx, "old");
          const { error } = await outcomeOf(() => save(ctx, value));
          const kept = method === "ctx.session.set" ? await ctx.session.get("key") : await ctx.get("key");
          assert.equal(kept, "old", "the old value stands after a refusal");
          if (error !== undefined) throw error;
        }),
      name === "a Promise" && method === "ctx.state.update" ? INVALID : NOT_JSON,
    ]),
);

function safely(look) {
  try {
    return look();
  } catch {
    return false;
  }
}

const lossy = [
  ["URLSearchParams", () => new URLSearchParams("a=1")],
  ["Headers", () => new Headers({ a: "1" })],
  ["a Blob", () => new Blob(["a"])],
  ["a generator", () => (function* () {})()],
  ["an iterator of a Map", () => new Map([[1, 2]]).entries()],
  ["a Proxy of a Map", () => new Proxy(new Map([[1, 2]]), {})],
].map(([name, make]) => [
  `ctx.set of ${name}, which JSON would empty without a word`,
  () => inStep((ctx) => ctx.set("key", make())),
  NOT_JSON,
]);

const through = (value) =>
  inStep(async (ctx) => {
    await ctx.set("key", value);
    return ctx.get("key");
  });

const converted = [
  ["a Date", () => new Date(0), "1970-01-01T00:00:00.000Z"],
  ["a URL", () => new URL("http://a/b"), "http://a/b"],
  ["a toJSON", () => ({ toJSON: () => ({ a: 1 }) }), { a: 1 }],
  ["a toJSON that gives null", () => ({ toJSON: () => null }), null],
  ["a String object", () => new String("a"), "a"],
  ["a Number object", () => new Number(5), 5],
  ["a Boolean object", () => new Boolean(false), false],
  [
    "a class instance",
    () =>
      new (class Point {
        x = 1;
      })(),
    { x: 1 },
  ],
  ["a frozen object", () => Object.freeze({ a: [1] }), { a: [1] }],
  ["an object without a prototype", () => Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["an object of another realm", () => vm.runInNewContext("({ a: [1, { b: 2 }] })"), { a: [1, { b: 2 }] }],
  ["an array of another realm", () => vm.runInNewContext("[1, [2]]"), [1, [2]]],
  ["a Proxy of an object", () => new Proxy({ a: 1 }, {}), { a: 1 }],
  ["a Proxy of an array", () => new Proxy([1, 2], {}), [1, 2]],
  ["a field that is undefined, which is left out", () => ({ a: undefined, b: 1 }), { b: 1 }],
  [
    "one object twice",
    () => {
      const shared = { a: 1 };
      return [shared, shared, { shared }];
    },
    [{ a: 1 }, { a: 1 }, { shared: { a: 1 } }],
  ],
  [
    "one object twice, one of another class",
    () => {
      const shared = new (class Point {
        x = 1;
      })();
      return { a: shared, b: [shared, { c: shared }] };
    },
    { a: { x: 1 }, b: [{ x: 1 }, { c: { x: 1 } }] },
  ],
  ["2^53 + 1", () => 2 ** 53 + 1, 2 ** 53],
  ["the largest number", () => Number.MAX_VALUE, Number.MAX_VALUE],
  ["the smallest number", () => Number.MIN_VALUE, Number.MIN_VALUE],
  ["null", () => null, null],
  ["false", () => false, false],
  ["an empty string", () => "", ""],
  ["an empty array", () => [], []],
  ["an empty object", () => ({}), {}],
  ["an array nested 1000 deep", () => nested(1000), nested(1000)],
  ["half a surrogate pair", () => "a\ud800", "a\ud800"],
  ["half a surrogate pair in a key", () => ({ "\udc00": 1 }), { "\udc00": 1 }],
].map(([name, make, expected]) => [`ctx.set, then ctx.get of ${name}`, () => through(make()), gives(expected)]);

const sessionOnly = [
  ["half a surrogate pair", "\ud800"],
  ["half a surrogate pair deep inside", { a: [{ b: "x\udc00" }] }],
  ["half a surrogate pair in a key", { "\ud800": 1 }],
  ["an array nested 128 deep", nested(128)],
].map(([name, value]) => [
  `ctx.session.set of ${name}`,
  () => inStep((ctx) => ctx.session.set("key", value)),
  NOT_JSON,
]);

const sessionFine = [
  ["an array nested 127 deep", nested(127)],
  ["a backslash before ud800", "\\ud800 \\\\ud800"],
  ["a whole surrogate pair", "\ud83d\ude00"],
].map(([name, value]) => [
  `ctx.session.set, then get of ${name}`,
  () =>
    inStep(async (ctx) => {
      await ctx.session.set("key", value);
      return ctx.session.get("key");
    }),
  gives(value),
]);

const detached = () => {
  const bytes = new Uint8Array(8);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
};
const shrunk = () => {
  const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
  const bytes = new Uint8Array(buffer, 4, 4);
  buffer.resize(2);
  return bytes;
};

const notBytes = () => [
  ...notStrings().filter(([name]) => !/Proxy/.test(name)),
  ["a string", "bytes"],
  ["an array of numbers", [1, 2]],
  ["a Uint8ClampedArray", new Uint8ClampedArray(1)],
  ["a Uint16Array", new Uint16Array(1)],
  ["a Float64Array", new Float64Array(1)],
  ["a DataView", new DataView(new ArrayBuffer(1))],
  ["an ArrayBuffer", new ArrayBuffer(1)],
  ["a SharedArrayBuffer", new SharedArrayBuffer(1)],
  ["what JSON makes of a Buffer", Buffer.of(1).toJSON()],
  ["an object that only inherits from Uint8Array", Object.create(Uint8Array.prototype)],
  ["a Proxy of a Uint8Array", new Proxy(new Uint8Array(1), {})],
  ["a revoked Proxy", revoked()],
  ["a revoked Proxy of a Uint8Array", revoked(new Uint8Array(1))],
  ["a Proxy that throws", hostileProxy()],
  ["a Uint8Array whose memory is gone", detached()],
  [
    "a Buffer whose memory is gone",
    (() => {
      const bytes = detached();
      return Object.setPrototypeOf(bytes, Buffer.prototype);
    })(),
  ],
  ["a Uint8Array that its shrunk memory no longer holds", shrunk()],
];

const badBytes = notBytes().flatMap(([name, value]) => [
  [`ctx.setBytes("key", ${name})`, () => inStep((ctx) => ctx.setBytes("key", value)), INVALID],
  [
    `ctx.setBytes("key", ${name}) leaves the old bytes`,
    () =>
      inStep(async (ctx) => {
        await ctx.setBytes("key", Buffer.of(7));
        await outcomeOf(() => ctx.setBytes("key", value));
        return ctx.getBytes("key");
      }),
    gives(Buffer.of(7)),
  ],
]);

const grown = () => {
  const buffer = new ArrayBuffer(2, { maxByteLength: 16 });
  const bytes = new Uint8Array(buffer);
  buffer.resize(4);
  bytes.set([1, 2, 3, 4]);
  return bytes;
};

const goodBytes = [
  ["no bytes", () => new Uint8Array(0), []],
  ["a Buffer of the pool", () => Buffer.from("abc").subarray(1), [98, 99]],
  ["a view in the middle", () => new Uint8Array(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2), [2, 3]],
  ["shared memory", () => new Uint8Array(new SharedArrayBuffer(4), 1, 2).fill(9), [9, 9]],
  ["memory that has grown", grown, [1, 2, 3, 4]],
  ["a subclass", () => class extends Uint8Array {}.of(1), [1]],
  ["a Uint8Array of another realm", () => vm.runInNewContext("Uint8Array.of(1, 2)"), [1, 2]],
].map(([name, make, expected]) => [
  `ctx.setBytes, then ctx.getBytes of ${name}`,
  () =>
    inStep(async (ctx) => {
      await ctx.setBytes("key", make());
      return [...(await ctx.getBytes("key"))];
    }),
  gives(expected),
]);

const kinds = [
  [
    "getBytes() of a JSON value",
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", "text");
        return ctx.getBytes("key");
      }),
    INVALID,
  ],
  ["getBytes() of a key that is not there", () => inStep((ctx) => ctx.getBytes("key")), gives(null)],
  [
    "get() of a key that is not there, with undefined for a default",
    () => inStep((ctx) => ctx.get("key", undefined)),
    gives(null),
  ],
  [
    "get() of null, with a default",
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", null);
        return ctx.get("key", "default");
      }),
    gives(null),
  ],
  ["a default that is a function", () => inStep((ctx) => ctx.get("key", assert.fail)), gives(assert.fail)],
];

const updates = [
  ...notFunctions().map(([name, value]) => [
    `ctx.state.update("key", ${name})`,
    () => inStep((ctx) => ctx.state.update("key", value)),
    INVALID,
  ]),
  ["an asynchronous update", () => inStep((ctx) => ctx.state.update("key", async () => 1)), INVALID],
  [
    "an asynchronous update that rejects",
    () => inStep((ctx) => ctx.state.update("key", () => Promise.reject(new Error("boo")))),
    INVALID,
  ],
  [
    "an update that gives a thenable",
    () => inStep((ctx) => ctx.state.update("key", () => ({ then: () => {} }))),
    NOT_JSON,
  ],
  ["an update that gives nothing", () => inStep((ctx) => ctx.state.update("key", () => {})), NOT_JSON],
  [
    "an update that gives a promise whose catch throws",
    () => inStep((ctx) => ctx.state.update("key", () => Object.assign(Promise.resolve(), { catch: throwing() }))),
    CODED,
  ],
  [
    "an update that throws gives its own error",
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", "old");
        const mine = new Error("mine");
        const { error } = await outcomeOf(() =>
          ctx.state.update(
            "key",
            throwing(() => mine),
          ),
        );
        return [error === mine, await ctx.get("key")];
      }),
    gives([true, "old"]),
  ],
  [
    "an update within an update",
    () =>
      inStep(async (ctx) => {
        const inner = [];
        await ctx.state.update("key", () => {
          inner.push(ctx.state.update("key", () => "inner"));
          return "outer";
        });
        await Promise.all(inner);
        return ctx.get("key");
      }),
    gives("outer"),
  ],
];

const notNumbers = () => [
  ...notStrings().filter(([name]) => !["undefined", "a number"].includes(name)),
  ["a string", "1"],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["a Number object", new Number(1)],
  ["a Date", new Date(0)],
];

const increments = [
  ...notNumbers().map(([name, value]) => [
    `ctx.state.increment("key", ${name}) leaves the old value`,
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", 7);
        const { error } = await outcomeOf(() => ctx.state.increment("key", value));
        return [error.code, await ctx.get("key")];
      }),
    gives([INVALID, 7]),
  ]),
  ...["text", true, null, [], {}].map((value) => [
    `ctx.state.increment() of ${JSON.stringify(value)}`,
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", value);
        return ctx.state.increment("key");
      }),
    INVALID,
  ]),
  [
    "ctx.state.increment() of bytes",
    () =>
      inStep(async (ctx) => {
        await ctx.setBytes("key", Buffer.from("1"));
        return ctx.state.increment("key");
      }),
    INVALID,
  ],
  [
    "an increment beyond the largest number",
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", -Number.MAX_VALUE);
        const { error } = await outcomeOf(() => ctx.state.increment("key", -Number.MAX_VALUE));
        return [error.code, await ctx.get("key")];
      }),
    gives([INVALID, -Number.MAX_VALUE]),
  ],
  ["an increment by -0", () => inStep((ctx) => ctx.state.increment("key", -0)), gives(0)],
  [
    "an increment by the smallest number",
    () => inStep((ctx) => ctx.state.increment("key", Number.MIN_VALUE)),
    gives(Number.MIN_VALUE),
  ],
];

const appends = [
  ...unsavable().map(([name, value]) => [
    `ctx.state.append("key", 1, ${name}) appends nothing`,
    () =>
      inStep(async (ctx) => {
        await ctx.state.append("key", "old");
        const { error } = await outcomeOf(() => ctx.state.append("key", 1, value));
        return [error.code, error.path.startsWith("[1]"), await ctx.get("key")];
      }),
    gives([NOT_JSON, true, ["old"]]),
  ]),
  ...["[]", true, null, 1, {}].map((value) => [
    `ctx.state.append() to ${JSON.stringify(value)}`,
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", value);
        return ctx.state.append("key", 1);
      }),
    INVALID,
  ]),
  [
    "ctx.state.append() to bytes",
    () =>
      inStep(async (ctx) => {
        await ctx.setBytes("key", Buffer.from("[]"));
        return ctx.state.append("key", 1);
      }),
    INVALID,
  ],
  ["a value that is as deep as it may be", () => inStep((ctx) => ctx.state.append("key", nested(999))), gives(1)],
  ["a value that is too deep", () => inStep((ctx) => ctx.state.append("key", nested(1_000))), NOT_JSON],
  [
    "a value whose toJSON appends to the key",
    () =>
      inStep(async (ctx) => {
        const inner = [];
        const value = { toJSON: () => inner.push(ctx.state.append("key", "inner")) };
        const length = await ctx.state.append("key", value);
        return [length, await Promise.all(inner), await ctx.get("key")];
      }),
    gives([2, [1], ["inner", 1]]),
  ],
  [
    "an append of what ends like an array",
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", ["]"]);
        await ctx.state.append("key", "[,", '"', "\\");
        return ctx.get("key");
      }),
    gives(["]", "[,", '"', "\\"]),
  ],
];

const large = [
  [
    "an append of a million values, and of one more",
    () =>
      inStep(async (ctx) => {
        for (let n = 0; n < 100; n += 1) await ctx.state.append("key", ...Array.from({ length: 1e4 }, () => "é"));
        return ctx.state.append("key", 1);
      }),
    gives(1e6 + 1),
  ],
  ["a string of fifty million characters", () => through("é".repeat(5e7)).then((text) => text.length), gives(5e7)],
  [
    "an object of two hundred thousand keys",
    () =>
      through(Object.fromEntries(Array.from({ length: 2e5 }, (_, n) => [`k${n}`, n]))).then(
        (value) => Object.keys(value).length,
      ),
    gives(2e5),
  ],
  ["a string that is too long as JSON", () => through("\0".repeat(1e8)), NOT_JSON],
];

export default [
  ...wrongKeys,
  ...oddKeys,
  ...refusedValues,
  ...lossy,
  ...converted,
  ...sessionOnly,
  ...sessionFine,
  ...badBytes,
  ...goodBytes,
  ...kinds,
  ...updates,
  ...increments,
  ...appends,
  ...large,
];
