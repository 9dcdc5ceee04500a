// Events from outside, and what goes out when they do not come: what compiles, and what must not.

import { type InputRequestEvent, Workflow } from "blazen";

interface Events {
  "blazen::StartEvent": { order: number };
  "blazen::StopEvent": { result: number };
  Paid: { amount: number };
  PaymentLate: { expected: string };
  Unanswered: { request: InputRequestEvent };
}

const orders = new Workflow<Events>("orders");
orders.addStep("charge", ["blazen::StartEvent"], async (_event, ctx) => {
  await ctx.expectEvent("Paid");
  await ctx.expectEvent("Paid", { expiresMs: 5, onExpire: "PaymentLate" });
  // @ts-expect-error no such event
  await ctx.expectEvent("Payed");
  // @ts-expect-error only the engine emits it
  await ctx.expectEvent("blazen::StartEvent");
  // @ts-expect-error it cannot tell what was expected
  await ctx.expectEvent("Paid", { expiresMs: 5, onExpire: "Paid" });
  // @ts-expect-error no such option
  await ctx.expectEvent("Paid", { expires: 5 });
  return { type: "blazen::InputRequestEvent", prompt: "?", expiresMs: 5, onExpire: "Unanswered" };
});

const runId = "";
const isReceived: boolean = await orders.sendEvent(runId, { type: "Paid", amount: 3 });
await orders.sendEvent(runId, { type: "Paid", amount: 3 }, { unexpected: "deliver" });
// @ts-expect-error the amount is missing
await orders.sendEvent(runId, { type: "Paid" });
// @ts-expect-error no such event
await orders.sendEvent(runId, { type: "Payed", amount: 3 });
// @ts-expect-error only a handler ends a run
await orders.sendEvent(runId, { type: "blazen::StopEvent", result: 3 });
// @ts-expect-error there are two ways
await orders.sendEvent(runId, { type: "Paid", amount: 3 }, { unexpected: "drop" });
await orders.respondToInput(runId, "q", isReceived);
const handler = await orders.attach(runId);
await handler.sendEvent({ type: "Paid", amount: 3 });

const free = new Workflow("free");
free.addStep("expect", ["A"], (_event, ctx) => ctx.expectEvent("B", { expiresMs: 1, onExpire: "C" }));
await free.sendEvent(runId, { type: "B", n: 1 });
