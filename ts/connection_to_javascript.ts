// The connection to a store that is written in JavaScript.

import { reading } from "./arguments.js";
import type { CheckpointQuery, CheckpointStore } from "./checkpoint_store.js";
import { summary } from "./describe.js";
import { isBlazenError, StoreError } from "./errors.js";
import { native } from "./native.js";
import type { RunCommit } from "./run_commit.js";
import type { RunStatus } from "./run_status.js";
import { checkPage, checkRun, checkStream, otherVersions, readingRun } from "./store_answers.js";
import { type ListedRuns, type LoadedRun, StoreConnection, type StoreQuery } from "./store_connection.js";

/** How many commits are handed over at once. */
const LARGEST_BATCH = 1_024;

const connections = new WeakMap<CheckpointStore, StoreConnection>();

/** The connection of a store: workflows that share the store share it. */
export function connectionTo(store: CheckpointStore): StoreConnection {
  const known = connections.get(store);
  if (known !== undefined) return known;
  const connection = new ConnectionToJavaScript(store);
  connections.set(store, connection);
  return connection;
}

class ConnectionToJavaScript extends StoreConnection {
  readonly #store: CheckpointStore;
  /** Settles when the last call so far has settled. */
  #last: Promise<unknown> = Promise.resolve();
  #committing = false;

  constructor(store: CheckpointStore) {
    super((wake) => native.Store.forJavaScript(wake));
    this.#store = store;
  }

  override async load(runId: string): Promise<LoadedRun | null> {
    const run = checkRun(await this.#call("load", () => this.#store.load(runId)), runId);
    return run === null ? null : readingRun(() => native.LoadedRun.given(run));
  }

  override async list({ workflow, status, oldestFirst, after, limit }: StoreQuery): Promise<ListedRuns> {
    const query: CheckpointQuery = {
      order: oldestFirst ? "oldest-first" : "newest-first",
      limit,
      ...(workflow === undefined ? {} : { workflow }),
      ...(status === undefined ? {} : { status: status as RunStatus }),
      ...(after === undefined ? {} : { after }),
    };
    const { runs, next } = checkPage(await this.#call("runs", () => this.#store.runs(query)));
    return { runs: [...runs], damaged: [], ...(next == null ? {} : { next }) };
  }

  override get keepsStreams(): boolean {
    return typeof reading("the store", () => this.#store.stream) === "function";
  }

  override async stream(runId: string, from: number, atMost: number): Promise<readonly string[] | null> {
    const read = async () => this.#store.stream?.(runId, from, atMost);
    return checkStream(await this.#call("stream", read), atMost);
  }

  protected override woken(): void {
    if (this.#committing) return;
    this.#committing = true;
    void this.#commitAll();
  }

  async #commitAll(): Promise<void> {
    try {
      for (;;) {
        const commits = this.native.takeCommits(LARGEST_BATCH) as RunCommit[];
        if (commits.length === 0) break;
        await this.#commit(commits);
        this.hear();
      }
    } finally {
      this.#committing = false;
    }
  }

  async #commit(commits: RunCommit[]): Promise<void> {
    const { length } = commits; // the list is the store's from now on
    try {
      const answer = await this.#call("commit", () => this.#store.commit(commits));
      this.native.commitsAreDurable(otherVersions(answer, length));
    } catch (error) {
      this.native.commitsHaveFailed(
        isBlazenError(error) ? error.message : `the store's commit() failed: ${summary(error)}`,
      );
    }
  }

  /** Calls the store when it has done what it was asked before. */
  async #call<Answer>(method: string, call: () => Promise<Answer>): Promise<Answer> {
    const before = this.#last;
    const answer = before.then(call);
    this.#last = answer.catch(() => undefined);
    try {
      return await answer;
    } catch (error) {
      throw new StoreError("ERR_BLAZEN_STORE_IO", `the store's ${method}() failed: ${summary(error)}`, {
        cause: error,
      });
    }
  }
}
