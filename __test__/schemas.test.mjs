// Events that must be what a schema says, wherever they come from.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type } from "arktype";
import { MemoryStore, Workflow } from "blazen";
import * as v from "valibot";
import { z } from "zod";
import {
  charging,
  pausedOnTheWay,
  REQUEST,
  RESPONSE,
  refused,
  START,
  STOP,
  schemaOf,
  stop,
} from "./schemas/harness.mjs";

const libraries = {
  zod: {
    number: z.object({ id: z.number(), copies: z.number().default(1) }),
    strict: z.strictObject({ id: z.number() }),
  },
  valibot: {
    number: v.object({ id: v.number(), copies: v.optional(v.number(), 1) }),
    strict: v.strictObject({ id: v.number() }),
  },
  arktype: { number: type({ id: "number", copies: "number = 1" }), strict: type({ "+": "reject", id: "number" }) },
};

for (const [library, { number, strict }] of Object.entries(libraries)) {
  describe(`with ${library}`, () => {
    test("what the schema gives is what travels, under its type", async () => {
      const workflow = charging({ Charged: number }, async () => ({ type: "Charged", id: 5 }));
      assert.deepEqual((await workflow.run()).data, { type: "Charged", id: 5, copies: 1 });
    });

    test("an event that it does not take fails the run, with the schema's words and path", async () => {
      const workflow = charging({ Charged: number }, async () => ({ type: "Charged", id: "five" }));
      await assert.rejects(
        workflow.run(),
        refused(
          "Charged",
          [["id"]],
          /^step "charge" returned a "Charged" that its schema does not take: \.id: .*number/,
        ),
      );
    });

    test("a strict schema need not name the type", async () => {
      const workflow = charging({ Charged: strict }, async () => ({ type: "Charged", id: 5 }));
      assert.deepEqual((await workflow.run()).data, { type: "Charged", id: 5 });
    });

    test("a strict schema refuses other fields", async () => {
      const workflow = charging({ Charged: strict }, async () => ({ type: "Charged", id: 5, more: 1 }));
      await assert.rejects(workflow.run(), { code: "ERR_BLAZEN_SCHEMA" });
    });
  });
}

const stores = {
  "in memory": () => ({}),
  "with a store": () => ({ store: new MemoryStore() }),
  "with a store, asynchronously": () => ({ store: new MemoryStore(), durability: "async" }),
  "with a store that is written at the end": () => ({ store: new MemoryStore(), durability: "exit" }),
};
const charged = { Charged: z.object({ id: z.number(), copies: z.number().default(1) }) };

