// A store of one's own: it can be written with what is exported, and its types are those of the native side.

import {
  type CheckpointedKey,
  type CheckpointedRun,
  type CheckpointPage,
  type CheckpointQuery,
  type CheckpointStore,
  type CheckpointSummary,
  type CommitRefusal,
  type OpenWait,
  type QueuedDelivery,
  type RunCommit,
  type RunStatus,
  Workflow,
  type WrittenKey,
} from "blazen";
import { type StorePromise, storePromises } from "blazen/conformance";
import type * as Native from "../../native.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the two types are one. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ["these types differ"]): void {}

/** The fields of a native type, with a status that is one of five, and waits of three kinds. */
type Narrowed<Type extends { status: string }> = {
  [Field in keyof Type]: Field extends "status"
    ? RunStatus
    : Type[Field] extends Native.OpenWait[]
      ? OpenWait[]
      : Type[Field];
};
type Fields<Type> = { [Field in keyof Type]: Type[Field] };

same<Fields<RunCommit>, Narrowed<Native.RunCommit>>();
same<Fields<CheckpointedRun>, Narrowed<Native.CheckpointedRun>>();
same<Fields<CheckpointSummary>, Narrowed<Native.ListedRun>>();

class RowStore implements CheckpointStore {
  readonly #runs = new Map<string, CheckpointedRun>();

  async commit(commits: readonly RunCommit[]): Promise<readonly (CommitRefusal | null)[]> {
    return commits.map((commit) => {
      const known = this.#runs.get(commit.runId);
      const storedVersion = known?.version ?? 0;
      if (commit.version !== storedVersion + 1) return { storedVersion };
      this.#runs.set(commit.runId, this.#after(commit, known));
      return null;
    });
  }

  async load(runId: string): Promise<CheckpointedRun | null> {
    return this.#runs.get(runId) ?? null;
  }

  async runs({ workflow, limit }: CheckpointQuery): Promise<CheckpointPage> {
    const runs = [...this.#runs.values()].filter((run) => workflow === undefined || run.workflow === workflow);
    const summaries: CheckpointSummary[] = runs.slice(0, limit).map((run) => ({
      runId: run.runId,
      workflow: run.workflow,
      status: run.status,
      waiting: run.pending.length === 0,
      createdAt: run.createdAt,
      updatedAt: run.updatedAt,
      ...(run.finishedAt === undefined ? {} : { finishedAt: run.finishedAt }),
    }));
    return { runs: summaries, ...(runs.length > limit ? { next: limit } : {}) };
  }

  #after(commit: RunCommit, run: CheckpointedRun | undefined): CheckpointedRun {
    const pending: QueuedDelivery[] = [...(run?.pending ?? []), ...commit.queued];
    const waits: OpenWait[] = [...(run?.waits ?? []), ...commit.opened];
    const { runId, version, status, lastDelivery, at } = commit;
    return {
      runId,
      workflow: run?.workflow ?? commit.creates ?? "",
      version,
      status,
      lastDelivery,
      createdAt: run?.createdAt ?? at,
      updatedAt: at,
      ...(commit.result === undefined ? {} : { result: commit.result }),
      pending,
      waits,
      state: commit.written.flatMap(keyAfter),
    };
  }
}

function keyAfter({ key, place, after }: WrittenKey): CheckpointedKey[] {
  return after === undefined ? [] : [{ key, place, value: after }];
}

new Workflow("orders", { store: new RowStore() });

// That resolves to nothing if all commits were taken.
const takesEverything: CheckpointStore = {
  async commit() {},
  async load() {
    return null;
  },
  async runs() {
    return { runs: [] };
  },
};
new Workflow("orders", { store: takesEverything });

// @ts-expect-error a store must give runs back
const lacksLoad: CheckpointStore = { commit: takesEverything.commit, runs: takesEverything.runs };
export const refusesInWords: CheckpointStore = {
  ...takesEverything,
  // @ts-expect-error a refusal says which version is stored
  commit: async (commits) => commits.map(() => ({ reason: "conflict" })),
};
export const unknownStatus: CheckpointStore = {
  ...takesEverything,
  // @ts-expect-error no such status
  runs: async () => ({
    runs: [{ runId: "", workflow: "", status: "done", waiting: false, createdAt: 0, updatedAt: 0 }],
  }),
};
new Workflow("orders", { store: lacksLoad });

const promises: StorePromise[] = storePromises(() => new RowStore());
export const checked: Promise<void>[] = promises.map(({ name, check }) => {
  same<typeof name, string>();
  return check();
});
storePromises(async () => new RowStore(), { reopen: (store) => store, close: async () => {} });
// @ts-expect-error a function that opens a store, and not the store
storePromises(new RowStore());
