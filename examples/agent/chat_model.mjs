// A language model behind any server that speaks the chat-completions protocol, asked with streaming.

import { NonRetryableError } from "blazen";
import { dataOf } from "./server_sent_events.mjs";

/** @typedef {{ id: string, type: "function", function: { name: string, arguments: string } }} ToolCall */
/** @typedef {{ role: "assistant", content: string, tool_calls?: ToolCall[] }} Message */

export class ChatModel {
  #endpoint;
  #name;
  #headers;

  /**
   * @param {object} server
   * @param {string} server.url up to and without `/chat/completions`
   * @param {string} server.name of the model
   * @param {string} [server.apiKey]
   */
  constructor({ url, name, apiKey }) {
    this.#endpoint = `${url.replace(/\/+$/, "")}/chat/completions`;
    this.#name = name;
    this.#headers = {
      "content-type": "application/json",
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    };
  }

  /**
   * Asks for the next message of a conversation.
   *
   * @param {object[]} messages
   * @param {object} options
   * @param {object[]} options.tools that there are
   * @param {boolean} options.mayCall whether the answer may call them
   * @param {AbortSignal} options.signal gives up the question
   * @param {(text: string) => Promise<void>} options.onText is told of the answer as it comes
   * @returns {Promise<Message>}
   * @throws an error that says by `retryable` and `retryAfterMs` whether and when it is worth asking again
   */
  async answer(messages, { tools, mayCall, signal, onText }) {
    const tool_choice = mayCall ? "auto" : "none";
    const response = await this.#post({ model: this.#name, messages, tools, tool_choice, stream: true }, signal);
    if (!response.ok) throw await refusalOf(response);

    const calls = [];
    let content = "";
    let isWhole = false;
    for await (const data of dataOf(response.body)) {
      if (data === "[DONE]") break;
      const { choices: [choice] = [], error } = JSON.parse(data);
      if (error) throw new Error(`the model broke off: ${error.message}`);
      if (choice === undefined) continue; // such as the count of tokens, which some servers send last
      if (choice.delta?.content) {
        content += choice.delta.content;
        await onText(choice.delta.content);
      }
      for (const piece of choice.delta?.tool_calls ?? []) addPiece(calls, piece);
      isWhole ||= Boolean(choice.finish_reason);
    }
    if (!isWhole) throw new Error("the model broke off in the middle of its answer");
    return { role: "assistant", content, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
  }

  async #post(body, signal) {
    const request = { method: "POST", headers: this.#headers, body: JSON.stringify(body), signal };
    try {
      return await fetch(this.#endpoint, request);
    } catch (error) {
      const reason = error.cause?.message || error.message;
      throw new Error(`the model at ${this.#endpoint} cannot be reached: ${reason}`, { cause: error });
    }
  }
}

/**
 * The first piece of a call has its id and its name; the arguments come a few characters at a time. A server that does
 * not number its calls sends them whole.
 */
function addPiece(calls, { index = calls.length, id, function: { name = "", arguments: given = "" } = {} }) {
  calls[index] ??= { id, type: "function", function: { name: "", arguments: "" } };
  calls[index].function.name += name;
  calls[index].function.arguments += given;
}

async function refusalOf(response) {
  const { status, statusText, headers } = response;
  const said = (await response.text()).slice(0, 500).trim();
  const message = `the model answered ${status} ${statusText}${said === "" ? "" : `: ${said}`}`;
  if (status !== 408 && status !== 429 && status < 500) return new NonRetryableError(message);
  return Object.assign(new Error(message), { retryAfterMs: waitIn(headers.get("retry-after")) });
}

/** A `Retry-After` is a number of seconds, or a date; without one, the `retry` of the step says how long to wait. */
function waitIn(retryAfter) {
  if (retryAfter === null) return undefined;
  const milliseconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}
