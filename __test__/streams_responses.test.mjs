// The stream of a run as server-sent events: the format, clients that come back, and servers of either kind.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { pipeline, Readable } from "node:stream";
import { test } from "node:test";
import { Workflow } from "blazen";

const START = "blazen::StartEvent";
const stop = (result) => ({ type: "blazen::StopEvent", result });

/** Writes the events, and then waits for an answer. */
async function writing(...events) {
  const asked = resolvers();
  const handler = await new Workflow("writing")
    .addStep("write", [START], async (_event, ctx) => {
      for (const event of events) await ctx.writeEventToStream(event);
      return { type: "blazen::InputRequestEvent", request_id: "r" };
    })
    .addStep("hear", ["blazen::InputResponseEvent"], ({ response }) => {
      if (response === "fail") throw new Error("secret");
      return stop(response);
    })
    .runWithHandler();
  await handler.streamEvents(({ type }) => type === "blazen::InputRequestEvent" && asked.resolve());
  await asked.promise;
  return handler;
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

async function ended(...events) {
  const handler = await writing(...events);
  await handler.respondToInput("r", 1);
  await handler.result();
  return handler;
}

/** Reads what a response sends as `EventSource` does, by the rules of the HTML standard. */
async function* eventsOf(response) {
  let id = "";
  let [type, data] = ["", []];
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split(/\r\n|\n|\r/);
    text = lines.pop();
    for (const line of lines) {
      const [, field, value] = line.match(/^([^:]*)(?:: ?(.*))?$/s);
      if (line === "") {
        if (data.length > 0) yield { id, type: type || "message", data: data.join("\n") };
        [type, data] = ["", []];
      } else if (field === "data") data.push(value);
      else if (field === "event") type = value;
      else if (field === "id") id = value;
    }
  }
}

const all = async (response) => {
  const seen = [];
  for await (const event of eventsOf(response)) seen.push(event);
  return seen;
};

test("an event has its offset as id, its type and its JSON; the end of the run is the last", async () => {
  const response = await (await ended({ type: "A", text: "one\ntwo\u2028" })).toResponse();
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("x-accel-buffering"), "no");
  assert.deepEqual(await all(response), [
    { id: "0", type: "A", data: JSON.stringify({ type: "A", text: "one\ntwo\u2028" }) },
    { id: "1", type: "blazen::InputRequestEvent", data: '{"type":"blazen::InputRequestEvent","request_id":"r"}' },
    { id: "2", type: "blazen::end", data: '{"type":"blazen::end","status":"completed"}' },
  ]);
});

test("how the run has ended is told, and nothing of what it has failed with but the code", async () => {
  const failing = await writing();
  await failing.respondToInput("r", "fail");
  await assert.rejects(failing.result());
  const cancelled = await writing();
  await cancelled.abort("secret");
  for (const [handler, status, code] of [
    [failing, "failed", "ERR_BLAZEN_STEP_FAILED"],
    [cancelled, "cancelled", "ERR_BLAZEN_ABORTED"],
  ]) {
    const { data } = (await all(await handler.toResponse())).at(-1);
    assert.deepEqual(JSON.parse(data), { type: "blazen::end", status, code });
  }
});

test("a type cannot break the format", async () => {
  const types = ["a\nb", "a\r\nid: 7", ": x", "data: y\n\n"];
  const response = await (await ended(...types.map((type) => ({ type })))).toResponse();
  const seen = (await all(response)).slice(0, types.length);
  assert.deepEqual(
    seen.map(({ id, type }) => [id, type]),
    [
      ["0", "a b"],
      ["1", "a  id: 7"],
      ["2", ": x"],
      ["3", "data: y  "],
    ],
  );
  assert.deepEqual(
    seen.map(({ data }) => JSON.parse(data).type),
    types,
  );
});

