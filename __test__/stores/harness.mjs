// What the tests of stores share: stores to open and to open again, and runs that stand still until they are let go.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test as nodeTest } from "node:test";
import { fileURLToPath } from "node:url";
import { MemoryStore, SqliteStore, Workflow } from "blazen";

export { quiet, turn } from "../turns.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const START = "blazen::StartEvent";
export const REQUEST = "blazen::InputRequestEvent";
export const RESPONSE = "blazen::InputResponseEvent";
export const NOBODY = "00000000-0000-7000-8000-000000000000";
export const stop = (result) => ({ type: "blazen::StopEvent", result });
export const ask = (request_id) => ({ type: REQUEST, request_id });

// What hangs may hold nothing that keeps the event loop alive; then its test fails instead of being forgotten.
const keepAlive = setInterval(() => {}, 60_000);
const folders = [];
/** What is to be done before the folders are removed. */
export const cleanups = [];
after(() => {
  clearInterval(keepAlive);
  for (const cleanUp of cleanups) cleanUp();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A test that fails if it hangs. */
export const test = (name, run) => nodeTest(name, { timeout: 60_000 }, run);

/** A folder that is there until the tests have ended. */
export function newFolder() {
  const folder = mkdtempSync(join(tmpdir(), "blazen-stores-"));
  folders.push(folder);
  return folder;
}

export const newFile = () => join(newFolder(), "store.db");

/** Stores of each kind, empty. */
export const KINDS = { MemoryStore: () => new MemoryStore(), SqliteStore: () => SqliteStore.open(newFile()) };

/** Something to wait for, and to let go. */
export function gate() {
  const parts = {};
  parts.opened = new Promise((resolve) => {
    parts.open = resolve;
  });
  return parts;
}

/** A workflow of one step. */
export const one = (store, handler, options) =>
  new Workflow("one", { store, ...options }).addStep("only", [START], handler);

/** A workflow whose runs ask `question` and end with the answer. */
export const asking = (store, options) =>
  new Workflow("asking", { store, ...options })
    .addStep("ask", [START], () => ask("question"))
    .addStep("hear", [RESPONSE], ({ response }) => stop(response));

/** Resolves to the next event of the run's stream. */
export function nextEvent(handler) {
  return new Promise((resolve, reject) => {
    handler.streamEvents(resolve).catch(reject);
  });
}

/** A run of `workflow` that has asked its question and waits. */
export async function waiting(workflow, input, options) {
  const handler = await workflow.runWithHandler(input, options);
  await nextEvent(handler);
  return handler;
}

export async function rejectionOf(promise) {
  const outcome = await promise.then(
    () => undefined,
    (error) => ({ error }),
  );
  if (outcome === undefined) throw new Error("it resolved");
  return outcome.error;
}
