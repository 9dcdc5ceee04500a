// An example as somebody at a terminal meets it: a process of its own, in a folder of its own, which is typed to, waited
// for and killed.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test as nodeTest } from "node:test";
import { fileURLToPath } from "node:url";

const directories = [];
const children = new Set();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A test that fails if it hangs. */
export const test = (name, run) => nodeTest(name, { timeout: 120_000 }, run);

export function emptyDirectory() {
  const directory = mkdtempSync(join(tmpdir(), "blazen-example-"));
  directories.push(directory);
  return directory;
}

/** The example in the folder `name`: its main file, and how it is started. */
export function exampleProgram(name) {
  const main = fileURLToPath(new URL(`../../examples/${name}/main.mjs`, import.meta.url));
  return {
    main,

    piped(cwd, ...args) {
      return new Program(process.execPath, [main, ...args], cwd);
    },

    atTerminal(cwd, ...args) {
      const command = [process.execPath, main, ...args].map((word) => `'${word}'`).join(" ");
      return new Program("script", ["-qec", `exec ${command}`, "/dev/null"], cwd);
    },
  };
}

/** What cannot be done is said in one line, with exit code 2; and `--help` says what can be. */
export async function refusesInOneLine(program, cwd, rows) {
  for (const [args, message] of rows) {
    const { code, output } = await program.piped(cwd, ...args).ended();
    assert.equal(code, 2, output);
    assert.match(output, message);
  }
  const { code, output } = await program.piped(cwd, "--help").ended();
  assert.equal(code, 0);
  assert.match(output, /^Usage: /m);
}

/** What would make an example do something else than what it is told to. */
const NOT_PASSED_ON = ["npm_config_yes", "LLM_URL", "LLM_MODEL", "OPENAI_API_KEY"];

/** The example while it runs. */
class Program {
  output = "";
  #child;
  #waiting = [];
  #code;

  constructor(command, args, cwd) {
    const env = { ...process.env, TERM: "xterm" };
    for (const name of NOT_PASSED_ON) delete env[name];
    this.#child = spawn(command, args, { cwd, env });
    children.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.output += text.replaceAll("\r\n", "\n");
        this.#look();
      });
    }
    this.#child.stdin.on("error", () => {});
    this.#code = new Promise((resolve, reject) => {
      this.#child.on("error", reject).on("close", (code) => {
        children.delete(this.#child);
        resolve(code);
        for (const { reject, pattern } of this.#waiting) reject(new Error(`never wrote ${pattern}:\n${this.output}`));
      });
    });
  }

  /** When the output matches. */
  wrote(pattern) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pattern, resolve, reject });
      this.#look();
    });
  }

  type(keys) {
    this.#child.stdin.write(keys);
  }

  /** Nothing more is typed. */
  hangUp() {
    this.#child.stdin.end();
  }

  kill(signal) {
    this.#child.kill(signal);
  }

  /** Its exit code (`null` after a signal that it could not hear), when it has gone. */
  async ended() {
    const code = await this.#code;
    return { code, output: this.output };
  }

  #look() {
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(this.output)) return true;
      resolve();
      return false;
    });
  }
}
