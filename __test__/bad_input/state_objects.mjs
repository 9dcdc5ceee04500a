// BlazenState and its field stores.

import assert from "node:assert/strict";
import { BlazenState, CallbackFieldStore, Workflow } from "blazen";
import { quiet } from "../turns.mjs";
import {
  CODED,
  gives,
  hostileProxy,
  INVALID,
  inStep,
  nested,
  notFunctions,
  notStrings,
  outcomeOf,
  revoked,
  START,
  stop,
} from "./harness.mjs";

const NOT_JSON = "ERR_BLAZEN_NOT_SERIALIZABLE";
const NOT_SAVED = "ERR_BLAZEN_STATE_NOT_SAVED";

class Plain extends BlazenState {
  count = 0;
  tags = [];
}

const withMeta = (meta) =>
  class extends Plain {
    static meta = meta;
  };

const contexts = () => [
  ...notStrings(),
  ["a string", "ctx"],
  ["a state", new Plain()],
  ["a workflow", new Workflow("a")],
];

const places = [
  ...contexts().map(([name, value]) => [`saveTo(${name}, "key")`, () => new Plain().saveTo(value, "key"), INVALID]),
  ...contexts().map(([name, value]) => [`loadFrom(${name}, "key")`, () => Plain.loadFrom(value, "key"), INVALID]),
  [
    "saveTo(something with the methods of a context, ...)",
    () => new Plain().saveTo({ state: new Map(), get: () => {}, set: () => {} }, "key"),
    INVALID,
  ],
  ["saveTo(ctx.state, ...)", () => inStep((ctx) => new Plain().saveTo(ctx.state, "key")), INVALID],
  ...notStrings().map(([name, key]) => [
    `saveTo(ctx, ${name})`,
    () => inStep((ctx) => new Plain().saveTo(ctx, key)),
    INVALID,
  ]),
  ...notStrings().map(([name, key]) => [
    `loadFrom(ctx, ${name})`,
    () => inStep((ctx) => Plain.loadFrom(ctx, key)),
    INVALID,
  ]),
  ["loadFrom() of a key that was never saved", () => inStep((ctx) => Plain.loadFrom(ctx, "never")), NOT_SAVED],
  [
    "loadFrom() of a key that holds something else",
    () =>
      inStep(async (ctx) => {
        await ctx.set("key", { count: 1 });
        return Plain.loadFrom(ctx, "key");
      }),
    NOT_SAVED,
  ],
  [
    "BlazenState.loadFrom() itself, of a key that was never saved",
    () => inStep((ctx) => BlazenState.loadFrom(ctx, "never")),
    NOT_SAVED,
  ],
];

const saved = (state, ctx, key = "key") => state.saveTo(ctx, key).then(() => state.constructor.loadFrom(ctx, key));

const keys = ["", "/", "~", "~0", "~1", "a/b", "a~b", "a/~", "__proto__", "\ud800", "\0", "k".repeat(1e5)].map(
  (key) => [
    `a state object under the key ${key.length > 20 ? "of a hundred thousand characters" : JSON.stringify(key)}`,
    () =>
      inStep(async (ctx) => {
        const state = Object.assign(new Plain(), { count: 5, tags: ["a"] });
        return { ...(await saved(state, ctx, key)) };
      }),
    gives({ count: 5, tags: ["a"] }),
  ],
);

const KEYS = ["", "a", "a/", "a/b", "a/b~a", "a/~", "a/~/x", "a~1b", "a~0b", "a//", "/", "~", "a/b/~"];
const FIELDS = ["", "b", "/", "~", "~a", "b~a", "b/~", "a/b", "~0", "~1", "__proto__", "constructor_", "\ud800", "0"];

