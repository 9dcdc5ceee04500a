// The agent at a terminal: begins a run or goes on with the one that a crash has left, shows what it says and does, and
// asks the person at the keyboard where it must. What the agent does is in workflow.mjs.

import { BlazenError, SqliteStore } from "blazen";
import { readArguments, USAGE, UsageError } from "./arguments.mjs";
import { ChatModel } from "./chat_model.mjs";
import { makeSampleNotes, noteTools } from "./notes.mjs";
import { Person } from "./person.mjs";
import { Screen } from "./screen.mjs";
import { startStandIn } from "./stand_in_model.mjs";
import { Toolbox } from "./toolbox.mjs";
import { agentWorkflow, progressOf } from "./workflow.mjs";

async function main() {
  const options = readArguments(process.argv.slice(2), process.env);
  if (options.help) {
    console.log(USAGE);
    return;
  }
  const store = SqliteStore.open("agent.db");
  const standIn = options.url === undefined ? await startStandIn() : undefined;
  const person = new Person(options.standingAnswer);
  try {
    await makeSampleNotes(options.notes);
    const model = new ChatModel({ url: standIn?.url ?? options.url, name: options.model, apiKey: options.apiKey });
    const agent = agentWorkflow({ model, toolbox: new Toolbox(noteTools(options.notes)), store });
    await follow(await unfinishedOrNew(agent, store, options.task), person);
  } finally {
    person.leave();
    await store.close();
    standIn?.close();
  }
}

/** What was left is finished first; only then is there another task. */
async function unfinishedOrNew(agent, store, task) {
  const { runs } = await store.runs({ workflow: "agent", status: "running" });
  for (const { runId } of runs) {
    const { task, rounds } = progressOf(await store.run(runId));
    console.log(`Going on with: ${task}\n${rounds} rounds were done already, and not again.`);
  }
  const [unfinished] = await agent.recover();
  if (unfinished !== undefined) return unfinished;
  console.log(`Task: ${task}`);
  return agent.runWithHandler({ task });
}

/**
 * Looks after a run until it has ended, or waits for somebody who is not there.
 *
 * @param {import("blazen").WorkflowHandler} run
 * @param {Person} person
 */
async function follow(run, person) {
  const screen = new Screen(process.stdout);
  for await (const event of run.stream({ lifecycle: true })) {
    if (event.type !== "blazen::InputRequestEvent") {
      screen.show(event);
      continue;
    }
    screen.line("");
    const answer = await person.agreesTo(event.prompt);
    if (answer === undefined) {
      console.log("Nobody is there to answer: the next start asks again.");
      return;
    }
    await run.respondToInput(event.request_id, answer);
  }
  const { answer, rounds } = (await run.result()).data;
  screen.line(`\nAnswer, after ${rounds} rounds: ${answer}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof BlazenError)) throw error;
  console.error(`agent: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