test("a client goes on after the event that it has had, however its server gives the request", async () => {
  const handler = await ended({ type: "A" }, { type: "B" });
  for (const options of [
    { lastEventId: "0" },
    { lastEventId: 0, from: 2 },
    { request: { headers: { "last-event-id": "0" } } },
    { request: new Request("http://localhost/", { headers: { "Last-Event-ID": "0" } }) },
    { request: { headers: {} }, from: 1 },
    { lastEventId: null, from: 1 },
    { request: new Request("http://localhost/"), from: 1 },
  ]) {
    const types = (await all(await handler.toResponse(options))).map(({ type }) => type);
    assert.deepEqual(types, ["B", "blazen::InputRequestEvent", "blazen::end"]);
  }
  assert.deepEqual(
    (await all(await handler.toResponse({ lastEventId: "2" }))).map(({ type }) => type),
    ["blazen::end"],
  );
  const response = await handler.toResponse({ lastEventId: "3" });
  assert.equal(response.status, 204, "a client that has had the end is told to stop");
  assert.equal(response.body, null);
  await assert.rejects(handler.toResponse({ lastEventId: "4" }), { code: "ERR_BLAZEN_INVALID_ARGUMENT" });
});

test("headers and status can be given", async () => {
  const handler = await ended();
  const response = await handler.toResponse({
    init: { status: 202, headers: { "x-a": "1", "x-b": "1" } },
    headers: { "x-b": "2", "cache-control": "no-cache" },
  });
  assert.equal(response.status, 202);
  const headers = ["x-a", "x-b", "cache-control", "x-accel-buffering"].map((name) => response.headers.get(name));
  assert.deepEqual(headers, ["1", "2", "no-cache", "no"]);
});

test("an event that JSON cannot hold fails the response that would send it, and the run goes on", async () => {
  const handler = await writing({ type: "A" }, { type: "B", when: 5n });
  const seen = [];
  await assert.rejects(
    async () => {
      for await (const event of eventsOf(await handler.toResponse())) seen.push(event.type);
    },
    { code: "ERR_BLAZEN_NOT_SERIALIZABLE", path: ".when" },
  );
  assert.deepEqual(seen, ["A"]);
  await handler.respondToInput("r", 1);
  assert.equal((await handler.result()).data, 1);
});

test("while nothing happens comments are sent to whoever reads, and the events after them", async (t) => {
  const awake = setInterval(() => {}, 1_000); // the comments hold nothing
  t.after(() => clearInterval(awake));
  const handler = await writing();
  const reader = (await handler.toResponse({ keepAliveMs: 2, from: 1 })).body.getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  assert.equal(await read(), ": begun\n\n");
  for (let time = 0; time < 3; time += 1) assert.equal(await read(), ": still there\n\n");
  await handler.respondToInput("r", 1);
  let last = "";
  for (let text = await read(); text !== ""; text = await read()) last = text;
  assert.match(last, /^id: 1\nevent: blazen::end\n/);
});

test("a client of a real server is cut off, comes back, and misses nothing", async (t) => {
  const handler = await writing({ type: "A" }, { type: "B" });
  const server = createServer(async (request, answer) => {
    const response = await handler.toResponse({ request, keepAliveMs: 5 });
    answer.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) answer.end();
    else pipeline(Readable.fromWeb(response.body), answer, () => {});
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${server.address().port}/`;

  const seen = [];
  let status;
  for (let headers = {}; status !== 204; headers = { "last-event-id": seen.at(-1).id }) {
    const client = new AbortController();
    const response = await fetch(url, { headers, signal: client.signal });
    status = response.status;
    if (status === 204) break;
    for await (const event of eventsOf(response)) {
      seen.push(event);
      if (event.type === "blazen::InputRequestEvent") await handler.respondToInput("r", 1);
      if (event.type !== "blazen::end") break;
    }
    client.abort();
  }
  assert.deepEqual(
    seen.map(({ id, type }) => [id, type]),
    [
      ["0", "A"],
      ["1", "B"],
      ["2", "blazen::InputRequestEvent"],
      ["3", "blazen::end"],
    ],
  );
});