const apart = [
  [
    "states and fields whose names are made to collide never meet",
    () =>
      inStep(async (ctx) => {
        const make = (key) => {
          const state = new (class Wild extends BlazenState {})();
          for (const field of FIELDS) {
            Object.defineProperty(state, field, {
              value: `${key}:${field}`,
              enumerable: true,
              writable: true,
              configurable: true,
            });
          }
          return state;
        };
        for (const key of KEYS) await make(key).saveTo(ctx, key);
        for (const key of KEYS.toReversed()) await make(key).saveTo(ctx, key);
        class Wild extends BlazenState {}
        for (const key of KEYS) {
          const loaded = await Wild.loadFrom(ctx, key);
          assert.deepEqual(Object.keys(loaded).sort(), [...FIELDS].sort());
          for (const field of FIELDS)
            assert.equal(Object.getOwnPropertyDescriptor(loaded, field).value, `${key}:${field}`);
        }
      }),
    gives(undefined),
  ],
];

const fieldsThatFail = [
  ["a Map", new Map([[1, 2]])],
  ["a Set", new Set()],
  ["a function", () => {}],
  ["a symbol", Symbol("s")],
  ["a BigInt", 5n],
  ["NaN", Number.NaN],
  ["a promise", Promise.resolve()],
  ["bytes within", { inside: Buffer.of(1) }],
  ["a hole", [, 1]],
  ["a nesting 100000 deep", nested(1e5)],
  ["a revoked Proxy", revoked()],
  ["a Proxy that throws", hostileProxy()],
  ["an Error", new Error("lost")],
].flatMap(([name, value]) => [
  [
    `saveTo() of a field that is ${name}`,
    () => inStep((ctx) => Object.assign(new Plain(), { count: value }).saveTo(ctx, "key")),
    NOT_JSON,
  ],
  [
    `saveTo() of a field that is ${name} names class and field, and leaves what was saved`,
    () =>
      inStep(async (ctx) => {
        await Object.assign(new Plain(), { count: 1, tags: ["old"] }).saveTo(ctx, "key");
        const { error } = await outcomeOf(() =>
          Object.assign(new Plain(), { tags: ["new"], last: value }).saveTo(ctx, "key"),
        );
        assert.match(error.message, /Plain/);
        assert.match(error.message, /last/);
        return { ...(await Plain.loadFrom(ctx, "key")) };
      }),
    gives({ count: 1, tags: ["old"] }),
  ],
]);

const fieldGetters = [
  [
    "a getter that throws",
    () => Object.defineProperty(new Plain(), "count", { enumerable: true, get: () => assert.fail("getter") }),
  ],
  [
    "a getter that throws undefined",
    () =>
      Object.defineProperty(new Plain(), "count", {
        enumerable: true,
        get: () => {
          throw undefined;
        },
      }),
  ],
].map(([name, make]) => [`saveTo() of a field with ${name}`, () => inStep((ctx) => make().saveTo(ctx, "key")), CODED]);

const fieldsThatLast = [
  ["undefined", undefined],
  ["null", null],
  ["a Buffer", Buffer.of(1, 2)],
  ["an empty Buffer", Buffer.alloc(0)],
  ["half a surrogate pair", "\ud800"],
  ["a nesting 900 deep", nested(900)],
].map(([name, value]) => [
  `a field that is ${name} is loaded as it was saved`,
  () => inStep(async (ctx) => (await saved(Object.assign(new Plain(), { count: value }), ctx)).count),
  gives(value),
]);

const metas = [
  ["null", null],
  ["a number", 5],
  ["a string", "transient"],
  ["a function", () => ({})],
  ["transient: a string", { transient: "count" }],
  ["transient: a number", { transient: 5 }],
  ["transient: a Set", { transient: new Set(["count"]) }],
  ["transient: an object", { transient: { count: true } }],
  ["transient: an array of numbers", { transient: [5] }],
  ["transient: an array with a hole", { transient: [, "count"] }],
  ["transient: an array of null", { transient: [null] }],
  ["transient: a symbol in an array", { transient: [Symbol("count")] }],
  ["storeBy: a number", { storeBy: 5 }],
  ["storeBy: a string", { storeBy: "count" }],
  ["storeBy: true", { storeBy: true }],
  ["storeBy: a function", { storeBy: () => {} }],
  ["storeBy: a Map", { storeBy: new Map([["count", { save() {}, load() {} }]]) }],
  ["storeBy: an array of stores", { storeBy: [{ save() {} }] }],
  ["a store that is null", { storeBy: { count: null } }],
  ["a store that is undefined", { storeBy: { count: undefined } }],
  ["a store that is a function", { storeBy: { count: () => {} } }],
  ["a store without load", { storeBy: { count: { save: async () => {} } } }],
  ["a store without save", { storeBy: { count: { load: async () => 1 } } }],
  ["a store whose save is a string", { storeBy: { count: { save: "save", load: async () => 1 } } }],
].flatMap(([name, meta]) => [
  [
    `saveTo() with meta that is or has ${name}`,
    () => inStep((ctx) => new (withMeta(meta))().saveTo(ctx, "key")),
    INVALID,
  ],
  [`loadFrom() with meta that is or has ${name}`, () => inStep((ctx) => withMeta(meta).loadFrom(ctx, "key")), INVALID],
]);

