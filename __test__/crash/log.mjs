// What processes that will be killed tell: one line at a time, appended at once, and there for good once it is written.

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** Appends lines to a file; `afterLine` is called with the number of lines of this process. */
export function teller(path, afterLine) {
  const file = openSync(path, "a");
  let lines = 0;
  return {
    tell(line) {
      writeSync(file, `${JSON.stringify(line)}\n`);
      lines += 1;
      afterLine(lines);
    },
    close: () => closeSync(file),
  };
}

export function linesOf(path) {
  const text = readFileSync(path, "utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
