// Where a stopped run waits for the next start: a file beside which nothing half-written ever stands, named by the
// content of the text, so that no run goes on with another one's text.

import { access, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Refusal, reasonOf } from "./refusal.mjs";

/** @typedef {{ done: number, total: number }} Progress */
/** @typedef {{ hash: string, savedAt: string, progress: Progress, snapshot: string }} SavedRun */

export class SnapshotFile {
  #base;
  #hash;

  /** @param {string} hash of the text's content */
  constructor(directory, hash) {
    this.#base = join(directory, `digest-${hash.slice(0, 12)}`);
    this.#hash = hash;
  }

  get path() {
    return `${this.#base}.snapshot.json`;
  }

  /**
   * @returns {Promise<SavedRun | undefined>} undefined if there is none
   * @throws BrokenSnapshot if it is not what `write` has written
   */
  async read() {
    let content;
    try {
      content = await readFile(this.path, "utf8");
    } catch (error) {
      if (error.code === "ENOENT") return undefined;
      throw new Refusal(`cannot read the snapshot ${this.path}: ${reasonOf(error)}`, 1);
    }
    const saved = parsed(content);
    if (saved.hash !== this.#hash) throw new BrokenSnapshot("it is of another text");
    return saved;
  }

  /**
   * @param {string} snapshot
   * @param {Progress} progress
   */
  async write(snapshot, progress) {
    const content = JSON.stringify({ hash: this.#hash, savedAt: new Date().toISOString(), progress, snapshot });
    const unfinished = `${this.#base}.${process.pid}.unfinished.snapshot.json`;
    try {
      await writeFile(unfinished, `${content}\n`, { flush: true });
      await rename(unfinished, this.path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw new Refusal(`cannot save the snapshot ${this.path}: ${reasonOf(error)}`, 1);
    }
  }

  async remove() {
    try {
      await rm(this.path, { force: true });
    } catch (error) {
      throw new Refusal(`cannot remove the snapshot ${this.path}: ${reasonOf(error)}`, 1);
    }
  }

  /** Puts the file out of the way, for somebody to look at. @returns {Promise<string>} where it is now */
  async setAside() {
    for (let number = 1; ; number++) {
      const path = `${this.#base}.broken-${number}.snapshot.json`;
      if (await exists(path)) continue;
      try {
        await rename(this.path, path);
      } catch (error) {
        throw new Refusal(`cannot move the broken snapshot ${this.path}: ${reasonOf(error)}`, 1);
      }
      return path;
    }
  }
}

/** The file is there, and no run can go on from it. */
export class BrokenSnapshot extends Error {}

/** @returns {SavedRun} */
function parsed(content) {
  let saved;
  try {
    saved = JSON.parse(content);
  } catch {
    throw new BrokenSnapshot("it is not JSON, or only a part of it");
  }
  const { hash, savedAt, progress, snapshot } = saved ?? {};
  const complete =
    typeof hash === "string" &&
    !Number.isNaN(Date.parse(savedAt)) &&
    Number.isInteger(progress?.done) &&
    Number.isInteger(progress?.total) &&
    typeof snapshot === "string";
  if (!complete) throw new BrokenSnapshot("something is missing in it");
  return saved;
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
