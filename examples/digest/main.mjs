// The digest at a terminal: starts a run or goes on with the one that a store has of this text, shows how far it has
// come, passes its question on to a person, and pauses it when it is told to stop. What the run does is in workflow.mjs.

import { once } from "node:events";
import { constants } from "node:os";
import { RunFailedError, StoreError } from "blazen";
import { readArguments, USAGE } from "./arguments.mjs";
import { progressBar } from "./progress_bar.mjs";
import { askYesOrNo } from "./question.mjs";
import { Refusal } from "./refusal.mjs";
import { report } from "./report.mjs";
import { StoreFile } from "./store_file.mjs";
import { readTextFile } from "./text_file.mjs";
import { digestWorkflow, progressOf } from "./workflow.mjs";

/** How long a stop waits for the pieces at work; what is not done by then is left for the next start. */
const GRACE_MS = 200;
/** How long a run that has ended is kept. */
const KEPT_MS = 30 * 24 * 3600 * 1000;
const END_OF_TIME = new Date(8.64e15);

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const stop = stopOnSignals();
  const input = await readTextFile(options.file);
  const file = new StoreFile(process.cwd());
  let { store, stored } = await file.open(input.runId);
  if (options.anew && stored !== null) {
    if (await forgotten(stored, store)) stored = null;
    else ({ store, stored } = await file.openAnew(input.runId, store));
  }
  try {
    return await digest(input, { options, stop, store, stored });
  } finally {
    await store.close();
  }
}

/** Goes on with the run that is stored, or begins one. */
async function digest(input, { options, stop, store, stored }) {
  await store.prune({ finishedBefore: new Date(Date.now() - KEPT_MS) });
  if (stored?.finishedAt !== undefined) return tellTheEnd(stored, input);

  const workflow = digestWorkflow({ pieceMs: options.pieceMs, store });
  const progress = stored === null ? { done: 0, total: 0 } : progressOf(stored);
  if (stored === null) {
    console.log(`Making a digest of ${input.name}. Stop it as you like, the next start goes on.`);
  } else {
    const last = stored.updatedAt.toISOString();
    console.log(`Going on with ${input.name}, left at ${last}: ${share(progress)} done already, and not again.`);
  }
  const outcome = await follow(await begun(workflow, input, stored), { options, stop, progress });

  if (outcome === "paused") {
    console.log(`Stopped: ${share(progressOf(await store.run(input.runId)))} done. The next start goes on.`);
    return stop.signal.reason;
  }
  console.log(outcome.digest === null ? "Not published, as you wish." : `\n${report(outcome.digest)}`);
  return 0;
}

/**
 * A run of this text, at work. Its id is made from the text: whoever begins it a second time gets the first.
 *
 * There may be unfinished runs of other texts in the store, so this is no matter for `recover()`, which takes up all.
 */
async function begun(workflow, { runId, name, text }, stored) {
  return stored?.status === "paused" ? workflow.resume(runId) : workflow.runWithHandler({ name, text }, { runId });
}

/** A run that has ended is not run again: what came of it is in the store. */
function tellTheEnd({ status, finishedAt, result, error }, { name }) {
  const when = `at ${finishedAt.toISOString()}`;
  if (status !== "completed") throw new Refusal(`${name} failed ${when}: ${error.message}; --anew begins anew`, 1);
  console.log(`The digest of ${name} was made ${when}, and is not made again; --anew begins anew.`);
  console.log(result === null ? "It was not published, as you wished." : `\n${report(result)}`);
  return 0;
}

/** Gives up the run, and forgets all that have ended. Says whether it could: a run of an older example may not do. */
async function forgotten({ runId, finishedAt }, store) {
  try {
    if (finishedAt === undefined) await (await digestWorkflow({ store }).attach(runId)).abort("begun anew");
  } catch (error) {
    if (error.code === "ERR_BLAZEN_RUN_MISMATCH") return false;
    throw error;
  }
  await store.prune({ finishedBefore: END_OF_TIME });
  return true;
}

/**
 * Looks after a run until it has ended, or has been stopped and is paused.
 *
 * @param {import("blazen").WorkflowHandler} run
 * @returns {Promise<{ digest: object | null } | "paused">}
 */
async function follow(run, { options, stop, progress }) {
  const asks = !options.yes && process.stdin.isTTY && process.stdout.isTTY;
  const bar = options.verbose ? undefined : progressBar(process.stdout);
  if (progress.total > 0) bar?.show(progress);

  const stream = await run.streamEvents(async (event) => {
    if (options.verbose) tell(event);
    if (event.type === "Progress") {
      bar?.show(event);
    } else if (event.type === "blazen::InputRequestEvent") {
      bar?.end();
      const answer = asks ? await askYesOrNo(event.prompt, stop.signal) : true;
      if (answer === undefined) stop.abort(exitCodeOf("SIGINT"));
      // A run that is about to pause takes no answer; it asks again when it is resumed.
      if (!stop.signal.aborted) await run.respondToInput(event.request_id, answer);
    }
  });
  const ended = stream.done.then(() => run.result());
  const paused = aborted(stop.signal).then(() => run.pause({ graceMs: GRACE_MS }));

  try {
    return await Promise.race([ended.then(({ data }) => ({ digest: data })), paused.then(() => "paused")]);
  } catch (error) {
    // It came to its end before it could pause.
    if (error.code === "ERR_BLAZEN_RUN_ENDED") return { digest: (await ended).data };
    throw error;
  } finally {
    bar?.end();
  }
}

function tell({ type, index, attempt }) {
  if (type === "PieceBegun") console.log(`piece ${index}: begun${attempt > 1 ? `, attempt ${attempt}` : ""}`);
  if (type === "Progress" && index !== undefined) console.log(`piece ${index}: done`);
}

/** Is aborted, with the exit code as its reason, by the first signal that asks the process to stop. */
function stopOnSignals() {
  const stop = new AbortController();
  // The handlers stay: npm passes on the signal that the terminal has sent already, and a second one must not end the
  // process before the run is paused.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop.abort(exitCodeOf(signal)));
  return stop;
}

async function aborted(signal) {
  if (!signal.aborted) await once(signal, "abort");
}

/** What a shell gives for a command that a signal has ended. */
function exitCodeOf(signal) {
  return 128 + constants.signals[signal];
}

function share({ done, total }) {
  return total === 0 ? "nothing was" : `${done} of ${total} pieces were`;
}

/** What a person can do something about, for that person. */
function inOneLine(error) {
  if (error instanceof StoreError && error.code === "ERR_BLAZEN_RUN_MISMATCH") {
    return new Refusal(`cannot go on: ${error.message}; --anew begins anew`, 1);
  }
  if (error instanceof StoreError) return new Refusal(`${error.message}; the next start goes on from what is kept`, 1);
  if (error instanceof RunFailedError) return new Refusal(`${error.message}; --anew begins anew`, 1);
  return error;
}

// A reader of the output who goes away, as `head` does, does not end the run.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

try {
  process.exitCode = await main();
} catch (error) {
  const refusal = inOneLine(error);
  if (!(refusal instanceof Refusal)) throw error;
  console.error(`digest: ${refusal.message}`);
  process.exitCode = refusal.exitCode;
}
