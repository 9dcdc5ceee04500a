// An order: its goods are reserved, its card is charged, the carrier gets it, and when that says that it is delivered, the
// customer is told. Where that does not come to its end, what was done is undone, the last first.
//
//     start -> accept -> Accepted -> reserve -> Reserved -> charge -> Charged -> ship -> (the carrier) -> Delivered -> confirm -> stop
//                                                                                 |  \-> Overdue ----\      |
//                                                                                 \----> NotShipped -> recall -> undo all
//
// Each of the others is asked by the id of the run. Asked again, after a crash or a failure, they do nothing twice; and
// what is undone under an id, or was never done, cannot be done under it any more.

import { NonRetryableError, Workflow } from "blazen";

const REQUEST = { timeout: 10_000, retry: { maxAttempts: 6, initialDelayMs: 200, jitter: 0.2 } };

/** From here on there is no way back, so it is tried for as long as it takes. */
const LAST_REQUEST = { timeout: 10_000, retry: { maxAttempts: 10_000, initialDelayMs: 200, maxDelayMs: 60_000 } };

/**
 * @param {object} options
 * @param {import("./service.mjs").Service} options.warehouse
 * @param {import("./service.mjs").Service} options.bank
 * @param {import("./service.mjs").Service} options.carrier which says by `Delivered` that it has done its work
 * @param {import("./service.mjs").Service} options.post
 * @param {number} options.patienceMs how long a delivery may take, in milliseconds
 * @param {import("blazen").SqliteStore} options.store where runs are kept
 */
export function orderWorkflow({ warehouse, bank, carrier, post, patienceMs, store }) {
  return (
    new Workflow("order", { store })
      // Undone last. A request that was cut short, by a cancel or by a crash, belongs to a step that has not returned and so
      // is not undone itself, but may have reached the other side: this sees to it that nothing is left of it.
      .addStep(
        "accept",
        ["blazen::StartEvent"],
        async ({ order }, ctx) => {
          await ctx.set("order", order);
          return { type: "Accepted" };
        },
        {
          ...REQUEST,
          compensate: async (_event, ctx) => {
            await undo(bank, ctx);
            await undo(warehouse, ctx);
          },
        },
      )

      .addStep(
        "reserve",
        ["Accepted"],
        async (_event, ctx) => {
          await ask(warehouse, ctx);
          return { type: "Reserved" };
        },
        { ...REQUEST, compensate: (_event, ctx) => undo(warehouse, ctx) },
      )

      .addStep(
        "charge",
        ["Reserved"],
        async (_event, ctx) => {
          await ask(bank, ctx);
          return { type: "Charged" };
        },
        { ...REQUEST, compensate: (_event, ctx) => undo(bank, ctx) },
      )

      // The carrier may call back before the wait is opened: the event is kept for it.
      .addStep(
        "ship",
        ["Charged"],
        async (_event, ctx) => {
          await ask(carrier, ctx);
          await ctx.expectEvent("Delivered", { expiresMs: patienceMs, onExpire: "Overdue" });
        },
        { ...REQUEST, onFailure: "NotShipped", compensate: (_event, ctx) => undo(carrier, ctx) },
      )

      // Whether it is on its way after all is for the carrier to say: what it has delivered must not be refunded.
      .addStep(
        "recall",
        ["NotShipped", "Overdue"],
        async ({ error }, ctx) => {
          const isRecalled = await carrier.undo(await ctx.runId(), ctx.signal);
          if (!isRecalled) return { type: "Delivered" };
          throw new NonRetryableError(error?.message ?? "it was not delivered in time");
        },
        REQUEST,
      )

      .addStep(
        "confirm",
        ["Delivered"],
        async (_event, ctx) => {
          await ask(post, ctx);
          return { type: "blazen::StopEvent" };
        },
        LAST_REQUEST,
      )
  );
}

/**
 * Cancels an order, unless it is delivered. The carrier is asked first: what it agrees to give back it cannot deliver while
 * the money is on its way. If a crash comes in between, the order is soon overdue, and undone all the same.
 *
 * @returns {Promise<boolean>} whether it was this that ended it
 */
export async function cancelOrder({ orders, carrier, runId, reason }) {
  return (await carrier.undo(runId)) && (await orders.cancel(runId, reason));
}

async function ask(service, ctx) {
  await service.ask(await ctx.runId(), await ctx.get("order"), ctx.signal);
}

async function undo(service, ctx) {
  if (await service.undo(await ctx.runId(), ctx.signal)) return;
  throw new NonRetryableError(`the ${service.name} cannot undo it any more`);
}
