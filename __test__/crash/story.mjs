// One store from its first run to the end of its last, through as many deaths as it takes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Workflow } from "blazen";
import { complaintsOf } from "./checker.mjs";
import { linesOf } from "./log.mjs";
import { between } from "./random.mjs";
import { converse, define, inputsOf } from "./workload.mjs";

const CHILD = fileURLToPath(new URL("child.mjs", import.meta.url));
/** Only there so that a process that hangs fails its story. */
const HANG = 120_000;

/**
 * @param seed what the story leaves to chance
 * @param kills how many processes are killed at most, before one is let go to the end
 * @param fault what the program does wrong
 * @returns how many were killed, and everything that must not be so
 */
export async function tell(reader, { seed, kills, runs, durability, fault }) {
  const folder = mkdtempSync(join(tmpdir(), "blazen-crash-"));
  const [store, log] = [join(folder, "store.db"), join(folder, "log")];
  const expected = await undisturbed(seed, runs);
  const deaths = [];
  let killed = 0;
  const over = (complaints, lines) => {
    // What has gone wrong may be looked at.
    if (complaints.length === 0 || fault !== undefined) rmSync(folder, { recursive: true, force: true });
    return { killed, lines, folder, complaints };
  };
  for (let process = 1, isOver = false; !isOver; process += 1) {
    const end = killed < kills ? deathOf(seed, process, fault) : {};
    const { code, signal, errors } = await lifeOf({ store, log, process, seed, runs, durability, fault }, end);
    const linesTold = existsSync(log) ? linesOf(log).length : 0;
    deaths.push({ linesTold, tables: await reader.read(store) });
    if (signal === "SIGKILL" && errors === "") killed += 1;
    else if (code === 0 && errors === "") isOver = true;
    else return over([`process ${process} ended with ${code ?? signal}: ${errors}`]);
    if (process > kills + 1) return over([`process ${process} hung`]);
  }
  const lines = linesOf(log);
  return over(complaintsOf({ lines, deaths, expected, durability, isOver: true }), lines.length);
}

/** How a process dies: when it tells a line, a moment after it has told one, or some time after its start. */
function deathOf(seed, process, fault) {
  // A fault must have had its time, and must not be over.
  if (fault !== undefined) return { atLine: between(20, 45, seed, "line", process) };
  const way = between(0, 9, seed, "way", process);
  const line = between(2, 150, seed, "line", process);
  if (way < 5) return { atLine: line };
  if (way < 9) return { afterLine: line, moment: between(0, 4, seed, "time", process) };
  return { afterStart: between(0, 80, seed, "time", process) };
}

async function lifeOf(program, { atLine, afterLine, moment, afterStart }) {
  const ends = { dieAtLine: atLine, callAtLine: afterLine };
  const child = spawn(process.execPath, [CHILD, JSON.stringify({ ...program, ...ends })], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: HANG,
    killSignal: "SIGKILL",
  });
  let errors = "";
  child.stderr.on("data", (piece) => {
    errors += piece;
  });
  const closed = once(child, "close");
  const dead = new AbortController();
  closed.then(() => dead.abort());
  const killAfter = async (milliseconds) => {
    await sleep(milliseconds, undefined, { signal: dead.signal }).catch(() => undefined);
    child.kill("SIGKILL");
  };
  child.stdout.once("data", () => killAfter(moment));
  if (afterStart !== undefined) killAfter(afterStart);
  const [code, signal] = await closed;
  return { code, signal, errors };
}

/** What the runs come to in memory, with nobody to disturb them. */
async function undisturbed(seed, runs) {
  const deliveries = new Map();
  const workflow = new Workflow("crash");
  const hears = ({ tells, number, me }) => {
    if (tells === "invoked") deliveries.set(number, (deliveries.get(number) ?? new Set()).add(me));
  };
  define(workflow, { tell: hears, process: 0, seed });
  const results = inputsOf(seed, runs).map(async ([runId, input]) => {
    const handler = await workflow.runWithHandler(input);
    await converse(handler, { tell: hears, process: 0 });
    const { data } = await handler.result();
    return [input.number, { runId, result: data, deliveries: deliveries.get(input.number) }];
  });
  return new Map(await Promise.all(results));
}
