// The stream of a run as lines on a terminal.

const LONGEST_REMARK = 80;

export class Screen {
  #out;
  #isInLine = false;

  /** @param {import("node:stream").Writable} out */
  constructor(out) {
    this.#out = out;
  }

  show(event) {
    switch (event.type) {
      case "RoundBegun":
        return this.line(`round ${event.round}${attempt(event)}`);
      case "Text":
        return this.#write(event.text);
      case "CallBegun":
        return this.line(`  calls ${event.name} ${shortened(event.given)}${attempt(event)}`);
      case "CallDone":
        return this.line(`  ${event.name}: ${shortened(event.content)}`);
      case "blazen::step.retrying":
        return this.line(`  ${event.error.message}; there will be another attempt`);
    }
  }

  /** Writes a line of its own. */
  line(text) {
    if (this.#isInLine) this.#write("\n");
    this.#write(`${text}\n`);
  }

  #write(text) {
    if (text === "") return;
    this.#out.write(printable(text));
    this.#isInLine = !text.endsWith("\n");
  }
}

/** Without the control characters, which a terminal would obey. */
export function printable(text) {
  return text.replaceAll(/(?!\n)\p{Cc}/gu, "");
}

function shortened(text) {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > LONGEST_REMARK ? `${line.slice(0, LONGEST_REMARK)}…` : line;
}

function attempt({ attempt }) {
  return attempt > 1 ? `, attempt ${attempt}` : "";
}
