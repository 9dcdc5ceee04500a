// The code of a workflow as its runs remember it: a version, and the steps that there were.

import { checkName, refuse } from "./arguments.js";
import type { Definition } from "./definition.js";

const LONGEST_VERSION = 200;

/** A step as a run remembers it. */
export interface KnownStep {
  readonly name: string;
  readonly accepts: readonly string[];
  /** Not there if the step does not say what it emits. */
  readonly emits?: readonly string[];
  /** The type of the event that tells of its failure. */
  readonly onFailure?: string;
}

/** The code of a workflow, by which a run goes on or is rewritten. */
export interface WorkflowCode {
  readonly workflow: string;
  readonly steps: readonly KnownStep[];
  hasStep(name: string): boolean;
  /** Whether the step has a `compensate`. */
  canUndo(name: string): boolean;
  /** The steps that accept an event of that type. */
  accepting(eventType: string): string[];
  /** A name that `name` may have been meant to be, or may have become. */
  nearestStep(name: string): string | null;
  nearestEventType(name: string): string | null;
}

/** @throws InvalidArgumentError */
export function readVersion(version: unknown): string | undefined {
  if (version === undefined) return undefined;
  const what = "the version of a workflow";
  checkName(version, what);
  if (version === "" || version.length > LONGEST_VERSION) {
    refuse(what, `a string of 1 to ${LONGEST_VERSION} characters`, version);
  }
  return version;
}

export function knownSteps({ steps }: Definition): KnownStep[] {
  return steps.map(({ name, accepts, emits, onFailure }) => ({
    name,
    accepts,
    ...(emits === undefined ? {} : { emits }),
    ...(onFailure === undefined ? {} : { onFailure }),
  }));
}

/** The text that a run remembers. */
export function stepsText(definition: Definition): string {
  return JSON.stringify(knownSteps(definition));
}

/** What a run remembers; empty if that is not known. */
export function readSteps(text: string | null | undefined): KnownStep[] {
  if (text == null) return [];
  try {
    const steps: unknown = JSON.parse(text);
    return Array.isArray(steps) ? steps.filter(isKnownStep) : [];
  } catch {
    return [];
  }
}

function isKnownStep(value: unknown): value is KnownStep {
  if (typeof value !== "object" || value === null) return false;
  const { name, accepts, emits, onFailure } = value as Partial<KnownStep>;
  return (
    typeof name === "string" &&
    Array.isArray(accepts) &&
    (emits === undefined || Array.isArray(emits)) &&
    (onFailure === undefined || typeof onFailure === "string")
  );
}
