// Judges a crash test from outside: by what the processes told, and by what stood in the store whenever one was killed.

import { storedRuns } from "./stored_runs.mjs";
import { digestOf } from "./workload.mjs";

/**
 * @param evidence.lines what all the processes told, in order
 * @param evidence.deaths for each process that ended: how many of the lines had been told, and the tables of the store,
 *   `undefined` if there were none yet
 * @param evidence.expected of each run, by number: its id, its result, and its deliveries when nothing disturbs it
 * @param evidence.durability of the runs
 * @param evidence.isOver whether the last process ended by itself
 * @returns everything that must not be so
 */
export function complaintsOf({ lines, deaths, expected, durability, isOver }) {
  const isSync = durability === "sync";
  const complaints = new Set();
  const numbers = new Map([...expected].map(([number, { runId }]) => [runId, number]));
  let told = 0;
  const soFar = new Told(isSync, (what) => complaints.add(what));
  for (const [index, { linesTold, tables }] of deaths.entries()) {
    const complain = (what) => complaints.add(`when process ${index + 1} had ended: ${what}`);
    for (; told < linesTold; told += 1) soFar.take(lines[told]);
    const stored = tables === undefined ? { runs: new Map(), complaints: [] } : storedRuns(tables, numbers);
    stored.complaints.forEach(complain);
    for (const number of expected.keys()) {
      checkRun(stored.runs.get(number), soFar.of(number), expected.get(number), isSync, (what) =>
        complain(`run ${number}: ${what}`),
      );
    }
    soFar.foundInStore(stored.runs);
    if (isOver && index === deaths.length - 1) {
      for (const [number, undisturbed] of expected) {
        checkEnd(stored.runs.get(number), soFar.of(number), undisturbed, (what) => complain(`run ${number}: ${what}`));
      }
    }
  }
  return [...complaints];
}

/** What has been told of all runs up to some line. */
class Told {
  #isSync;
  #complain;
  #runs = new Map();
  #process = 0;

  constructor(isSync, complain) {
    this.#isSync = isSync;
    this.#complain = complain;
  }

