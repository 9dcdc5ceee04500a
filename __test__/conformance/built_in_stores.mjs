// The drivers of this package as a CheckpointStore sees runs: `Driver` of the addon for tests calls them without the
// thread that writes.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

class DriverStore {
  #driver;

  constructor(driver) {
    this.#driver = driver;
  }

  async commit(commits) {
    return this.#driver.commit(commits);
  }

  async load(runId) {
    return this.#driver.load(runId);
  }

  async runs({ workflow, status, order, after, limit }) {
    return this.#driver.runs(workflow, status, order === "oldest-first", after, limit);
  }

  async stream(runId, from, limit) {
    return this.#driver.stream(runId, from, limit);
  }

  close() {
    this.#driver.close();
  }
}

/** What `storePromises` takes, for each driver. */
export function builtInStores(addon) {
  const { Driver } = createRequire(import.meta.url)(addon);
  const folder = mkdtempSync(join(tmpdir(), "blazen-conformance-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const files = new Map();
  const openFile = (file) => {
    const store = new DriverStore(Driver.sqlite(file));
    files.set(store, file);
    return store;
  };
  const close = (store) => store.close();
  return {
    MemoryStore: [() => new DriverStore(Driver.memory()), { close }],
    SqliteStore: [
      () => openFile(join(folder, `${files.size}.db`)),
      {
        reopen: (store) => {
          store.close();
          return openFile(files.get(store));
        },
        close,
      },
    ],
  };
}
