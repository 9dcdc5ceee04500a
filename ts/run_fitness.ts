// Whether code can finish a run: by what the run has pending, what it waits for, and the steps that it remembers.
//
// What is pending is certain. What comes after is followed by the events that steps declare: those of this code where it
// has the step and the step says, else those that the run remembers. A step of which nobody knows what it emits may emit
// whatever a remembered step accepts.

import { queueOf, typeIn, waitsOf } from "./loaded_run.js";
import type { LoadedRun } from "./store_connection.js";
import type { KnownStep, WorkflowCode } from "./workflow_code.js";

/** Whether a run goes wrong for certain, or only if it comes that way. */
export type RunVerdict = "cannot" | "may not";

/** Why a run may not be finished. */
export interface RunProblem {
  /** `"cannot"`: the run cannot be finished so. `"may not"`: it depends on what its steps emit. */
  verdict: RunVerdict;
  /**
   * `step-gone`: an event is on its way to a step that is not there. `step-takes-others`: the step is there, and does not
   * accept the type of the event any more. `nobody-accepts`: an event is waited for, or may be emitted, that no step
   * accepts. `nobody-answers`: so is the answer to an input request. `cannot-undo`: a step is done that is to be undone if
   * the run fails, and it is not there, or has no `compensate`. `migration-failed`: `migrate` did. `damaged`: what the store
   * has of the run is not what was written.
   */
  kind:
    | "step-gone"
    | "step-takes-others"
    | "nobody-accepts"
    | "nobody-answers"
    | "cannot-undo"
    | "migration-failed"
    | "damaged";
  /** The step that it is about: the one that receives the event, or that may emit it. */
  step?: string;
  /** The type of the event that it is about. */
  event?: string;
  /** What is wrong, in a sentence. */
  message: string;
}

export interface Fitness {
  /** The names of the steps that the run needs, or may need. */
  readonly needs: string[];
  readonly problems: RunProblem[];
}

const RESPONSE = "blazen::InputResponseEvent";
const REQUEST = "blazen::InputRequestEvent";
const STOP = "blazen::StopEvent";
const START = "blazen::StartEvent";

/** @param remembered the steps of the code that the run has gone by so far; empty if that is not known */
export function fitnessOf(run: LoadedRun, code: WorkflowCode, remembered: readonly KnownStep[]): Fitness {
  const way = new Way(code, remembered);
  const { pending, undoable } = queueOf(run);
  for (const { step } of undoable.reverse()) way.done(step);
  for (const { step, eventType } of pending) way.pending(step, eventType);
  for (const { id, kind, event, expiry } of waitsOf(run)) {
    const type = kind === "input" ? RESPONSE : typeIn(event);
    if (kind === "arrived") way.arrived(id, type);
    else way.awaited(id, type);
    if (expiry != null) way.expires(id, typeIn(expiry));
  }
  way.followAll();
  return { needs: [...way.needs], problems: way.problems };
}

/** The way that a run may still go. */
class Way {
  readonly needs = new Set<string>();
  readonly problems: RunProblem[] = [];
  readonly #own: ReadonlyMap<string, KnownStep>;
  readonly #remembered: ReadonlyMap<string, KnownStep>;
  /** Those that may be called, in the order in which they come; grows while it is followed. */
  readonly #called = new Set<string>();
  readonly #told = new Set<string>();
  readonly #code: WorkflowCode;
  /** The event types that have been met. */
  readonly #types = new Set<string>();

  constructor(code: WorkflowCode, remembered: readonly KnownStep[]) {
    this.#code = code;
    this.#own = new Map(code.steps.map((step) => [step.name, step]));
    this.#remembered = new Map(remembered.map((step) => [step.name, step]));
  }

