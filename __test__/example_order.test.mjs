// The shop of the examples, as its customers and those who work for it meet it: what their books say, whatever is typed and
// whenever it is killed.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { NonRetryableError, SqliteStore } from "blazen";
import { startCallback } from "../examples/order/callback.mjs";
import { SAMPLE_ORDERS } from "../examples/order/sample_orders.mjs";
import { Service } from "../examples/order/service.mjs";
import { openTown } from "../examples/order/stand_ins/town.mjs";
import { orderWorkflow } from "../examples/order/workflow.mjs";
import { emptyDirectory, exampleProgram, refusesInOneLine, test } from "./examples/program.mjs";

const shop = exampleProgram("order");
const BOOKS = ["bank", "carrier", "post", "warehouse"];

function bookIn(cwd, name) {
  const path = join(cwd, "order-books", `${name}.ndjson`);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8").trim().split("\n").filter(Boolean).map(JSON.parse);
}

/** What has been done to an order in the end, by all the books. */
function deedsOf(cwd, { id }) {
  const noise = new Set(["was busy", "heard", "closed"]);
  const deeds = BOOKS.flatMap((name) => bookIn(cwd, name).filter((entry) => entry.id === id && !noise.has(entry.did)));
  return deeds.map(({ did }) => did).sort();
}

const FULFILLED = ["charged", "delivered", "reserved", "sent", "taken"];
const UNDOES = { released: "reserved", refunded: "charged", recalled: "taken" };

/** Fulfilled, each thing done once; or each thing that was done is undone, once. */
function assertFulfilledOrUndone(cwd, order) {
  const deeds = deedsOf(cwd, order);
  if (deeds.includes("delivered")) {
    assert.deepEqual(deeds, FULFILLED, `order ${order.number}`);
    return true;
  }
  const undone = deeds.filter((did) => did in UNDOES);
  const done = deeds.filter((did) => !(did in UNDOES));
  assert.deepEqual(undone.map((did) => UNDOES[did]).sort(), done, `order ${order.number}: ${deeds}`);
  return false;
}

const fulfilledIn = (cwd) =>
  SAMPLE_ORDERS.filter((order) => assertFulfilledOrUndone(cwd, order)).map(({ number }) => number);

/** When a book has an entry of that kind, the process being told of it only later. */
async function written(cwd, name, did, number) {
  const folder = join(cwd, "order-books");
  mkdirSync(folder, { recursive: true });
  const isThere = () => bookIn(cwd, name).some((entry) => entry.did === did && (!number || idOf(number) === entry.id));
  await new Promise((resolve) => {
    const watcher = watch(folder, look);
    look();
    function look() {
      if (!isThere()) return;
      watcher.close();
      resolve();
    }
  });
}

/** What would keep this process, last first: also when a test fails. */
const open = [];
after(async () => {
  while (open.length > 0) await open.pop()();
});

const idOf = (number) => SAMPLE_ORDERS.find((order) => order.number === number).id;

test("orders are delivered and confirmed, or undone; who is busy is asked again, and who refuses is not", async () => {
  const cwd = emptyDirectory();
  const { code, output } = await shop.piped(cwd, "--patience-ms=4000", "--request-ms=0").ended();
  assert.equal(code, 0, output);
  assert.deepEqual(fulfilledIn(cwd), [1, 2, 6, 8]);
  assert.match(output, /^order 2: the bank says: not now \(503\); there will be another attempt$/m);
  assert.match(output, /^order 3: is off: it was not delivered in time$/m);
  assert.match(output, /^order 4: is off: the warehouse says: unicorns are out of stock \(422\)$/m);
  assert.match(output, /^order 7: is off: the bank says: the card is declined \(422\)$/m);
  const five = output.split("\n").filter((line) => line.startsWith("order 5: "));
  assert.deepEqual(five, [
    "order 5: reserved",
    "order 5: charged",
    "order 5: the bank says: not now (503); there will be another attempt",
    "order 5: refunded",
    "order 5: released",
    "order 5: is off: the carrier says: nobody goes to Atlantis (422)",
  ]);
  assert.deepEqual(deedsOf(cwd, SAMPLE_ORDERS[2]), [
    "charged",
    "recalled",
    "refunded",
    "released",
    "reserved",
    "taken",
  ]);
  assert.deepEqual(readdirSync(cwd), ["order-books", "order.db", "order.db-lock"]);

  const before = BOOKS.map((name) => bookIn(cwd, name));
  const again = await shop.piped(cwd).ended();
  assert.equal(again.code, 0, again.output);
  assert.match(again.output, /^order 8: delivered and confirmed$/m);
  assert.deepEqual(
    BOOKS.map((name) => bookIn(cwd, name)),
    before,
    "orders that are sent again are the same orders",
  );
});

