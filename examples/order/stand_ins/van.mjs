// The van of the carrier: takes round what is in the book, and tells the shop of each delivery until it is heard.

import { setTimeout as delay } from "node:timers/promises";
import { isLostOnTheWay } from "./trades.mjs";

const ROUND_MS = 200;

/**
 * Drives until it is stopped.
 *
 * @param {object} options
 * @param {import("./book.mjs").Book} options.book
 * @param {string} options.callbackUrl followed by the id of what is delivered
 * @param {AbortSignal} options.signal
 */
export async function drive({ book, callbackUrl, signal }) {
  while (!signal.aborted) {
    for (const { id, order } of book.all("taken")) {
      if (!book.find(id, "recalled") && !book.find(id, "delivered") && !isLostOnTheWay(order))
        book.write(id, "delivered");
      if (book.find(id, "delivered") && !book.find(id, "heard")) await tell(book, id, callbackUrl, signal);
    }
    await delay(ROUND_MS, undefined, { signal }).catch(() => {});
  }
}

/** Who is not there or does not hear is told in the next round. */
async function tell(book, id, callbackUrl, signal) {
  const { ok } = await fetch(`${callbackUrl}/${id}`, { method: "POST", signal }).catch(() => ({ ok: false }));
  if (ok) book.write(id, "heard");
}
