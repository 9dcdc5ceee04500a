// The route that the carrier calls: `POST /delivered/{id}`. It has its answer only when the store has the event; until
// then it calls again, so the same may come twice, or when the order is long at its end.

import { once } from "node:events";
import { createServer } from "node:http";

/** Serves on a free port of this machine. */
export async function startCallback(orders) {
  const server = createServer(async ({ method, url }, response) => {
    const runId = url.match(/^\/delivered\/([\w-]+)$/)?.[1];
    const status = method === "POST" && runId !== undefined ? await statusOfTelling(orders, runId) : 404;
    response.writeHead(status).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/delivered`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function statusOfTelling(orders, runId) {
  try {
    await orders.sendEvent(runId, { type: "Delivered" });
    return 204;
  } catch ({ code }) {
    if (code === "ERR_BLAZEN_RUN_ENDED") return 204;
    return code === "ERR_BLAZEN_UNKNOWN_RUN" ? 404 : 503;
  }
}