test("an order is cancelled while it is on its way, and not any more when it is delivered", async () => {
  const cwd = emptyDirectory();
  const program = shop.piped(cwd, "--patience-ms=60000", "--request-ms=0");
  await program.wrote(/^order 1: delivered and confirmed$/m);
  program.type("1\n99\n");
  await program.wrote(/^order 1: it is too late to cancel it$/m);
  await program.wrote(/^order 3: with the carrier$/m);
  program.type("3\n");
  const { code, output } = await program.ended();
  assert.equal(code, 0, output);
  assert.match(output, /^There is no order "99"\.$/m);
  assert.match(output, /^order 3: is off: the customer has cancelled it$/m);
  assert.deepEqual(fulfilledIn(cwd), [1, 2, 6, 8]);
  assert.deepEqual(await statusOf(cwd, 3), "cancelled");
});

test("killed when something is done that the shop does not know of yet, it goes on, and nothing is done twice", async () => {
  const cwd = emptyDirectory();
  for (const [name, did, number] of [
    ["warehouse", "reserved"],
    ["bank", "charged", 1],
    ["carrier", "taken", 8],
    ["carrier", "delivered", 8],
    ["post", "sent", 8],
    ["bank", "refunded", 5],
    ["warehouse", "released", 5],
  ]) {
    const program = shop.piped(cwd, "--patience-ms=60000", "--request-ms=100");
    await written(cwd, name, did, number);
    program.kill("SIGKILL");
    await program.ended();
  }
  const program = shop.piped(cwd, "--patience-ms=60000", "--request-ms=0");
  await program.wrote(/^Going on with \d orders\.$/m);
  program.type("3\n");
  const { code, output } = await program.ended();
  assert.equal(code, 0, output);
  assert.deepEqual(fulfilledIn(cwd), [1, 2, 6, 8]);
});

test("killed when the carrier has given an order back, and before it is cancelled, it is undone all the same", async () => {
  const cwd = emptyDirectory();
  const program = shop.piped(cwd, "--request-ms=1000");
  await written(cwd, "bank", "charged", 3);
  program.type("3\n");
  await written(cwd, "carrier", "closed", 3);
  program.kill("SIGKILL");
  await program.ended();
  const { code, output } = await shop.piped(cwd, "--request-ms=0").ended();
  assert.equal(code, 0, output);
  assert.deepEqual(deedsOf(cwd, SAMPLE_ORDERS[2]), ["charged", "refunded", "released", "reserved"]);
  for (const order of SAMPLE_ORDERS) assertFulfilledOrUndone(cwd, order);
});

test("an order is cancelled while its card is charged, and nothing is left of the request that was cut short", async () => {
  const cwd = emptyDirectory();
  const { orders } = await opened(cwd, { patienceMs: 60_000, requestMs: 300 });
  const { id, ...order } = SAMPLE_ORDERS[0];
  const run = await orders.runWithHandler({ order }, { runId: id });
  await written(cwd, "bank", "charged");
  assert.equal(await orders.cancel(id, "a change of mind"), true);
  await assert.rejects(run.result(), { code: "ERR_BLAZEN_ABORTED", cause: "a change of mind" });
  assert.deepEqual(deedsOf(cwd, SAMPLE_ORDERS[0]), ["charged", "refunded", "released", "reserved"]);
});