  /** A step is done, and is called once more only to be undone. */
  done(step: string): void {
    this.needs.add(step);
    if (this.#code.canUndo(step)) return;
    const why = this.#code.hasStep(step) ? "has no compensate for it" : "does not have it";
    const message = `step ${quoted(step)} is done, which is to be undone if the run fails, and ${this.#workflow} ${why}`;
    this.#tell({ verdict: "cannot", kind: "cannot-undo", step, message });
  }

  pending(step: string, event: string): void {
    this.#calls(step);
    const about = { step, event };
    const own = this.#own.get(step);
    if (own === undefined) {
      const nearest = this.#code.nearestStep(step);
      const hint = nearest === null ? "" : `; is it ${quoted(nearest)} now?`;
      this.#tell({
        ...about,
        verdict: "cannot",
        kind: "step-gone",
        message: `a ${quoted(event)} event is on its way to step ${quoted(step)}, which ${this.#workflow} does not have${hint}`,
      });
    } else if (!own.accepts.includes(event)) {
      this.#tell({
        ...about,
        verdict: "may not",
        kind: "step-takes-others",
        message: `a ${quoted(event)} event is on its way to step ${quoted(step)}, which accepts ${list(own.accepts)} now`,
      });
    }
  }

  awaited(id: string, event: string): void {
    if (event === RESPONSE) {
      const message = `the run waits for an answer to ${quoted(id)}, and no step of ${this.#workflow} accepts ${quoted(event)}`;
      this.#leadsTo(event, { verdict: "cannot", kind: "nobody-answers", event, message });
      return;
    }
    const message = `the run waits for a ${quoted(event)} event, which ${this.#nobodyAccepts(event)}`;
    this.#leadsTo(event, { verdict: "cannot", kind: "nobody-accepts", event, message });
  }

  arrived(id: string, event: string): void {
    const message = `a ${quoted(event)} event has come (${quoted(id)}), which ${this.#nobodyAccepts(event)}`;
    this.#leadsTo(event, { verdict: "may not", kind: "nobody-accepts", event, message });
  }

  expires(id: string, event: string): void {
    const message = `when nothing comes for ${quoted(id)}, a ${quoted(event)} event goes out, which ${this.#nobodyAccepts(event)}`;
    this.#leadsTo(event, { verdict: "cannot", kind: "nobody-accepts", event, message });
  }

  /** Follows the events that steps may emit, to the end. */
  followAll(): void {
    for (const step of this.#called) for (const event of this.#emittedBy(step)) this.#emits(step, event);
  }

  #emits(step: string, event: string): void {
    if (this.#types.has(event) || event === STOP) return;
    if (event === REQUEST) {
      if (this.#types.has(RESPONSE)) return;
      const message = `step ${quoted(step)} may ask for input, and no step of ${this.#workflow} accepts the answer`;
      this.#leadsTo(RESPONSE, { verdict: "may not", kind: "nobody-answers", step, event: RESPONSE, message });
      return;
    }
    const message = `step ${quoted(step)} may emit ${quoted(event)}, which ${this.#nobodyAccepts(event)}`;
    this.#leadsTo(event, { verdict: "may not", kind: "nobody-accepts", step, event, message });
  }

  /** An event of a type may come, and goes to those that accept it; if there are none, to those that did. */
  #leadsTo(event: string, unlessAccepted: RunProblem): void {
    const takers = this.#code.accepting(event);
    if (takers.length === 0) this.#tell(unlessAccepted);
    if (this.#types.has(event)) return;
    this.#types.add(event);
    for (const step of takers.length === 0 ? accepting(this.#remembered, event) : takers) this.#calls(step);
  }

  #calls(step: string): void {
    this.needs.add(step);
    this.#called.add(step);
  }

  #emittedBy(name: string): Iterable<string> {
    const own = this.#own.get(name);
    const remembered = this.#remembered.get(name);
    const emits = own?.emits ?? remembered?.emits ?? this.#anything();
    const onFailure = (own ?? remembered)?.onFailure;
    return onFailure === undefined ? emits : [...emits, onFailure];
  }

  /** Whatever was worth emitting. */
  #anything(): string[] {
    const accepted = [...this.#remembered.values()].flatMap(({ accepts }) => accepts);
    return [...new Set(accepted)].flatMap((event) => {
      if (event === START) return [];
      return event === RESPONSE ? REQUEST : event;
    });
  }

  #tell(problem: RunProblem): void {
    const key = JSON.stringify([problem.kind, problem.verdict, problem.event, problem.step]);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.problems.push(problem);
  }

  #nobodyAccepts(event: string): string {
    const took = accepting(this.#remembered, event);
    const nearest = took.length === 0 ? this.#code.nearestEventType(event) : null;
    const hint = nearest === null ? "" : `; is it ${quoted(nearest)} now?`;
    return `no step of ${this.#workflow} accepts${took.length === 0 ? hint : `; it went to ${list(took)}`}`;
  }

  get #workflow(): string {
    return `workflow ${quoted(this.#code.workflow)}`;
  }
}

function accepting(steps: ReadonlyMap<string, KnownStep>, event: string): string[] {
  return [...steps.values()].filter(({ accepts }) => accepts.includes(event)).map(({ name }) => name);
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

function list(names: readonly string[]): string {
  return names.map(quoted).join(", ");
}
