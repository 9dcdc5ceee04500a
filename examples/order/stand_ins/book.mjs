// What one of the stand-ins has done, a line of JSON for each entry. An entry is in the file before anybody is told of
// it, so the book is right whenever the process is killed.

import { appendFileSync, existsSync, readFileSync } from "node:fs";

export class Book {
  #path;
  #entries = [];

  /** @param {string} path of a file, which need not be there */
  constructor(path) {
    this.#path = path;
    if (existsSync(path)) this.#entries = readFileSync(path, "utf8").trim().split("\n").map(JSON.parse);
  }

  write(id, did, more = {}) {
    const entry = { id, did, ...more };
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
    this.#entries.push(entry);
  }

  /** The first entry of that kind. */
  find(id, did) {
    return this.#entries.find((entry) => entry.id === id && entry.did === did);
  }

  all(did) {
    return this.#entries.filter((entry) => entry.did === did);
  }
}
