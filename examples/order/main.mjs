// The shop at a terminal: goes on with the orders that a crash has left, takes the others, tells what happens to each, and
// cancels those whose number is typed. What happens to an order is in workflow.mjs.

import { createInterface } from "node:readline";
import { BlazenError, SqliteStore } from "blazen";
import { readArguments, USAGE, UsageError } from "./arguments.mjs";
import { startCallback } from "./callback.mjs";
import { SAMPLE_ORDERS } from "./sample_orders.mjs";
import { Service } from "./service.mjs";
import { openTown } from "./stand_ins/town.mjs";
import { cancelOrder, orderWorkflow } from "./workflow.mjs";

const DONE = { reserve: "reserved", charge: "charged", ship: "with the carrier" };
const UNDONE = { reserve: "released", charge: "refunded", ship: "recalled" };

async function main() {
  const { help, patienceMs, requestMs } = readArguments(process.argv.slice(2));
  if (help) {
    console.log(USAGE);
    return;
  }
  const store = SqliteStore.open("order.db");
  const town = await openTown({ folder: "order-books", requestMs });
  const [warehouse, bank, carrier, post] = ["warehouse", "bank", "carrier", "post"].map(
    (name) => new Service({ name, url: town.urlOf(name) }),
  );
  const orders = orderWorkflow({ warehouse, bank, carrier, post, patienceMs, store });
  const callback = await startCallback(orders);
  let keyboard;
  try {
    const unfinished = await orders.recover();
    if (unfinished.length > 0) console.log(`Going on with ${unfinished.length} orders.`);
    keyboard = createInterface({ input: process.stdin });
    keyboard.on("line", (line) => cancel(line.trim(), orders, carrier));
    town.deliver(callback.url);
    await Promise.all(SAMPLE_ORDERS.map((order) => placed(order, orders)));
  } finally {
    keyboard?.close();
    callback.close();
    await town.close();
    await store.close();
  }
}

/** From the beginning of an order to its end, wherever it is between them. */
async function placed(order, orders) {
  const { id, ...fields } = order;
  const run = await orders.runWithHandler({ order: fields }, { runId: id, lifecycle: true });
  for await (const event of run.stream({ lifecycle: true })) tell(order, event);
  try {
    await run.result();
    say(order, "delivered and confirmed");
  } catch (error) {
    if (!(error instanceof BlazenError)) throw error;
    say(order, `is off: ${error.cause?.message ?? error.cause ?? error.message}`);
    for (const { step, error: left } of error.compensationErrors ?? []) {
      say(order, `somebody must undo ${step}: ${left.message}`);
    }
  }
}

function tell(order, { type, step, error }) {
  if (type === "blazen::step.completed" && step in DONE) say(order, DONE[step]);
  if (type === "blazen::compensation.completed" && step in UNDONE) say(order, UNDONE[step]);
  if (type.endsWith(".retrying")) say(order, `${error.message}; there will be another attempt`);
}

async function cancel(typed, orders, carrier) {
  const order = SAMPLE_ORDERS.find(({ number }) => String(number) === typed);
  if (order === undefined) {
    console.log(`There is no order ${JSON.stringify(typed)}.`);
    return;
  }
  try {
    const isCancelled = await cancelOrder({
      orders,
      carrier,
      runId: order.id,
      reason: "the customer has cancelled it",
    });
    if (!isCancelled) say(order, "it is too late to cancel it");
  } catch (error) {
    say(order, `cannot be cancelled now: ${error.message}`);
  }
}

function say({ number }, text) {
  console.log(`order ${number}: ${text}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof BlazenError)) throw error;
  console.error(`order: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
