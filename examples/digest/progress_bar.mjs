// How far a run has come: a bar that is drawn over itself, or a line now and then where that is not possible.

const LONGEST_BAR = 40;

/** @param {import("node:tty").WriteStream} out */
export function progressBar(out) {
  return out.isTTY && process.env.TERM !== "dumb" ? new Bar(out) : new Lines(out);
}

class Bar {
  #out;
  #drawn = false;

  constructor(out) {
    this.#out = out;
  }

  show({ done, total }) {
    const figures = ` ${done} of ${total} pieces`;
    // A bar that wraps cannot be drawn over. Some terminals say that they have no columns at all.
    const length = Math.max(0, Math.min(LONGEST_BAR, (this.#out.columns || 80) - figures.length - 1));
    const full = Math.round((length * done) / total);
    this.#out.write(`\r${"█".repeat(full)}${"░".repeat(length - full)}${figures}\x1b[K`);
    this.#drawn = true;
  }

  /** Leaves the bar as it is; what is written next begins on a line of its own. */
  end() {
    if (this.#drawn) this.#out.write("\n");
    this.#drawn = false;
  }
}

class Lines {
  #out;
  #tenths = 0;

  constructor(out) {
    this.#out = out;
  }

  show({ done, total }) {
    const tenths = Math.floor((10 * done) / total);
    if (tenths > this.#tenths) this.#out.write(`${done} of ${total} pieces\n`);
    this.#tenths = tenths;
  }

  end() {}
}
