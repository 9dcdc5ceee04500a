// The tools that a model may call: what it is told of them, and calling them by name with the arguments as it wrote them.

/**
 * @typedef {object} Tool
 * @property {string} description
 * @property {object} parameters a JSON schema
 * @property {boolean} [isDangerous] whether a person is to be asked first
 * @property {(given: object, options: { signal: AbortSignal }) => Promise<string>} run
 */

export class Toolbox {
  #tools;

  /** @param {Record<string, Tool>} tools by name */
  constructor(tools) {
    this.#tools = new Map(Object.entries(tools));
  }

  /** As the chat-completions protocol has them. */
  get descriptions() {
    return [...this.#tools].map(([name, { description, parameters }]) => ({
      type: "function",
      function: { name, description, parameters },
    }));
  }

  isDangerous(name) {
    return this.#tools.get(name)?.isDangerous ?? false;
  }

  /** Rejects with what the model should know. */
  async call(name, given, options) {
    const tool = this.#tools.get(name);
    if (tool === undefined) {
      throw new Error(`there is no tool ${JSON.stringify(name)}; there are ${[...this.#tools.keys()].join(", ")}`);
    }
    return tool.run(argumentsIn(given), options);
  }
}

/** A model may write no arguments at all, or what is no JSON. */
function argumentsIn(given) {
  if (given.trim() === "") return {};
  const parsed = JSON.parse(given);
  if (typeof parsed !== "object" || parsed === null) throw new Error(`the arguments are not an object: ${given}`);
  return parsed;
}
