// One of the stand-ins: the other side of service.mjs, with a book.

import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

const RETRY_AFTER_SECONDS = 1;

/**
 * Serves on a free port of this machine.
 *
 * @param {object} options
 * @param {import("./trades.mjs").Trade} options.trade
 * @param {import("./book.mjs").Book} options.book
 * @param {number} options.requestMs how long an answer takes: what is done is in the book by then
 */
export async function startStandIn({ trade, book, requestMs }) {
  const server = createServer(async (request, response) => {
    const id = request.url.slice(1);
    const answer = request.method === "PUT" ? done(trade, book, id, await json(request)) : undone(trade, book, id);
    await delay(requestMs);
    const headers = answer.status === 503 ? { "retry-after": RETRY_AFTER_SECONDS } : {};
    response.writeHead(answer.status, headers).end(answer.text);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function done({ does, undoes, isBusyToDo, refuses }, book, id, order) {
  if (book.find(id, does) && !book.find(id, undoes)) return { status: 200 };
  if (book.find(id, undoes) || book.find(id, "closed")) return { status: 410, text: "that is undone" };
  if (isBusyToDo?.(order) && !book.find(id, "was busy")) return busy(book, id);
  const reason = refuses?.(order);
  if (reason) return { status: 422, text: reason };
  book.write(id, does, { order });
  return { status: 200 };
}

function undone({ does, undoes, isBusyToUndo }, book, id) {
  if (book.find(id, undoes) || book.find(id, "closed")) return { status: 200 };
  if (book.find(id, "delivered")) return { status: 409, text: "it is delivered" };
  const entry = book.find(id, does);
  if (entry && isBusyToUndo?.(entry.order) && !book.find(id, "was busy")) return busy(book, id);
  book.write(id, entry ? undoes : "closed");
  return { status: 200 };
}

function busy(book, id) {
  book.write(id, "was busy");
  return { status: 503, text: "not now" };
}
