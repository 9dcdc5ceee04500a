// How one run is written to its store: when it may go on, and who waits until its changes are durable.
//
// The engine numbers the changes and hands them to the store; here is only heard how far the store has come.

import type { Durability } from "./durability.js";
import { native } from "./native.js";
import type { EventTravel, NativeContext } from "./step_driver.js";
import type { StoreConnection, WrittenRun } from "./store_connection.js";

/** Where a run is written to, and when. */
export interface Writing {
  readonly connection: StoreConnection;
  readonly durability: Durability;
  /** Whether streams are written as well. */
  readonly keepsStreams: boolean;
}

interface Waiter {
  readonly change: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class RunWriting {
  readonly #to: Writing;
  readonly #run: NativeContext;
  /** By which its connection knows it. */
  readonly #key: number;
  #waiters: Waiter[] = [];
  #failure: unknown;

  /** @param told hears from the connection what becomes of the changes */
  constructor(to: Writing, run: NativeContext, key: number, told: WrittenRun) {
    this.#to = to;
    this.#run = run;
    this.#key = key;
    to.connection.writes(key, told);
  }

  get connection(): StoreConnection {
    return this.#to.connection;
  }

  /** Whether the store has nothing of the run until it is paused or has ended. */
  get isOnlyAtRest(): boolean {
    return this.#to.durability === "exit";
  }

  /** When the run may go on after what has happened so far: `"async"` is some way ahead of its store, `"exit"` all the way. */
  whenStored(): Promise<void> | undefined {
    if (this.isOnlyAtRest) return undefined;
    return this.whenDurable(this.#to.durability === "async" ? native.MOST_AHEAD : 0);
  }

  /** When all that has changed so far is durable, but for the last `ahead` changes. Rejects if the run has failed. */
  whenDurable(ahead = 0): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const change = this.#run.lastChange - ahead;
    if (this.#run.durableChange >= change) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ change, resolve, reject });
    });
  }

  /** Some changes have become durable. */
  stored(): void {
    if (this.#waiters.length === 0) return;
    const durable = this.#run.durableChange;
    for (const { change, resolve } of this.#waiters) if (change <= durable) resolve();
    this.#waiters = this.#waiters.filter(({ change }) => change > durable);
  }

  /** The run has ended, and nobody need wait any more. */
  end(failure: unknown): void {
    this.#failure = failure;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve, reject } of waiters) {
      if (failure === undefined) resolve();
      else reject(failure);
    }
    this.#to.connection.forget(this.#key);
  }
}

/** How the events of a run travel that is written so. */
export function travelOf(writing: Writing | undefined): EventTravel {
  if (writing === undefined) return "by-reference";
  return writing.durability === "exit" ? "as-text-until-paused" : "as-text";
}
