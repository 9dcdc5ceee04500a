// The digest at a terminal: starts a run or goes on with a stopped one, shows how far it has come, passes its question
// on to a person, and leaves a snapshot when it is told to stop. What the run does is in workflow.mjs.

import { once } from "node:events";
import { constants } from "node:os";
import { RunFailedError, SnapshotError } from "blazen";
import { readArguments, USAGE } from "./arguments.mjs";
import { progressBar } from "./progress_bar.mjs";
import { askYesOrNo } from "./question.mjs";
import { Refusal } from "./refusal.mjs";
import { report } from "./report.mjs";
import { BrokenSnapshot, SnapshotFile } from "./snapshot_file.mjs";
import { readTextFile } from "./text_file.mjs";
import { digestWorkflow } from "./workflow.mjs";

/** How long a stop waits for the pieces at work; what is not done by then is left for the next start. */
const GRACE_MS = 200;

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const stop = stopOnSignals();
  const input = await readTextFile(options.file);
  const file = new SnapshotFile(process.cwd(), input.hash);
  const workflow = digestWorkflow({ pieceMs: options.pieceMs });

  const saved = await takeUp(file, workflow);
  if (saved) {
    console.log(`Going on with ${input.name}, stopped at ${saved.savedAt}: ${share(saved.progress)} done already.`);
  } else {
    console.log(`Making a digest of ${input.name}. Ctrl-C stops it, and the next start goes on.`);
  }
  const run = saved?.run ?? (await workflow.runWithHandler({ name: input.name, text: input.text }));

  const outcome = await follow(run, { yes: options.yes, stop, saved }).catch(async (error) => {
    if (!saved || !(error instanceof RunFailedError)) throw error;
    const path = await file.setAside();
    throw new Refusal(`cannot go on: ${error.message}; the snapshot is ${path} now, and the next start begins anew`, 1);
  });

  if ("snapshot" in outcome) {
    await file.write(outcome.snapshot, outcome.progress);
    console.log(`Stopped: ${share(outcome.progress)} done. The next start goes on from\n${file.path}`);
    return stop.signal.reason;
  }
  console.log(outcome.digest === null ? "Not published, as you wish." : `\n${report(outcome.digest)}`);
  await file.remove();
  return 0;
}

/** Resumes the run that was stopped while it worked on this text, if there is one. */
async function takeUp(file, workflow) {
  try {
    const saved = await file.read();
    return saved && { ...saved, run: await workflow.resume(saved.snapshot) };
  } catch (error) {
    if (!(error instanceof BrokenSnapshot || error instanceof SnapshotError)) throw error;
    const path = await file.setAside();
    console.error(`The snapshot of a stopped run is of no use: ${error.message}.\nIt is ${path} now.`);
    return undefined;
  }
}

/**
 * Looks after a run until it has ended, or has been stopped and is paused.
 *
 * @param {import("blazen").WorkflowHandler} run
 */
async function follow(run, { yes, stop, saved }) {
  const asks = !yes && process.stdin.isTTY && process.stdout.isTTY;
  const bar = progressBar(process.stdout);
  let progress = saved?.progress ?? { done: 0, total: 0 };
  if (progress.total > 0) bar.show(progress);

  const stream = await run.streamEvents(async (event) => {
    if (event.type === "Progress") {
      progress = { done: event.done, total: event.total };
      bar.show(progress);
    } else if (event.type === "blazen::InputRequestEvent") {
      bar.end();
      const answer = asks ? await askYesOrNo(event.prompt, stop.signal) : true;
      if (answer === undefined) stop.abort(exitCodeOf("SIGINT"));
      // A run that is about to pause takes no answer; it asks again when it is resumed.
      if (!stop.signal.aborted) await run.respondToInput(event.request_id, answer);
    }
  });
  const ended = stream.done.then(() => run.result());
  const paused = aborted(stop.signal).then(() => run.pause({ graceMs: GRACE_MS }));

  try {
    return await Promise.race([
      ended.then(({ data }) => ({ digest: data })),
      paused.then((snapshot) => ({ snapshot, progress })),
    ]);
  } catch (error) {
    // It came to its end before it could pause.
    if (error.code === "ERR_BLAZEN_RUN_ENDED") return { digest: (await ended).data };
    throw error;
  } finally {
    bar.end();
  }
}

/** Is aborted, with the exit code as its reason, by the first signal that asks the process to stop. */
function stopOnSignals() {
  const stop = new AbortController();
  // The handlers stay: npm passes on the signal that the terminal has sent already, and a second one must not end the
  // process while it writes the snapshot.
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

// A reader of the output who goes away, as `head` does, does not end the run.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`digest: ${error.message}`);
  process.exitCode = error.exitCode;
}
