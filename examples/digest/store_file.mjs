// Where runs are kept between starts: one file in a folder, for all texts.

import { access, rename } from "node:fs/promises";
import { join } from "node:path";
import { SqliteStore, StoreError } from "blazen";
import { Refusal, reasonOf } from "./refusal.mjs";

/** What SQLite may have put beside the file, by the end of the name. */
const BESIDE = ["-wal", "-shm"];

/** @typedef {import("blazen").StoredRun} StoredRun */

export class StoreFile {
  #base;

  constructor(directory) {
    this.#base = join(directory, "digest");
  }

  get path() {
    return `${this.#base}.db`;
  }

  /**
   * Opens the store, and looks for a run in it. A store that is damaged is put out of the way.
   *
   * @returns {Promise<{ store: SqliteStore, stored: StoredRun | null }>}
   * @throws Refusal if somebody else has it open, or it cannot be opened
   */
  async open(runId) {
    let store;
    try {
      store = SqliteStore.open(this.path);
      return { store, stored: await store.run(runId) };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code !== "ERR_BLAZEN_STORE_CORRUPT") throw new Refusal(error.message);
      console.error(`The runs of earlier starts are of no use: ${error.message}.`);
      return this.openAnew(runId, store);
    }
  }

  /** Puts the store out of the way, for somebody to look at, and opens an empty one. */
  async openAnew(runId, store) {
    await store?.close();
    console.error(`They are in ${await this.#setAside()} now.`);
    return this.open(runId);
  }

  async #setAside() {
    for (let number = 1; ; number++) {
      const path = `${this.#base}.broken-${number}.db`;
      if (await exists(path)) continue;
      try {
        await rename(this.path, path);
        for (const end of BESIDE) if (await exists(this.path + end)) await rename(this.path + end, path + end);
      } catch (error) {
        throw new Refusal(`cannot move the store ${this.path}: ${reasonOf(error)}`, 1);
      }
      return path;
    }
  }
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
