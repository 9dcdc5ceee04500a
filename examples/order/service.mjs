// One of those whom an order needs, reached over HTTP: `PUT /{id}` does what it is there for, once, however often it is
// asked; `DELETE /{id}` undoes it, and sees to it that a request which is still on its way does nothing any more.

import { NonRetryableError } from "blazen";

export class Service {
  name;
  #url;

  /** @param {{ name: string, url: string }} service */
  constructor({ name, url }) {
    this.name = name;
    this.#url = url;
  }

  /** @throws an error that says by `retryable` and `retryAfterMs` whether and when it is worth asking again */
  async ask(id, what, signal) {
    const headers = { "content-type": "application/json" };
    const response = await this.#request(id, { method: "PUT", headers, body: JSON.stringify(what), signal });
    if (!response.ok) throw await this.#refusal(response);
  }

  /** @returns {Promise<boolean>} whether nothing is left of it; `false` if it is too late for that */
  async undo(id, signal) {
    const response = await this.#request(id, { method: "DELETE", signal });
    if (!response.ok && response.status !== 409) throw await this.#refusal(response);
    return response.ok;
  }

  async #request(id, request) {
    try {
      return await fetch(`${this.#url}/${id}`, request);
    } catch (error) {
      throw new Error(`the ${this.name} cannot be reached: ${error.cause?.message || error.message}`, { cause: error });
    }
  }

  async #refusal(response) {
    const { status, headers } = response;
    const message = `the ${this.name} says: ${(await response.text()).trim()} (${status})`;
    if (status !== 429 && status < 500) return new NonRetryableError(message);
    const seconds = headers.get("retry-after");
    return Object.assign(new Error(message), seconds === null ? {} : { retryAfterMs: Number(seconds) * 1000 });
  }
}