  of(number) {
    if (!this.#runs.has(number)) {
      this.#runs.set(number, {
        isBegun: false,
        ended: undefined,
        acknowledged: new Map(),
        invoked: new Map(),
        /** What has settled for all to see: its successor was invoked, or the store has its commit. */
        settled: new Map(),
      });
    }
    return this.#runs.get(number);
  }

  take(line) {
    if (line.tells === "opened") this.#process = line.process;
    else if (line.tells === "begun") this.of(line.number).isBegun = true;
    else if (line.tells === "acknowledged") this.#acknowledged(line);
    else if (line.tells === "ended") this.of(line.number).ended = line.result;
    else this.#invoked(line);
  }

  /** What a later attempt sends again is the event that the first has sent. */
  #acknowledged({ number, name, made }) {
    const { acknowledged } = this.of(number);
    if (!acknowledged.has(name)) acknowledged.set(name, made);
  }

  #invoked({ number, me, attempt, from, how, made }) {
    const run = this.of(number);
    const complain = (what) => this.#complain(`run ${number}: process ${this.#process} invoked ${me}, ${what}`);
    if (run.settled.has(me)) complain(`which had settled: ${run.settled.get(me)}`);
    const before = run.invoked.get(me);
    if (before?.process === this.#process) complain("twice");
    // What an asynchronous run has lost it emits anew, and then it is another delivery.
    if (this.#isSync && before !== undefined && before.attempt >= attempt) complain(`attempt ${attempt} once more`);
    if (this.#isSync && how === "returned") run.settled.set(from, `it was followed by ${me}`);
    run.invoked.set(me, { attempt, process: this.#process, from, how, made });
  }

  foundInStore(runs) {
    for (const [number, { settled }] of runs) {
      for (const [name] of settled) this.of(number).settled.set(name, "the store had its commit");
    }
  }
}

/** A run at the death of a process: what was told is in the store, and what is in the store agrees with itself. */
function checkRun(stored, told, undisturbed, isSync, complain) {
  if (stored === undefined) {
    if (told.ended !== undefined) complain("it was reported to have ended, and the store does not have it");
    if (isSync && (told.isBegun || told.invoked.size > 0)) complain("it had begun, and the store does not have it");
    return;
  }
  const { status, result, settled, pending, state } = stored;
  const isThere = (name) => settled.has(name) || pending.has(name);
  for (const name of [...settled.keys(), ...pending.keys()]) {
    if (!undisturbed.deliveries.has(name)) complain(`nobody expects ${name}`);
  }
  for (const name of settled.keys()) {
    if (!told.invoked.has(name)) complain(`${name} has settled, and was never invoked`);
  }
  if (told.ended !== undefined && JSON.stringify(told.ended) !== result) {
    complain(`it was reported to have ended with ${JSON.stringify(told.ended)}, and is ${status} with ${result}`);
  }
  if (isSync) {
    for (const [name, { from, how, made }] of told.invoked) {
      if (!isThere(name)) complain(`${name} was invoked, and the store does not have it`);
      if (how === "returned" && !settled.has(from)) complain(`${name} was invoked before ${from} had settled`);
      const kept = settled.get(name) ?? pending.get(name);
      if (made !== undefined && kept !== undefined && kept.made !== made)
        complain(`${name} was changed after it was invoked`);
    }
    for (const [name, made] of told.acknowledged) {
      const found = settled.get(name) ?? pending.get(name);
      if (found === undefined) complain(`${name} was acknowledged, and the store does not have it`);
      else if (found.made > made) complain(`${name} was acknowledged, and the store has another`);
    }
  }
  checkState(state, settled, complain);
  checkAdditions(state, settled, pending, complain);
}

/** The state holds what settled deliveries have done to it, once. */
function checkState(state, settled, complain) {
  const settledOf = (step) => [...settled.keys()].filter((name) => name.startsWith(`${step}/`));
  const links = settledOf("link").length;
  if ((state.get("count") ?? 0) !== links)
    complain(`${links} links have settled, and the count is ${state.get("count")}`);
  const trail = [...(state.get("trail") ?? [])];
  if (trail.length !== links || trail.some((link, at) => link !== at))
    complain(`the trail of ${links} links is ${trail}`);
  const answers = settledOf("answer").length;
  if ((state.get("answers") ?? []).length !== answers) complain(`${answers} answers: ${state.get("answers")}`);
  for (const name of settledOf("got")) {
    if (!state.get("got")?.[name.slice("got/".length)]) complain(`${name} has settled, and the state does not know`);
  }
  for (const name of settledOf("work")) {
    if (!state.has(`part ${name.slice("work/".length)}`)) complain(`${name} has settled, and left no part`);
  }
}

/** What is added up counts each delivery once: those that have settled, and some of those that are at work. */
function checkAdditions(state, settled, pending, complain) {
  const additions = { works: "work", worked: "work", audits: "audit", notes: "note" };
  for (const [key, step] of Object.entries(additions)) {
    const isOfStep = (name) => name.startsWith(`${step}/`);
    const least = [...settled.keys()].filter(isOfStep).length;
    const most = least + [...pending.keys()].filter(isOfStep).length;
    const found = state.get(key) ?? 0;
    const sum = found.length ?? found;
    if (sum < least || sum > most) complain(`the sum of ${key} is ${sum}, and must be from ${least} to ${most}`);
  }
}

/** A run when all is over: it ended like one that nothing disturbs. */
function checkEnd(stored, told, undisturbed, complain) {
  if (stored === undefined) return complain("it is not there");
  const { status, result, error, settled, state } = stored;
  if (status !== "completed" || result !== JSON.stringify(undisturbed.result)) {
    complain(`it is ${status} with ${result ?? error} instead of ${JSON.stringify(undisturbed.result)}`);
  }
  if (digestOf(state) !== undisturbed.result.state) complain("its state is another");
  if (told.ended === undefined) complain("nobody was told of its end");
  for (const name of undisturbed.deliveries) {
    const last = told.invoked.get(name);
    if (!settled.has(name)) complain(`${name} never settled`);
    else if (last?.attempt !== settled.get(name).attempt) {
      complain(`${name} settled with attempt ${settled.get(name).attempt}, and the last told of is ${last?.attempt}`);
    }
  }
}
