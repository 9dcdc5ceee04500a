// A workflow whose events follow from its schemas: what compiles, and what must not.

import { type } from "arktype";
import {
  type Context,
  type EmittedFrom,
  type EventsFrom,
  type RunResult,
  type SchemaError,
  type SchemaIssue,
  type StandardSchemaV1,
  Workflow,
  type WorkflowOptions,
} from "blazen";
import * as v from "valibot";
import { z } from "zod";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the two types are one. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ["these types differ"]): void {}

const date = v.pipe(
  v.string(),
  v.transform((text) => new Date(text)),
);
const schemas = {
  "blazen::StartEvent": z.object({ order: z.number(), note: z.string().default("none") }),
  "blazen::StopEvent": z.object({ result: z.object({ receipt: z.string() }) }),
  "blazen::InputResponseEvent": z.object({ response: z.boolean() }),
  Charged: v.object({ receipt: v.string(), at: date }),
  Declined: type({ reason: "string" }),
};

// Neither written out.
const orders = new Workflow("orders", { schemas });

orders.addStep("charge", ["blazen::StartEvent"], async (event, ctx) => {
  same<typeof event.order, number>();
  same<typeof event.note, string>();
  await ctx.sendEvent({ type: "Declined", reason: "nothing to pay" });
  // @ts-expect-error a field is missing
  await ctx.sendEvent({ type: "Declined" });
  return { type: "Charged", receipt: "r", at: "2026-01-01" };
});
orders.addStep(
  "either",
  ["Charged", "Declined"],
  async (event) => {
    if (event.type === "Charged") {
      same<typeof event.at, Date>();
      return { type: "blazen::StopEvent", result: { receipt: event.receipt } };
    }
    same<typeof event.reason, string>();
    return { type: "blazen::InputRequestEvent", prompt: event.reason };
  },
  { emits: ["blazen::StopEvent", "blazen::InputRequestEvent"] },
);
orders.addStep("hear", ["blazen::InputResponseEvent"], async (event) => {
  same<typeof event.response, boolean>();
  same<typeof event.request_id, string>();
});
// @ts-expect-error no such event
orders.addStep("none", ["Shipped"], async () => null);
// @ts-expect-error no such event to emit
orders.addStep("none", ["Charged"], async () => null, { emits: ["Shipped"] });
// @ts-expect-error what the schema gives is not what it takes
orders.addStep("none", ["Charged"], async () => ({ type: "Charged", receipt: "r", at: new Date() }));

const result = await orders.run({ order: 1 });
same<typeof result, RunResult<{ receipt: string }>>();
// @ts-expect-error the input is wrong
await orders.run({ order: "1" });
// @ts-expect-error the input is missing
await orders.run();

Workflow.builder("orders", { schemas })
  .addStep("charge", ["blazen::StartEvent"], async ({ note }) => ({ type: "Declined", reason: note }))
  .build();

// Written out, to declare the state beside.
interface State {
  total: number;
}
const both = new Workflow<EventsFrom<typeof schemas>, State, EmittedFrom<typeof schemas>>("orders", { schemas });
both.addStep("charge", ["Charged"], async (event, ctx) => {
  same<typeof event.at, Date>();
  await ctx.set("total", 5);
  return { type: "Charged", receipt: "r", at: "2026-01-01" };
});
export function works(ctx: Context<EventsFrom<typeof schemas>, State, EmittedFrom<typeof schemas>>): Promise<unknown> {
  return ctx.get("total");
}

// Declared events: some may have a schema, which gives what is declared.
interface Events {
  Charged: { receipt: string; copies: number };
  Shipped: { to: string };
}
new Workflow<Events>("orders", {
  schemas: { Charged: z.object({ receipt: z.string(), copies: z.number().default(1) }) },
}).addStep("ship", ["Charged", "Shipped"], async (event) => {
  if (event.type === "Charged") same<typeof event.copies, number>();
});
// @ts-expect-error the schema gives something else
new Workflow<Events>("orders", { schemas: { Charged: z.object({ receipt: z.number(), copies: z.number() }) } });
// @ts-expect-error there is no such event
new Workflow<Events>("orders", { schemas: { Other: z.object({}) } });
// @ts-expect-error an event is an object
new Workflow("orders", { schemas: { Charged: z.string() } });
// @ts-expect-error no schema
new Workflow("orders", { schemas: { Charged: { id: "number" } } });

// Options that are made elsewhere.
const options: WorkflowOptions = { timeout: 5, schemas: { Charged: schemas.Charged } };
new Workflow("orders", options).addStep("any", ["Anything"], async (event) => event.whatever);

// A schema of one's own.
const even: StandardSchemaV1<{ n: number }> = {
  "~standard": {
    version: 1,
    vendor: "here",
    validate: (value) => {
      const { n } = value as { n: number };
      return n % 2 === 0 ? { value: { n } } : { issues: [{ message: "odd", path: ["n", { key: 0 }] }] };
    },
  },
};
new Workflow("numbers", { schemas: { Number: even } }).addStep("half", ["Number"], async ({ n }) => {
  same<typeof n, number>();
});

export function told(error: SchemaError): string {
  const issues: readonly SchemaIssue[] = error.issues;
  return [error.eventType, ...issues.map(({ message, path }) => `${path.join(".")}: ${message}`)].join();
}
