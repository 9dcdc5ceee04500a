// A workflow as its runs are run as children: what is asked of it beside what its users may ask.
//
// It is found by the workflow object, of which nothing is asked: it may be anything that a user has given.

import { refuse } from "./arguments.js";
import type { EndAtOnce } from "./arrivals.js";
import { InvalidArgumentError } from "./errors.js";
import type { HeldRun } from "./held_run.js";
import type { Run } from "./run.js";
import type { ParentRun } from "./run_commit.js";
import type { StoreConnection } from "./store_connection.js";

/** Told of a run that begins or goes on, before it does anything. */
export type Adopt = (run: Run) => void;

export interface ChildHost {
  /** The name of the workflow. */
  readonly workflow: string;
  /** Its store, if there is one. */
  readonly connection: StoreConnection | undefined;
  /** Whether a run of that id is at work here, or its store has it. */
  knows(runId: string): Promise<boolean>;
  /** The run of that id; if there is none, it begins with that input, as the child of a stored run if that is given. */
  begin(runId: string, input: unknown, adopt: Adopt, parent: ParentRun | undefined): Promise<HeldRun>;
  /** Ends the run of that id where it is here, or on its way. */
  endWhereItIs(runId: string, end: EndAtOnce): void;
  /** The run of that id; if there is none, it goes on from that snapshot. */
  resume(runId: string, snapshot: string, adopt: Adopt): Promise<HeldRun>;
}

/** A workflow whose runs are to be parents. */
type Parent = Pick<ChildHost, "workflow" | "connection">;

const HOSTS = new WeakMap<object, ChildHost>();

/** Says how runs of a workflow are run as children. */
export function hostChildren(workflow: object, host: ChildHost): void {
  HOSTS.set(workflow, host);
}

/**
 * @param what names the value, for the message of an error
 * @throws InvalidArgumentError if it is no workflow, or one whose runs a crash would part from those of `parent`
 */
export function readChildHost(workflow: unknown, what: string, parent: Parent): ChildHost {
  const host = typeof workflow === "object" && workflow !== null ? HOSTS.get(workflow) : undefined;
  if (host === undefined) refuse(what, "a Workflow", workflow);
  const { connection } = parent;
  if (connection === undefined || host.connection === connection) return host;
  const [child, own] = [host.workflow, parent.workflow].map((name) => JSON.stringify(name));
  throw new InvalidArgumentError(
    `workflow ${own} has a store, and workflow ${child}, which it is to run, has ${host.connection === undefined ? "none" : "another one"}: a crash would part their runs; give it the same, new Workflow(${child}, { store })`,
  );
}
