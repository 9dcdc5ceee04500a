// What was asked for on the command line and by the environment.

import { parseArgs } from "node:util";

export const USAGE = `An agent that works on a folder of notes, and asks before it writes.

Usage: node examples/agent/main.mjs [options] [task]

  task              what to do, in your words (default: to collect all open tasks in todo.md)
      --url URL     a server that speaks the chat-completions protocol, such as http://localhost:11434/v1 (or LLM_URL);
                    without one, a stand-in answers, which knows the default task alone
      --model NAME  the model to ask there (or LLM_MODEL; OPENAI_API_KEY is sent if it is set)
      --notes DIR   the folder of notes (default: agent-notes, made with samples if it is not there)
  -y, --yes         agree to everything that it asks
  -n, --no          refuse everything that it asks
  -h, --help        show this

Kill it whenever you like: the next start goes on from there. Runs are kept in agent.db, in the folder in which it is
started.`;

const DEFAULT_TASK = "Collect the open tasks of all my notes in todo.md.";

/** What cannot be done as it was asked for. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readArguments(args, env) {
  const { values, positionals } = parsed(args);
  const {
    help = false,
    yes,
    no,
    notes = "agent-notes",
    url = env.LLM_URL,
    model = env.LLM_MODEL ?? "gpt-4.1-mini",
  } = values;
  if (url !== undefined && !URL.canParse(url))
    throw new UsageError(`--url takes a URL, and not ${JSON.stringify(url)}`);
  return {
    help,
    task: positionals.join(" ") || DEFAULT_TASK,
    url,
    model,
    apiKey: env.OPENAI_API_KEY,
    notes,
    standingAnswer: no ? false : yes,
  };
}

function parsed(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        url: { type: "string" },
        model: { type: "string" },
        notes: { type: "string" },
        yes: { type: "boolean", short: "y" },
        no: { type: "boolean", short: "n" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
}
