// How a run of another version is rewritten, before anybody goes on with it.
//
// The user's function changes plain data; what it leaves is checked as a whole and only then put in the place of what was
// loaded. Nothing is written here: whoever takes the run up writes it as one commit.

import type { OpenWait, QueuedDelivery } from "../native.js";
import { checkFunction } from "./arguments.js";
import { summary } from "./describe.js";
import { InvalidArgumentError, MigrationError } from "./errors.js";
import { queueOf, stateOf, typeIn, waitsOf } from "./loaded_run.js";
import type { Migrate, MigratingRun } from "./migrating_run.js";
import {
  addedKeys,
  checkedPending,
  checkedState,
  checkedUndoable,
  checkedWaits,
  type Unnumbered,
} from "./migration_checks.js";
import type { LoadedRun } from "./store_connection.js";
import { errorFromText } from "./stored_error.js";
import type { AnyEvent } from "./types.js";
import type { WorkflowCode } from "./workflow_code.js";

export class Migration {
  readonly version: string;
  readonly #migrate: Migrate;

  constructor(version: string, migrate: Migrate) {
    this.version = version;
    this.#migrate = migrate;
  }

  /** Whether the run goes by another version, or by none. */
  concerns(run: LoadedRun): boolean {
    return run.workflowVersion !== this.version;
  }

  /**
   * Rewrites a run.
   *
   * @throws MigrationError, as a rejection; then what was loaded is not to be used any more
   */
  async apply(run: LoadedRun, code: WorkflowCode): Promise<void> {
    const { runId } = run;
    const version = run.workflowVersion ?? undefined;
    run.beginRewriting();
    const known = { ...queueOf(run), waits: waitsOf(run) };
    const plain = plainRun(run, known);
    const keysBefore = new Set(plain.state.keys());
    try {
      const returned: unknown = await this.#migrate(plain);
      if (returned !== undefined) {
        throw new InvalidArgumentError(
          `migrate must change the run in place and return nothing, and it returned ${summary(returned)}`,
        );
      }
      const state = checkedState(plain.state);
      const keys = { before: keysBefore, after: new Set(state.map(({ key }) => key)) };
      const pending = checkedPending(plain.pending, known.pending, keys, code);
      if (run.ending != null && pending.added.length > 0) {
        throw new InvalidArgumentError("pending: the run undoes what it has done, and receives nothing any more");
      }
      const undoable = checkedUndoable(plain.undoable, known.undoable, code);
      const { waiting, received } = paired(checkedWaits(plain.waits, known.waits, code), code);
      const left = [...pending.left, ...undoable].sort((one, other) => one.delivery - other.delivery);
      run.rewrite(state, [...left, ...numbered([...pending.added, ...received], run.lastDelivery)], waiting);
    } catch (error) {
      throw new MigrationError(runId, { from: version, to: this.version }, error);
    }
  }
}

/** @throws InvalidArgumentError */
export function readMigration(migrate: unknown, version: string | undefined): Migration | undefined {
  if (migrate === undefined) return undefined;
  checkFunction(migrate, '"migrate" of the options of a workflow');
  if (version !== undefined) return new Migration(version, migrate as Migrate);
  throw new InvalidArgumentError('"migrate" was given without a "version" that runs could be migrated to');
}

/** What a run has before it is migrated. */
interface Known {
  readonly pending: readonly QueuedDelivery[];
  readonly undoable: readonly QueuedDelivery[];
  readonly waits: readonly OpenWait[];
}

function plainRun(run: LoadedRun, { pending, undoable, waits }: Known): MigratingRun {
  const { runId, workflowVersion, ending } = run;
  return {
    runId,
    version: workflowVersion ?? undefined,
    state: stateOf(run),
    pending: pending.map(({ delivery, step, event, attempt, due, held, added }) => ({
      delivery,
      step,
      event: JSON.parse(event) as AnyEvent,
      attempt,
      ...(due == null ? {} : { due: new Date(due) }),
      ...(held == null ? {} : { held }),
      ...(added == null ? {} : { additions: addedKeys(added).map((key) => ({ key })) }),
    })),
    undoable: undoable.map(({ delivery, step, event }) => ({ delivery, step, event: JSON.parse(event) as AnyEvent })),
    ...(ending == null ? {} : { compensating: errorFromText(ending, runId) }),
    waits: waits.map(({ id, kind, event, due, expiry }) => ({
      id,
      kind: kind as "input" | "expected" | "arrived",
      event: JSON.parse(event) as AnyEvent,
      ...(due == null ? {} : { due: new Date(due) }),
      ...(expiry == null ? {} : { expiry: JSON.parse(expiry) as AnyEvent }),
    })),
  };
}

/** An event that had arrived may be what is expected now: then it goes to the steps that accept it. */
function paired(waits: readonly OpenWait[], code: WorkflowCode): { waiting: OpenWait[]; received: Unnumbered[] } {
  const waiting = [...waits];
  const received: Unnumbered[] = [];
  for (const arrived of waits.filter(({ kind }) => kind === "arrived")) {
    const type = typeIn(arrived.event);
    const expected = waiting.findIndex((wait) => wait.kind === "expected" && typeIn(wait.event) === type);
    if (expected === -1) continue;
    waiting.splice(expected, 1);
    waiting.splice(waiting.indexOf(arrived), 1);
    const { event } = arrived;
    received.push(...code.accepting(type).map((step) => ({ step, event, eventType: type, attempt: 1, sent: 0 })));
  }
  return { waiting, received };
}

/** What is new comes after all that there was. */
function numbered(added: readonly Unnumbered[], lastDelivery: number): QueuedDelivery[] {
  return added.map((queued, index) => ({ ...queued, delivery: lastDelivery + index + 1 }));
}
