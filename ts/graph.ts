// How events go between the steps of a workflow: as its steps declare it, and as this process has seen it.

import type { Definition, Step } from "./definition.js";
import { problemsOf } from "./graph_problems.js";

/** A workflow as a graph: what `workflow.graph()` gives. It is JSON. */
export interface WorkflowGraph {
  /** The name of the workflow. */
  workflow: string;
  /** Where runs begin, the steps in the order in which they were added, and where events end. */
  nodes: GraphNode[];
  /** Which events go where, each once. */
  edges: GraphEdge[];
  /** What is wrong with it, as far as is known. */
  problems: GraphProblem[];
  /**
   * The steps that do not say what they emit. While there are any, some problems cannot be told from a lack of
   * declarations, and are not told: a step that nothing feeds, and a workflow that nothing stops.
   */
  undeclared: string[];
}

/** A step, or an end: where events come from or go to that are no step's. */
export type GraphNode = GraphStep | GraphEnd;

/** A step of the workflow. */
export interface GraphStep {
  /** The name of the step. */
  id: string;
  kind: "step";
  name: string;
  /** The types of the events that it receives. */
  accepts: string[];
  /** What it declares that it emits; `null` if it does not say. */
  emits: string[] | null;
}

/** Where events come from or go to that are no step's. */
export interface GraphEnd {
  /** Such as `blazen::StartEvent`. */
  id: string;
  /**
   * `start`: the input of a run. `stop`: its result. `input`: a person who is asked and answers. `nobody`: events that
   * no step accepts, at which a run fails.
   */
  kind: "start" | "stop" | "input" | "nobody";
  /** The kind in words. */
  name: string;
}

/** Events of one type that go from one node to another. */
export interface GraphEdge {
  /** The `id` of a node. */
  from: string;
  /** The `id` of a node. */
  to: string;
  /** The type of the events. */
  event: string;
  /** `observed` if the step does not declare it, and has emitted it in a run of this workflow in this process. */
  source: "declared" | "observed";
}

/** Something that is wrong with a workflow. */
export interface GraphProblem {
  /**
   * `nobody-accepts`: an event is emitted that no step accepts. `nobody-answers`: a step asks for input, and no step
   * accepts the answer. `nothing-feeds`: no event can reach a step. `nothing-starts`: no step accepts
   * `blazen::StartEvent`. `nothing-stops`: no step emits `blazen::StopEvent`.
   */
  kind: "nobody-accepts" | "nobody-answers" | "nothing-feeds" | "nothing-starts" | "nothing-stops";
  /** The type of the event that it is about, if it is about one. */
  event: string | null;
  /** The names of the steps that it is about. */
  steps: string[];
  /** What is wrong, in a sentence. */
  message: string;
}

/** A step with everything that it is known to emit. */
export interface EmittingStep {
  readonly name: string;
  readonly accepts: readonly string[];
  readonly declares: boolean;
  readonly emits: ReadonlyMap<string, GraphEdge["source"]>;
}

const ENDS = {
  start: { type: "blazen::StartEvent", name: "start" },
  input: { type: "blazen::InputRequestEvent", name: "somebody answers" },
  nobody: { type: "blazen::nobody", name: "nobody accepts" },
  stop: { type: "blazen::StopEvent", name: "stop" },
} as const;

export function graphOf(definition: Definition): WorkflowGraph {
  const steps = definition.steps.map((step) => emitting(step, definition));
  const ids = idsOfEnds(steps);
  const edges = [...edgesFromEnds(steps, ids), ...steps.flatMap((step) => edgesFrom(step, steps, ids))];
  const ends = (...kinds: GraphEnd["kind"][]): GraphEnd[] =>
    kinds
      .filter((kind) => edges.some(({ from, to }) => from === ids[kind] || to === ids[kind]))
      .map((kind) => ({ id: ids[kind], kind, name: ENDS[kind].name }));
  return {
    workflow: definition.workflow,
    nodes: [...ends("start"), ...definition.steps.map(nodeOf), ...ends("input", "nobody", "stop")],
    edges,
    problems: problemsOf(steps),
    undeclared: steps.filter(({ declares }) => !declares).map(({ name }) => name),
  };
}

function emitting({ name, accepts, emits, observed }: Step, { eventTypes }: Definition): EmittingStep {
  const known = new Map<string, GraphEdge["source"]>();
  for (const type of observed.types(eventTypes)) known.set(type, "observed");
  for (const type of emits ?? []) known.set(type, "declared");
  return { name, accepts, declares: emits !== undefined, emits: known };
}

function nodeOf({ name, accepts, emits }: Step): GraphStep {
  return { id: name, kind: "step", name, accepts: [...accepts], emits: emits === undefined ? null : [...emits] };
}

type Ids = { readonly [Kind in GraphEnd["kind"]]: string };

/** A step may have any name, also that of an end. */
function idsOfEnds(steps: readonly EmittingStep[]): Ids {
  const taken = new Set(steps.map(({ name }) => name));
  const free = (id: string): string => (taken.has(id) ? free(`${id}'`) : id);
  const { start, input, nobody, stop } = ENDS;
  return { start: free(start.type), input: free(input.type), nobody: free(nobody.type), stop: free(stop.type) };
}

/** What the engine emits itself: the start event, and the answers of people. */
function edgesFromEnds(steps: readonly EmittingStep[], ids: Ids): GraphEdge[] {
  const edgesOf = (from: string, event: string): GraphEdge[] =>
    acceptors(steps, event).map((to) => ({ from, to, event, source: "declared" }));
  return [...edgesOf(ids.start, "blazen::StartEvent"), ...edgesOf(ids.input, "blazen::InputResponseEvent")];
}

function edgesFrom(step: EmittingStep, steps: readonly EmittingStep[], ids: Ids): GraphEdge[] {
  return [...step.emits].flatMap(([event, source]) =>
    targetsOf(event, steps, ids).map((to) => ({ from: step.name, to, event, source })),
  );
}

function targetsOf(event: string, steps: readonly EmittingStep[], ids: Ids): string[] {
  if (event === "blazen::StopEvent") return [ids.stop];
  if (event === "blazen::InputRequestEvent") return [ids.input];
  const targets = acceptors(steps, event);
  return targets.length === 0 ? [ids.nobody] : targets;
}

function acceptors(steps: readonly EmittingStep[], event: string): string[] {
  return steps.filter(({ accepts }) => accepts.includes(event)).map(({ name }) => name);
}
