// What is wrong with a workflow, as far as its steps declare what they emit and runs have shown it.
//
// Nothing is guessed: what only a step that does not declare its events could refute is not told.

import type { EmittingStep, GraphProblem } from "./graph.js";

export function problemsOf(steps: readonly EmittingStep[]): GraphProblem[] {
  const allDeclare = steps.every(({ declares }) => declares);
  return [
    ...nothingStarts(steps),
    ...nobodyAccepts(steps),
    ...nobodyAnswers(steps),
    ...(allDeclare ? [...nothingFeeds(steps), ...nothingStops(steps)] : []),
  ];
}

function nothingStarts(steps: readonly EmittingStep[]): GraphProblem[] {
  if (steps.some(({ accepts }) => accepts.includes("blazen::StartEvent"))) return [];
  const message = `no step accepts "blazen::StartEvent", so every run fails as it begins`;
  return [{ kind: "nothing-starts", event: "blazen::StartEvent", steps: [], message }];
}

function nobodyAccepts(steps: readonly EmittingStep[]): GraphProblem[] {
  const accepted = new Set(steps.flatMap(({ accepts }) => accepts));
  const emitted = new Set(steps.flatMap(({ emits }) => [...emits.keys()]));
  return [...emitted]
    .filter((event) => !accepted.has(event) && event !== "blazen::StopEvent" && event !== "blazen::InputRequestEvent")
    .map((event) => {
      const emitters = emittersOf(event, steps);
      const message = `no step accepts ${JSON.stringify(event)}, which ${said(emitters, event, "may emit", "emitted")}: a run fails at it`;
      return { kind: "nobody-accepts", event, steps: emitters.map(({ name }) => name), message };
    });
}

function nobodyAnswers(steps: readonly EmittingStep[]): GraphProblem[] {
  const event = "blazen::InputRequestEvent";
  const askers = emittersOf(event, steps);
  if (askers.length === 0 || steps.some(({ accepts }) => accepts.includes("blazen::InputResponseEvent"))) return [];
  const message = `no step accepts "blazen::InputResponseEvent", and ${said(askers, event, "may ask", "asked")} for input: a run fails at it`;
  return [{ kind: "nobody-answers", event, steps: askers.map(({ name }) => name), message }];
}

/** Steps that are out of reach of the input and of answers: also those that only feed each other. */
function nothingFeeds(steps: readonly EmittingStep[]): GraphProblem[] {
  const arriving = new Set(["blazen::StartEvent", "blazen::InputResponseEvent"]);
  const outOfReach = new Set(steps);
  // A set is walked in the order in which it grows, so this ends when nothing new arrives.
  for (const type of arriving) {
    for (const step of outOfReach) {
      if (!step.accepts.includes(type)) continue;
      outOfReach.delete(step);
      for (const emitted of step.emits.keys()) arriving.add(emitted);
    }
  }
  return [...outOfReach].map(({ name, accepts }) => {
    const types = accepts.map((type) => JSON.stringify(type)).join(" or ");
    const message = `nothing that a run can reach emits ${types}, so step ${JSON.stringify(name)} is never invoked`;
    return { kind: "nothing-feeds", event: null, steps: [name], message };
  });
}

function nothingStops(steps: readonly EmittingStep[]): GraphProblem[] {
  const event = "blazen::StopEvent";
  if (emittersOf(event, steps).length > 0) return [];
  const message = `no step emits "blazen::StopEvent", so no run can have a result`;
  return [{ kind: "nothing-stops", event, steps: [], message }];
}

function emittersOf(event: string, steps: readonly EmittingStep[]): EmittingStep[] {
  return steps.filter(({ emits }) => emits.has(event));
}

function said(emitters: readonly EmittingStep[], event: string, may: string, did: string): string {
  const names = emitters.map(({ name }) => JSON.stringify(name)).join(", ");
  const isDeclared = emitters.some(({ emits }) => emits.get(event) === "declared");
  return `${emitters.length === 1 ? "step" : "steps"} ${names} ${isDeclared ? may : did}`;
}
