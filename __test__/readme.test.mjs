// The examples of the README compile, run, and print what they say they print.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);
const readme = await readFile(new URL("README.md", root), "utf8");

// Inside the package, so that `blazen` names it.
const folder = new URL("target/readme/", root);
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

const examples = [...readme.matchAll(/^#+ ([^\n]+)$|^```(js|ts)\n(.*?)^```$/gms)].reduce(
  ({ heading, found }, [, title, language, code]) =>
    title === undefined ? { heading, found: [...found, { heading, language, code }] } : { heading: title, found },
  { heading: "", found: [] },
).found;

test("there is an example for each subject of the guide", () => {
  assert.deepEqual(
    examples.map(({ heading }) => heading),
    [
      "blazen",
      "Steps and events",
      "State and session",
      "Pause and resume",
      "Waiting for people",
      "Streams",
      "State objects",
      "Types",
    ],
  );
});

for (const [index, { heading, language, code }] of examples.entries()) {
  test(`the example under "${heading}" does what it says`, async () => {
    const script = new URL(`example${index}.mjs`, folder);
    if (language === "js") {
      await writeFile(script, code);
    } else {
      const source = new URL(`example${index}.mts`, folder);
      await writeFile(source, code);
      const options = ["--module", "nodenext", "--target", "es2022", "--types", "node", "--strict"];
      await run(process.execPath, [
        fileURLToPath(new URL("node_modules/typescript/bin/tsc", root)),
        ...options,
        "--ignoreConfig",
        fileURLToPath(source),
      ]);
    }
    const { stdout } = await run(process.execPath, [fileURLToPath(script)]);
    const promised = code.split("\n").flatMap((line) => line.match(/console\.log\(.*\/\/ (.*)$/)?.[1] ?? []);
    assert.deepEqual(stdout.trimEnd().split(/\n/).join(", "), promised.join(", "));
  });
}