for (const [where, options] of Object.entries(stores)) {
  describe(where, () => {
    test("an array is taken whole or not at all", async () => {
      let calls = 0;
      const workflow = new Workflow("orders", { schemas: charged, ...options() })
        .addStep("charge", [START], async () => [{ type: "Other" }, { type: "Charged", id: 1 }, { type: "Charged" }])
        .addStep("other", ["Other", "Charged"], async () => {
          calls += 1;
        });
      await assert.rejects(workflow.run(), refused("Charged", [["id"]]));
      assert.equal(calls, 0);
    });

    test("each event of an array travels as its schema gives it", async () => {
      const seen = [];
      const workflow = new Workflow("orders", { schemas: charged, ...options() })
        .addStep("charge", [START], async () => [{ type: "Charged", id: 1 }, { type: "Last" }])
        .addStep("see", ["Charged"], async (event) => void seen.push(event))
        .addStep("end", ["Last"], async () => stop(seen));
      assert.deepEqual((await workflow.run()).data, [{ type: "Charged", id: 1, copies: 1 }]);
    });

    test("sendEvent rejects, and the handler may go on with another event", async () => {
      const workflow = charging(
        charged,
        async (_event, ctx) => {
          await assert.rejects(
            ctx.sendEvent({ type: "Charged" }),
            refused("Charged", [["id"]], /^sendEvent\(\) was given a "Charged"/),
          );
          await ctx.sendEvent({ type: "Charged", id: 2 });
        },
        options(),
      );
      assert.deepEqual((await workflow.run()).data, { type: "Charged", id: 2, copies: 1 });
    });

    test("a rejected sendEvent that is not caught is the cause of the run's failure", async () => {
      const workflow = charging(charged, (_event, ctx) => ctx.sendEvent({ type: "Charged" }), options());
      await assert.rejects(workflow.run(), ({ code, step, cause }) => {
        assert.deepEqual([code, step], ["ERR_BLAZEN_STEP_FAILED", "charge"]);
        return cause.code === "ERR_BLAZEN_SCHEMA";
      });
    });

    test("the input is what the schema of the start event gives, or no run begins", async () => {
      let runs = 0;
      const own = options();
      const schemas = { [START]: z.strictObject({ order: z.number(), note: z.string().default("none") }) };
      const workflow = new Workflow("orders", { schemas, ...own }).addStep("only", [START], async (event) => {
        runs += 1;
        return stop(event);
      });
      assert.deepEqual((await workflow.run({ order: 1 })).data, { type: START, order: 1, note: "none" });
      const isRefused = refused(START, [["order"]], /^the run was given a "blazen::StartEvent" that its schema/);
      await assert.rejects(workflow.run({ order: "1" }), isRefused);
      await assert.rejects(workflow.runWithHandler({}), isRefused);
      await assert.rejects(
        workflow.runStreaming({}, () => {}),
        isRefused,
      );
      await assert.rejects(workflow.runWithHandler({}, { runId: "0190b7a4-0e8c-7cc3-98c4-dc0c0c07398f" }), isRefused);
      assert.equal(runs, 1);
      assert.equal((await own.store?.runs())?.runs.length ?? 1, 1);
    });

    test("the result is what the schema of the stop event gives", async () => {
      const schemas = { [STOP]: z.object({ result: z.string().transform(Number) }) };
      const workflow = new Workflow("orders", { schemas, ...options() }).addStep("only", [START], async ({ data }) =>
        stop(data),
      );
      assert.equal((await workflow.run("42")).data, 42);
      await assert.rejects(workflow.run(42), refused(STOP, [["result"]]));
    });

    test("an answer that the schema does not take leaves the question open", async () => {
      const schemas = {
        [REQUEST]: z.object({ prompt: z.string().default("Pay?") }),
        [RESPONSE]: z.object({ response: z.boolean() }),
      };
      const workflow = new Workflow("approval", { schemas, ...options() })
        .addStep("ask", [START], async () => ({ type: REQUEST, request_id: "pay" }))
        .addStep("hear", [RESPONSE], async (event) => stop(event));
      const handler = await workflow.runWithHandler();
      const asked = await new Promise((resolve) => handler.streamEvents(resolve));
      assert.deepEqual(asked, { type: REQUEST, request_id: "pay", prompt: "Pay?" });
      await assert.rejects(
        handler.respondToInput("pay", "yes"),
        refused(RESPONSE, [["response"]], /^respondToInput\(\) was given a "blazen::InputResponseEvent"/),
      );
      await handler.respondToInput("pay", true);
      assert.deepEqual((await handler.result()).data, { type: RESPONSE, request_id: "pay", response: true });
    });

    test("a request without an id gets one, which its schema does not see", async () => {
      const schemas = { [REQUEST]: z.strictObject({ prompt: z.string() }) };
      const workflow = new Workflow("approval", { schemas, ...options() })
        .addStep("ask", [START], async () => ({ type: REQUEST, prompt: "Pay?" }))
        .addStep("hear", [RESPONSE], async ({ response }) => stop(response));
      const handler = await workflow.runWithHandler();
      await handler.streamEvents(({ request_id }) => handler.respondToInput(request_id, 5));
      assert.equal((await handler.result()).data, 5);
    });

    test("events of a snapshot are not validated again", async () => {
      let validated = 0;
      const counting = schemaOf((value) => {
        validated += 1;
        return { value: { count: value.count + 1 } };
      });
      const { handler, snapshot } = await pausedOnTheWay(
        { Charged: counting },
        { type: "Charged", count: 0 },
        options(),
      );
      assert.equal(validated, 1);
      await handler.abort();
      const elsewhere = charging({ Charged: counting }, async () => null, options());
      const resumed = await elsewhere.resume(snapshot);
      assert.deepEqual((await resumed.result()).data, { type: "Charged", count: 1 });
      assert.equal(validated, 1);
    });

    test("the workflow learns what was emitted under a schema", async () => {
      const workflow = charging(charged, async () => ({ type: "Charged", id: 1 }), options());
      await workflow.run();
      assert.deepEqual(
        workflow.graph().edges.filter(({ source }) => source === "observed"),
        [
          { from: "charge", to: "end", event: "Charged", source: "observed" },
          { from: "end", to: STOP, event: STOP, source: "observed" },
        ],
      );
    });
  });
}

