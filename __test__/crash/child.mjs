// The process that is killed: it opens the store, begins all runs, as if for the first time, and ends when they have.
//
// Its only argument is JSON: where the store and the log are, what is to be run, the number of this process, the line
// at which it kills itself or calls to be killed, if it does, and what it does wrong, if anything.

import { existsSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { SqliteStore, Workflow } from "blazen";
import { teller } from "./log.mjs";
import { between } from "./random.mjs";
import { converse, define, inputsOf } from "./workload.mjs";

const {
  store: path,
  log,
  process: number,
  seed,
  runs,
  durability,
  dieAtLine,
  callAtLine,
  fault,
} = JSON.parse(process.argv[2]);

const { tell } = teller(log, (lines) => {
  if (lines === dieAtLine) process.kill(process.pid, "SIGKILL");
  if (lines === callAtLine) writeSync(1, "now\n");
});

/** Tells what is not true yet. Only a process that dies before it becomes true can be found out. */
function lie(line) {
  if (existsSync(`${log}.lied`)) return;
  writeFileSync(`${log}.lied`, "");
  tell(line);
  process.kill(process.pid, "SIGKILL");
}

if (fault === "forgotten" && number === 3) for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });

const store = SqliteStore.open(path);
tell({ tells: "opened", process: number });
if (fault === "again" && number > 1) tell({ tells: "invoked", number: 0, me: "begin/start", attempt: number });

const workflow = new Workflow("crash", { store, durability });
define(workflow, { tell, lie, process: number, seed, fault });

const begin = () =>
  Promise.all(
    inputsOf(seed, runs).map(async ([runId, input]) => {
      const handler = await workflow.runWithHandler(input, { runId });
      tell({ tells: "begun", number: input.number });
      if (fault === "early") lie({ tells: "ended", number: input.number, result: { number: input.number } });
      await converse(handler, { tell, process: number });
      const { data } = await handler.result();
      tell({ tells: "ended", number: input.number, result: data });
    }),
  );

// The order in which a program takes up its runs must not matter.
const order = between(0, 2, seed, "order", number);
if (order === 0) await workflow.recover();
const begun = begin();
if (order === 1) await workflow.recover();
await begun;
if (between(0, 1, seed, "close", number) === 0) await store.close();
