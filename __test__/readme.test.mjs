// The examples of the README and of the pages beside it compile, run, and print what they say they print.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);

// Inside the package, so that `blazen` names it.
const folder = new URL("target/readme/", root);
await rm(folder, { recursive: true, force: true });

const documents = {
  "README.md": [
    "blazen",
    "Steps and events",
    "State and session",
    "Pause and resume",
    "Durable runs",
    "Waiting for people",
    "Streams",
    "State objects",
    "Types",
  ],
  "docs/durability.md": [
    "Handlers that may be called again",
    "Looking at runs",
    "A store of your own",
    "A store of your own",
    "A store of your own",
  ],
};

const guide = (await readdir(new URL("docs/guide/", root))).filter((name) => name.endsWith(".md"));
for (const name of guide.sort()) documents[`docs/guide/${name}`] = undefined;

for (const [document, headings] of Object.entries(documents)) {
  const examples = examplesIn(await readFile(new URL(document, root), "utf8"));

  test(`${document} has an example for each subject that needs one`, () => {
    const found = examples.map(({ heading }) => heading);
    if (headings === undefined) assert.notDeepEqual(found, []);
    else assert.deepEqual(found, headings);
  });

  for (const { heading, language, code } of examples) {
    // Some name their file: those after them under the same heading import it.
    const name = code.match(/^\/\/ ([\w.]+\.mjs)\n/)?.[1] ?? "example.mjs";
    test(`${name} of ${document} under "${heading}" does what it says`, async () => {
      // In a folder of its own: examples open files.
      const cwd = new URL(`${document}/${heading.replaceAll(" ", "_")}/`, folder);
      await mkdir(cwd, { recursive: true });
      const script = new URL(name, cwd);
      if (language === "js") await writeFile(script, code);
      else await compile(code, new URL("example.mts", cwd));
      const { stdout } = await run(process.execPath, [fileURLToPath(script)], { cwd });
      // What a test prints is the runner's.
      if (name.endsWith(".test.mjs")) return;
      const promised = code.split("\n").flatMap((line) => line.match(/console\.log\(.*\/\/ (.*)$/)?.[1] ?? []);
      assert.deepEqual(stdout.trimEnd().split(/\n/).join(", "), promised.join(", "));
    });
  }
}

/** The programs in a document, each with the heading that it stands under. */
function examplesIn(text) {
  let heading = "";
  return [...text.matchAll(/^#+ ([^\n]+)$|^```(js|ts)\n(.*?)^```$/gms)].flatMap(([, title, language, code]) => {
    heading = title ?? heading;
    return title === undefined ? [{ heading, language, code }] : [];
  });
}

async function compile(code, source) {
  await writeFile(source, code);
  const options = ["--module", "nodenext", "--target", "es2022", "--types", "node", "--strict"];
  await run(process.execPath, [
    fileURLToPath(new URL("node_modules/typescript/bin/tsc", root)),
    ...options,
    "--ignoreConfig",
    fileURLToPath(source),
  ]);
}