const hostileMetas = [
  [
    "a getter that throws",
    () => Object.defineProperty(class extends Plain {}, "meta", { get: () => assert.fail("meta") }),
  ],
  ["a revoked Proxy", () => withMeta(revoked())],
  ["a Proxy that throws", () => withMeta(hostileProxy())],
  ["transient: a revoked Proxy", () => withMeta({ transient: revoked([]) })],
  ["storeBy: a revoked Proxy", () => withMeta({ storeBy: revoked() })],
  ["a store that is a revoked Proxy", () => withMeta({ storeBy: { count: revoked() } })],
].map(([name, make]) => [
  `saveTo() with meta that is or has ${name}`,
  () => inStep((ctx) => new (make())().saveTo(ctx, "key")),
  CODED,
]);

const mine = new Error("mine");
const fails = {
  throws: () => {
    throw mine;
  },
  rejects: () => Promise.reject(mine),
};

const stores = Object.entries(fails).flatMap(([how, fail]) => [
  [
    `a store whose save ${how}: saveTo() rejects with that, and what was saved stands`,
    () =>
      inStep(async (ctx) => {
        let failing = false;
        const kept = new Map();
        const Stored = withMeta({
          storeBy: {
            count: {
              save: async (key, value) => {
                if (failing) await fail();
                kept.set(key, value);
              },
              load: async (key) => kept.get(key),
            },
          },
        });
        await Object.assign(new Stored(), { count: 1, tags: ["old"] }).saveTo(ctx, "key");
        failing = true;
        const { error } = await outcomeOf(() =>
          Object.assign(new Stored(), { count: 2, tags: ["new"] }).saveTo(ctx, "key"),
        );
        failing = false;
        return [error === mine, { ...(await Stored.loadFrom(ctx, "key")) }];
      }),
    gives([true, { count: 1, tags: ["old"] }]),
  ],
  [
    `a store whose save ${how} at once, without being async`,
    () =>
      inStep(async (ctx) => {
        const Stored = withMeta({ storeBy: { count: { save: fail, load: async () => 1 } } });
        const { error } = await outcomeOf(() => new Stored().saveTo(ctx, "key"));
        const later = await outcomeOf(() => Stored.loadFrom(ctx, "key"));
        return [error === mine, later.error?.code];
      }),
    gives([true, NOT_SAVED]),
  ],
  [
    `a store whose load ${how}: loadFrom() rejects with that, and the next one works`,
    () =>
      inStep(async (ctx) => {
        let failing = true;
        const Stored = withMeta({
          storeBy: { count: { save: async () => {}, load: async () => (failing ? fail() : 7) } },
        });
        await new Stored().saveTo(ctx, "key");
        const { error } = await outcomeOf(() => Stored.loadFrom(ctx, "key"));
        failing = false;
        return [error === mine, (await Stored.loadFrom(ctx, "key")).count];
      }),
    gives([true, 7]),
  ],
]);

