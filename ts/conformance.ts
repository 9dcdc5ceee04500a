// What every store written in JavaScript must hold to, as a suite for any test runner.
//
// The promises are those that src/store/conformance.rs asks of drivers in Rust, but for what is no business of a
// CheckpointStore: history, pruning, and what a closed store says. The last one is the hardest: the store answers a
// long random schedule as a model does.

import type { CheckpointStore } from "./checkpoint_store.js";
import { ENDING } from "./conformance/ending.js";
import { KEEPING } from "./conformance/keeping.js";
import { LISTING } from "./conformance/listing.js";
import { ORDER } from "./conformance/order.js";
import { PERSISTING } from "./conformance/persisting.js";
import { REFUSING } from "./conformance/refusing.js";
import { SCHEDULE } from "./conformance/schedule.js";
import { BrokenPromise, StoreUnderTest } from "./conformance/store_under_test.js";
import { STREAMING } from "./conformance/streaming.js";

/** Something that a store must hold to. */
export interface StorePromise {
  /** What holds. */
  readonly name: string;
  /** Checks it, on a store of its own. Rejects with what was expected and what was found, if it does not hold. */
  readonly check: () => Promise<void>;
}

/** What else a store can do. */
export interface StorePromiseOptions<Store extends CheckpointStore> {
  /**
   * Closes a store, and opens one on what it has kept: as another process would. With it, the suite also checks that what
   * was taken is still there.
   */
  reopen?: (store: Store) => Store | Promise<Store>;
  /** Called with the store when a check is over, whether it has passed or not. */
  close?: (store: Store) => void | Promise<void>;
}

/**
 * What a store of your own must hold to, for the test runner that you have.
 *
 * ```js
 * import { test } from "node:test";
 * import { storePromises } from "blazen/conformance";
 *
 * for (const { name, check } of storePromises(() => new MyStore())) test(name, check);
 * ```
 *
 * @param open gives a store with nothing in it; called anew for each check
 */
export function storePromises<Store extends CheckpointStore>(
  open: () => Store | Promise<Store>,
  options: StorePromiseOptions<Store> = {},
): StorePromise[] {
  const { reopen, close } = options;
  const checks = {
    ...KEEPING,
    ...ORDER,
    ...REFUSING,
    ...ENDING,
    ...LISTING,
    ...STREAMING,
    ...(reopen ? PERSISTING : {}),
    ...SCHEDULE,
  };
  return Object.entries(checks).map(([name, check]) => ({
    name,
    check: async () => {
      let store = await open();
      const reopened = reopen && (async () => (store = await reopen(store)));
      try {
        await named(name, () => check(new StoreUnderTest(store, reopened)));
      } finally {
        await close?.(store);
      }
    },
  }));
}

/** A promise that is broken is told with its name. */
async function named(name: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (error instanceof BrokenPromise) error.message = `The store breaks a promise: ${name}.\n${error.message}`;
    throw error;
  }
}