test("killed time and again, each order comes to one end", async () => {
  const cwd = emptyDirectory();
  for (const seen of [/: reserved$/m, /: charged$/m, /with the carrier$/m, /released$/m, /confirmed$/m]) {
    const program = shop.piped(cwd, "--request-ms=30");
    await program.wrote(seen).catch(() => {}); // what came to its end before is not told again
    program.kill("SIGKILL");
    await program.ended();
  }
  const { code, output } = await shop.piped(cwd, "--request-ms=0").ended();
  assert.equal(code, 0, output);
  fulfilledIn(cwd);
  for (const { number } of SAMPLE_ORDERS) {
    assert.equal(
      output.match(new RegExp(`^order ${number}: (is off|delivered and confirmed)`, "gm")).length,
      1,
      output,
    );
  }
});

test("an order that is overdue while the news of its delivery is on the way is confirmed, and not refunded", async () => {
  const cwd = emptyDirectory();
  const { orders, callback } = await opened(cwd, { patienceMs: 1_000 });
  const { id, ...order } = SAMPLE_ORDERS[0];
  assert.equal((await orders.run({ order }, { runId: id })).runId, id);
  assert.deepEqual(deedsOf(cwd, SAMPLE_ORDERS[0]), FULFILLED);

  const tell = (path, method = "POST") => fetch(`${callback.url}${path}`, { method }).then(({ status }) => status);
  assert.equal(await tell(`/${id}`), 204, "news of what has ended is heard, or it would come for ever");
  assert.equal(await tell(`/${idOf(2)}`), 404);
  assert.equal(await tell("/"), 404);
  assert.equal(await tell(`/${id}`, "GET"), 404);
});

test("an error says when it is worth asking again, and whether at all", async () => {
  const cwd = emptyDirectory();
  const town = await openTown({ folder: join(cwd, "order-books"), requestMs: 0 });
  const bank = new Service({ name: "bank", url: town.urlOf("bank") });
  const { id, ...two } = SAMPLE_ORDERS[1];
  const busy = await bank.ask(id, two).catch((error) => error);
  assert.equal(busy.retryAfterMs, 1_000);
  await bank.ask(id, two);
  assert.equal(await bank.undo(id), true);
  assert.equal(await bank.undo(id), true);
  const undone = await bank.ask(id, two).catch((error) => error);
  assert.ok(undone instanceof NonRetryableError);
  assert.equal(undone.message, "the bank says: that is undone (410)");
  await town.close();
  await assert.rejects(bank.ask(id, two), /^Error: the bank cannot be reached: /);
});

test("what cannot be done is said in one line, with exit code 2", async () => {
  const cwd = emptyDirectory();
  await refusesInOneLine(shop, cwd, [
    [["--patience-ms=long"], /^order: --patience-ms takes milliseconds, and not "long"\n$/],
    [["--no-such-option"], /^order: Unknown option '--no-such-option'.*\n$/],
  ]);
  assert.deepEqual(readdirSync(cwd), []);
});

/** The shop in this process, with a carrier whose news of deliveries do not come. */
async function opened(cwd, { patienceMs, requestMs = 0 }) {
  const store = SqliteStore.open(join(cwd, "order.db"));
  const town = await openTown({ folder: join(cwd, "order-books"), requestMs });
  const services = Object.fromEntries(BOOKS.map((name) => [name, new Service({ name, url: town.urlOf(name) })]));
  const orders = orderWorkflow({ ...services, patienceMs, store });
  const callback = await startCallback(orders);
  town.deliver("http://127.0.0.1:1/nobody");
  open.push(
    () => store.close(),
    () => town.close(),
    () => callback.close(),
  );
  return { orders, callback };
}

async function statusOf(cwd, number) {
  const store = SqliteStore.open(join(cwd, "order.db"), { readOnly: true });
  const { status } = await store.run(idOf(number));
  await store.close();
  return status;
}
