// How a run of another version is rewritten, before anybody goes on with it.
//
// The user's function changes plain data; what it leaves is checked as a whole and only then put in the place of what was
// loaded. Nothing is written here: whoever takes the run up writes it as one commit.

import type * as Native from "../native.js";
import { checkFunction } from "./arguments.js";
import { summary } from "./describe.js";
import { InvalidArgumentError, MigrationError } from "./errors.js";
import type { Migrate, MigratingRun } from "./migrating_run.js";
import { checkedPending, checkedState, checkedWaits, type KnownNames } from "./migration_checks.js";
import type { LoadedRun } from "./store_connection.js";
import type { AnyEvent, StateValue } from "./types.js";

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
   * @throws MigrationError, as a rejection; then the run is as it was
   */
  async apply(run: LoadedRun, names: KnownNames): Promise<void> {
    const { runId } = run;
    const version = run.workflowVersion ?? undefined;
    const { queued, waits } = run;
    const plain = plainRun(run, queued, waits);
    try {
      const returned: unknown = await this.#migrate(plain);
      if (returned !== undefined) {
        throw new InvalidArgumentError(
          `migrate must change the run in place and return nothing, and it returned ${summary(returned)}`,
        );
      }
      const state = checkedState(plain.state);
      const pending = checkedPending(plain.pending, queued, run.lastDelivery, names);
      run.rewrite(state, pending, checkedWaits(plain.waits, waits));
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

function plainRun(run: LoadedRun, queued: Native.QueuedDelivery[], waits: Native.OpenWait[]): MigratingRun {
  const keys = run.stateKeys();
  const values = run.stateValues();
  const { runId, workflowVersion } = run;
  return {
    runId,
    version: workflowVersion ?? undefined,
    state: new Map(keys.map((key, at) => [key, stateValue(values[at] as string | Buffer)])),
    pending: queued.map(({ delivery, step, event, attempt, due, held }) => ({
      delivery,
      step,
      event: JSON.parse(event) as AnyEvent,
      attempt,
      ...(due == null ? {} : { due: new Date(due) }),
      ...(held == null ? {} : { held }),
    })),
    waits: waits.map(({ id, kind, event, due, expiry }) => ({
      id,
      kind: kind as "input" | "expected" | "arrived",
      event: JSON.parse(event) as AnyEvent,
      ...(due == null ? {} : { due: new Date(due) }),
      ...(expiry == null ? {} : { expiry: JSON.parse(expiry) as AnyEvent }),
    })),
  };
}

function stateValue(kept: string | Buffer): StateValue {
  return typeof kept === "string" ? JSON.parse(kept) : kept;
}
