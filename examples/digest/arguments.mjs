// What was asked for on the command line.

import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Refusal } from "./refusal.mjs";

export const USAGE = `Makes a digest of a text: its words, sentences, reading time and most used words.

Usage: npm start -- [options] [file]
       node examples/digest/main.mjs [options] [file]

  file              a text in UTF-8 (default: two chapters of Alice's Adventures in Wonderland)
  -y, --yes         publish the digest without asking
      --anew        begin anew, also if there is a run of this text that has been stopped or has ended
      --piece-ms N  dwell N milliseconds on every piece (default: what makes it about two seconds in all)
  -v, --verbose     tell of every piece when it is begun and when it is done
  -h, --help        show this

Stop it with Ctrl-C or kill -9: the next start goes on from there. Runs are kept in digest.db, in the folder in which
it is started, for 30 days after they have ended.`;

const LONGEST_PIECE_MS = 60_000;
const ALICE = fileURLToPath(new URL("alice.txt", import.meta.url));

/** @throws Refusal */
export function readArguments(args) {
  const { values, positionals } = parsed(args);
  if (positionals.length > 1) throw wrong(`one file at a time, please, and not ${positionals.length}`);
  if (positionals[0] === "") throw wrong("the name of the file is empty");
  return {
    help: values.help ?? false,
    yes: values.yes ?? takenByNpm("yes"),
    anew: values.anew ?? takenByNpm("anew"),
    verbose: values.verbose ?? false,
    pieceMs: milliseconds(values["piece-ms"]),
    file: positionals[0] === undefined ? ALICE : fromWhereItWasTyped(positionals[0]),
  };
}

/** `npm start --yes` without a `--` before it: npm takes the option for its own, and tells us by the environment. */
function takenByNpm(option) {
  return process.env[`npm_config_${option}`] === "true";
}

/** `npm start` runs in the folder of the package, wherever it was typed. */
function fromWhereItWasTyped(file) {
  const { INIT_CWD: typedIn, npm_lifecycle_event: script } = process.env;
  return script === "start" && typedIn !== undefined ? relative("", resolve(typedIn, file)) : file;
}

function parsed(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        yes: { type: "boolean", short: "y" },
        anew: { type: "boolean" },
        "piece-ms": { type: "string" },
        verbose: { type: "boolean", short: "v" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    const [firstSentence] = error.message.split(/(?<=['\w])\. |\n/);
    throw wrong(firstSentence.replace(/\.$/, ""));
  }
}

function milliseconds(text) {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) <= LONGEST_PIECE_MS) return Number(text);
  throw wrong(`--piece-ms takes a whole number from 0 to ${LONGEST_PIECE_MS}, and not ${JSON.stringify(text)}`);
}

function wrong(problem) {
  return new Refusal(`${problem} (--help says what there is)`);
}