const settling = [
  [
    "a store that never settles holds up its own key only, and the run can be aborted",
    async () => {
      const Stuck = withMeta({ storeBy: { count: { save: () => new Promise(() => {}), load: async () => 1 } } });
      const seen = [];
      const handler = await new Workflow("stuck")
        .addStep("begin", [START], async (_event, ctx) => {
          void new Stuck().saveTo(ctx, "stuck");
          await Object.assign(new Plain(), { count: 3 }).saveTo(ctx, "free");
          seen.push((await Plain.loadFrom(ctx, "free")).count);
          await new Stuck().saveTo(ctx, "stuck too");
        })
        .runWithHandler();
      await quiet();
      await handler.abort();
      const { error } = await outcomeOf(() => handler.result());
      return [seen, error.code];
    },
    gives([[3], "ERR_BLAZEN_ABORTED"]),
  ],
  [
    "a store that gives a thenable that throws",
    () =>
      inStep((ctx) =>
        new (withMeta({
          storeBy: {
            count: {
              save: () => ({
                then() {
                  throw mine;
                },
              }),
              load: async () => 1,
            },
          },
        }))().saveTo(ctx, "key"),
      ).catch((error) => error === mine),
    gives(true),
  ],
  [
    "a save that is stuck in an attempt that was cut short does not hold up the next attempt",
    async () => {
      let saves = 0;
      const save = () => {
        saves += 1;
        return saves === 1 ? new Promise(() => {}) : Promise.resolve();
      };
      const Stuck = withMeta({ storeBy: { count: { save, load: async () => 1 } } });
      const handler = await new Workflow("stuck")
        .addStep("begin", [START], async (_event, ctx) => {
          await new Stuck().saveTo(ctx, "key");
          return stop("saved");
        })
        .runWithHandler();
      await quiet();
      await handler.pause({ graceMs: 0 });
      await handler.resumeInPlace();
      return (await handler.result()).data;
    },
    gives("saved"),
  ],
  [
    "saveTo() after the handler has settled",
    async () => {
      let context;
      await new Workflow("late")
        .addStep("begin", [START], (_event, ctx) => {
          context = ctx;
          return stop();
        })
        .run();
      return new Plain().saveTo(context, "key");
    },
    ["ERR_BLAZEN_RUN_ENDED", "ERR_BLAZEN_DELIVERY_SETTLED"],
  ],
  [
    "a field stored by a store that the class no longer names",
    () =>
      inStep(async (ctx) => {
        const Stored = withMeta({ storeBy: { count: { save: async () => {}, load: async () => 1 } } });
        await new Stored().saveTo(ctx, "key");
        return Plain.loadFrom(ctx, "key");
      }),
    CODED,
  ],
  [
    "restore() that throws gives its own error",
    () =>
      inStep(async (ctx) => {
        class Restored extends Plain {
          restore() {
            throw mine;
          }
        }
        await new Restored().saveTo(ctx, "key");
        return (await outcomeOf(() => Restored.loadFrom(ctx, "key"))).error === mine;
      }),
    gives(true),
  ],
  [
    "a constructor that throws gives its own error",
    () =>
      inStep(async (ctx) => {
        class Unmakeable extends Plain {
          constructor() {
            super();
            throw mine;
          }
        }
        await new Plain().saveTo(ctx, "key");
        return (await outcomeOf(() => Unmakeable.loadFrom(ctx, "key"))).error === mine;
      }),
    gives(true),
  ],
];

const protos = [
  [
    "an own field called __proto__ is saved and loaded as a field",
    () =>
      inStep(async (ctx) => {
        const state = Object.defineProperty(new Plain(), "__proto__", {
          value: { polluted: true },
          enumerable: true,
          writable: true,
          configurable: true,
        });
        const loaded = await saved(state, ctx);
        return [loaded instanceof Plain, loaded.polluted, Object.getOwnPropertyDescriptor(loaded, "__proto__").value];
      }),
    gives([true, undefined, { polluted: true }]),
  ],
  [
    "an own field called constructor",
    () =>
      inStep(async (ctx) => {
        const state = Object.assign(new Plain(), { constructor: "text" });
        await state.saveTo(ctx, "key");
        return (await Plain.loadFrom(ctx, "key")).constructor;
      }),
    (value, error) =>
      error === undefined ? assert.equal(value, "text") : assert.match(String(error.code), /^ERR_BLAZEN_/),
  ],
  [
    "own fields called saveTo and restore",
    () =>
      inStep(async (ctx) => {
        const state = Object.assign(new Plain(), { restore: "text" });
        await state.saveTo(ctx, "key");
        return (await Plain.loadFrom(ctx, "key")).restore;
      }),
    (value, error) =>
      error === undefined ? assert.equal(value, "text") : assert.match(String(error.code), /^ERR_BLAZEN_/),
  ],
  [
    "storeBy with an own __proto__ does not pollute",
    () =>
      inStep(async (ctx) => {
        const store = { save: async () => {}, load: async () => 1 };
        const storeBy = Object.defineProperty({}, "__proto__", { value: store, enumerable: true });
        await new (withMeta({ storeBy }))().saveTo(ctx, "key");
        return {}.save;
      }),
    gives(undefined),
  ],
];