test("events of a stored run are not validated again when it is taken up", async () => {
  let validated = 0;
  const counting = schemaOf((value) => {
    validated += 1;
    return { value };
  });
  const store = new MemoryStore();
  const { handler, workflow } = await pausedOnTheWay({ Charged: counting }, { type: "Charged", id: 1 }, { store });
  const resumed = await workflow.resume(handler.runId);
  assert.deepEqual((await resumed.result()).data, { type: "Charged", id: 1 });
  assert.equal(validated, 1);
});

test("the failure of a stored run has its issues when it is read back", async () => {
  const store = new MemoryStore();
  const workflow = charging(charged, async () => ({ type: "Charged" }), { store });
  const handler = await workflow.runWithHandler();
  await assert.rejects(handler.result(), refused("Charged", [["id"]]));
  const again = await workflow.attach(handler.runId);
  await assert.rejects(again.result(), refused("Charged", [["id"]], /that its schema does not take: \.id: /));
});

test("an input is not looked at where the run has begun already", async () => {
  const runId = "0190b7a4-0e8c-7cc3-98c4-dc0c0c07398f";
  const schemas = { [START]: z.object({ order: z.number() }) };
  const workflow = new Workflow("orders", { schemas, store: new MemoryStore() }).addStep(
    "only",
    [START],
    async (event) => stop(event.order),
  );
  assert.equal((await workflow.run({ order: 1 }, { runId })).data, 1);
  assert.equal((await workflow.run({ order: "wrong" }, { runId })).data, 1);
});

test("a type that no step accepts is validated, and then accepted by nobody", async () => {
  const schemas = { Lost: z.object({ id: z.number() }) };
  const workflow = new Workflow("orders", { schemas }).addStep("only", [START], async ({ id }) => ({
    type: "Lost",
    id,
  }));
  await assert.rejects(workflow.run({ id: "1" }), { code: "ERR_BLAZEN_SCHEMA" });
  await assert.rejects(workflow.run({ id: 1 }), { code: "ERR_BLAZEN_UNROUTED_EVENT" });
});

test("a step that is added after a run is held to the schemas as well", async () => {
  const workflow = charging(charged, async () => [{ type: "Charged", id: 1 }]);
  assert.equal((await workflow.run()).data.id, 1);
  workflow.addStep("wrong", [START], async () => ({ type: "Charged" }));
  await assert.rejects(workflow.run(), refused("Charged", [["id"]], /^step "wrong"/));
});

test("an event without a schema travels by reference, beside those that have one", async () => {
  const given = { type: "Free", made: new Map() };
  const workflow = new Workflow("orders", { schemas: charged })
    .addStep("begin", [START], async () => given)
    .addStep("end", ["Free"], async (event) => stop(event === given));
  assert.equal((await workflow.run()).data, true);
});

test("a builder takes schemas", async () => {
  const workflow = Workflow.builder("orders", { schemas: charged })
    .addStep("charge", [START], async () => ({ type: "Charged" }))
    .build();
  await assert.rejects(workflow.run(), { code: "ERR_BLAZEN_SCHEMA" });
});

test("a schema can make an instance of it, and cannot change the type", async () => {
  class Charge {
    constructor(id) {
      this.id = id;
    }
    get double() {
      return this.id * 2;
    }
  }
  const workflow = charging(
    { Charged: z.object({ id: z.number() }).transform(({ id }) => new Charge(id)) },
    async () => ({ type: "Charged", id: 4 }),
  );
  const { data } = await workflow.run();
  assert.ok(data instanceof Charge);
  assert.deepEqual([data.type, data.double], ["Charged", 8]);

  const renaming = charging({ Charged: schemaOf(() => ({ value: { type: STOP, id: 1 } })) }, async () => ({
    type: "Charged",
  }));
  assert.deepEqual((await renaming.run()).data, { type: "Charged", id: 1 });
});

test("the event that a handler returned stays as it was", async () => {
  const given = Object.freeze({ type: "Charged", id: 1, more: Object.freeze({ deep: 1 }) });
  await charging(charged, async () => given).run();
  assert.deepEqual(given, { type: "Charged", id: 1, more: { deep: 1 } });
});
