// Asks a person at the terminal.

import { createInterface } from "node:readline";

/**
 * @param {string} prompt
 * @param {AbortSignal} signal takes the question back
 * @returns {Promise<boolean | undefined>} undefined if the question was taken back, or the input has ended
 */
export async function askYesOrNo(prompt, signal) {
  if (signal.aborted) return undefined;
  // Not as a "terminal": readline would take Ctrl-C for itself, which is to reach the process as a signal.
  const lines = createInterface({ input: process.stdin, terminal: false, signal });
  try {
    process.stdout.write(`${prompt} [yes/no] `);
    for await (const line of lines) {
      if (/^\s*y(es)?\s*$/i.test(line)) return true;
      if (/^\s*no?\s*$/i.test(line)) return false;
      process.stdout.write("Please answer yes or no: ");
    }
    process.stdout.write("\n");
    return undefined;
  } finally {
    lines.close();
  }
}