const manifests = [
  ["a number", 5],
  ["a string", "fields"],
  ["an array", []],
  ["an empty object", {}],
  ["fields: a number", { version: 1, fields: 5 }],
  ["fields: null", { version: 1, fields: null }],
  ["fields: an array of null", { version: 1, fields: [null] }],
  ["fields: an array of numbers", { version: 1, fields: [5] }],
  ["fields: pairs of numbers", { version: 1, fields: [[1, 2]] }],
  ["fields: an unknown way of keeping", { version: 1, fields: [["count", "elsewhere"]] }],
  ["a newer version", { version: 2, fields: [["count", "json"]] }],
].flatMap(([name, manifest]) => [
  [
    `loadFrom() where the manifest is ${name}`,
    () =>
      inStep(async (ctx) => {
        await ctx.set("key/~", manifest);
        return Plain.loadFrom(ctx, "key");
      }),
    CODED,
  ],
  [
    `saveTo() where the manifest is ${name}`,
    () =>
      inStep(async (ctx) => {
        await ctx.set("key/~", manifest);
        await new Plain().saveTo(ctx, "key");
      }),
    (_value, error) => {
      if (error !== undefined) assert.match(String(error.code), /^ERR_BLAZEN_/, `no error of ours: ${error}`);
    },
  ],
]);

const callbacks = [
  ...notFunctions()
    .filter(([name]) => !/Proxy/.test(name))
    .flatMap(([name, value]) => [
      [
        `new CallbackFieldStore({ saveFn: ${name} })`,
        () => new CallbackFieldStore({ saveFn: value, loadFn: async () => 1 }),
        INVALID,
      ],
      [
        `new CallbackFieldStore({ loadFn: ${name} })`,
        () => new CallbackFieldStore({ saveFn: async () => {}, loadFn: value }),
        INVALID,
      ],
      ...(name === "an object"
        ? []
        : [[`new CallbackFieldStore(${name})`, () => new CallbackFieldStore(value), INVALID]]),
    ]),
  ["new CallbackFieldStore()", () => new CallbackFieldStore(), INVALID],
  ["new CallbackFieldStore({})", () => new CallbackFieldStore({}), INVALID],
  [
    "new CallbackFieldStore() with an unknown option",
    () => new CallbackFieldStore({ saveFn: () => {}, loadFn: () => {}, save: () => {} }),
    INVALID,
  ],
  ["new CallbackFieldStore(a revoked Proxy)", () => new CallbackFieldStore(revoked()), CODED],
  ["new CallbackFieldStore(a Proxy that throws)", () => new CallbackFieldStore(hostileProxy()), CODED],
  [
    "new CallbackFieldStore() with a getter that throws",
    () =>
      new CallbackFieldStore(
        Object.defineProperty({}, "saveFn", { enumerable: true, get: () => assert.fail("getter") }),
      ),
    CODED,
  ],
  [
    "callbacks that are not async",
    () =>
      inStep(async (ctx) => {
        const kept = new Map();
        const Stored = withMeta({
          storeBy: {
            count: new CallbackFieldStore({
              saveFn: (key, value) => kept.set(key, value),
              loadFn: (key) => kept.get(key),
            }),
          },
        });
        return (await saved(Object.assign(new Stored(), { count: new Map([[1, 2]]) }), ctx)).count;
      }),
    gives(new Map([[1, 2]])),
  ],
];

export default [
  ...places,
  ...keys,
  ...apart,
  ...fieldsThatFail,
  ...fieldGetters,
  ...fieldsThatLast,
  ...metas,
  ...hostileMetas,
  ...stores,
  ...settling,
  ...protos,
  ...manifests,
  ...callbacks,
];
