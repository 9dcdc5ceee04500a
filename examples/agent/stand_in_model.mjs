// Stands in for a language model where there is none: a server that speaks the chat-completions protocol, and that can do
// one thing, which is to collect the open tasks of all notes. What it says depends on the conversation and nothing else.

import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

const PIECE_MS = 15;

/** Serves on a free port of this machine. */
export async function startStandIn() {
  const server = createServer(answerAsModel());
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {object} [options]
 * @param {number} [options.pieceMs] how long it takes to think of the next few characters
 * @returns {import("node:http").RequestListener}
 */
export function answerAsModel({ pieceMs = PIECE_MS } = {}) {
  return async (request, response) => {
    const { messages, tool_choice } = JSON.parse(await text(request));
    const message = tool_choice === "none" ? says("That is as far as I have come.") : nextMessage(messages);
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const delta of deltasOf(message)) {
      await delay(pieceMs);
      response.write(asEvent({ choices: [{ index: 0, delta, finish_reason: null }] }));
    }
    const finish_reason = message.calls.length > 0 ? "tool_calls" : "stop";
    response.write(asEvent({ choices: [{ index: 0, delta: {}, finish_reason }] }));
    response.end("data: [DONE]\n\n");
  };
}

function asEvent(chunk) {
  return `data: ${JSON.stringify({ object: "chat.completion.chunk", model: "stand-in", ...chunk })}\n\n`;
}

/** What it says next, by what it has called last and what came of that. */
function nextMessage(messages) {
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  const results = messages.slice(last + 1).map(({ content }) => content);
  switch (messages[last]?.tool_calls[0].function.name) {
    case undefined:
      return says("Let me see which notes there are.", { name: "list_notes", given: {} });
    case "list_notes":
      return readAll(results[0].split("\n").filter((name) => name !== "" && name !== "todo.md"));
    case "read_note":
      return writeDown(results.flatMap((note) => note.match(/^- \[ \] .*$/gm) ?? []));
    default:
      return says(results[0].startsWith("written") ? "Your open tasks are in todo.md." : "I have changed nothing.");
  }
}

function readAll(names) {
  if (names.length === 0) return says("There are no notes.");
  return says(`I read all ${names.length}.`, ...names.map((name) => ({ name: "read_note", given: { name } })));
}

function writeDown(tasks) {
  const given = { name: "todo.md", text: tasks.map((task) => `${task}\n`).join("") };
  return says(`I have found ${tasks.length} open tasks.`, { name: "write_note", given });
}

function says(content, ...calls) {
  return { content, calls };
}

/** The pieces in which a message is sent: text word by word, and the calls with their arguments a few characters each. */
function* deltasOf({ content, calls }) {
  yield { role: "assistant", content: "" };
  for (const word of content.match(/\S+\s*/g)) yield { content: word };
  for (const [index, { name, given }] of calls.entries()) {
    const id = `call_${name}_${index}`;
    yield { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
    for (const piece of JSON.stringify(given).match(/.{1,12}/gs)) {
      yield { tool_calls: [{ index, function: { arguments: piece } }] };
    }
  }
}
