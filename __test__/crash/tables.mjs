// The tables of a store's file, read past the package: from a copy, as whoever finds the file after a crash would.

import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const QUERIES = {
  runs: "SELECT id AS run, status, version, result, error FROM run_overview",
  pending: "SELECT run, delivery, step, attempt, event FROM run_pending",
  waits: "SELECT run, wait, event FROM run_waits",
  state: "SELECT run, key, value FROM run_state",
  history:
    "SELECT runs.id AS run, entry.version, entry.delivery, entry.step, entry.attempt, entry.queued, entry.written, " +
    "CASE WHEN entry.delivery IS NOT NULL THEN coalesce(entry.event, before.carried) END AS event " +
    "FROM history AS entry JOIN runs ON runs.row = entry.run LEFT JOIN history AS before ON before.row = entry.previous " +
    "ORDER BY entry.run, entry.version",
  integrity: "PRAGMA integrity_check",
};

/** What reads the queries when Node itself cannot; one line of JSON in, one out. */
const PYTHON = `
import json, sqlite3, sys
for line in sys.stdin:
    path, queries = json.loads(line)
    file = sqlite3.connect(path)
    file.row_factory = sqlite3.Row
    hexed = lambda value: {"bytes": value.hex()} if isinstance(value, bytes) else value
    rows = lambda query: [{key: hexed(row[key]) for key in row.keys()} for row in file.execute(query)]
    print(json.dumps({name: rows(query) for name, query in queries.items()}), flush=True)
    file.close()
`;

/**
 * A reader of tables. SQLite is Node's own where it has one (22.5 and later), else Python's.
 *
 * @returns undefined if there is neither
 */
export async function openReader() {
  const sqlite = await import("node:sqlite").catch(() => undefined);
  const query = sqlite === undefined ? await pythonQuery() : nodeQuery(sqlite);
  if (query === undefined) return undefined;
  /** Questions are answered one after the other. */
  let last = Promise.resolve();
  return {
    /** The tables of the store, or `undefined` if the file is not there or has no tables yet. */
    read(path) {
      const answer = last.then(() => readCopy(query, path));
      last = answer.catch(() => undefined);
      return answer;
    },
    close: () => query.close(),
  };
}

async function readCopy(query, path) {
  if (!existsSync(path)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "blazen-tables-"));
  const copy = join(folder, "copy.db");
  copyFileSync(path, copy);
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
  try {
    const { tables } = await query.ask(copy, { tables: "SELECT name FROM sqlite_schema WHERE name = 'runs'" });
    return tables.length === 0 ? undefined : await query.ask(copy, QUERIES);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function nodeQuery({ DatabaseSync }) {
  const hexed = (value) => (value instanceof Uint8Array ? { bytes: Buffer.from(value).toString("hex") } : value);
  const plain = (row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, hexed(value)]));
  return {
    async ask(path, queries) {
      const file = new DatabaseSync(path);
      const rows = Object.entries(queries).map(([name, query]) => [name, file.prepare(query).all().map(plain)]);
      file.close();
      return Object.fromEntries(rows);
    },
    close() {},
  };
}

async function pythonQuery() {
  const python = spawn("python3", ["-c", PYTHON], { stdio: ["pipe", "pipe", "inherit"] });
  const isThere = await new Promise((resolve) => {
    python.once("spawn", () => resolve(true));
    python.once("error", () => resolve(false));
  });
  if (!isThere) return undefined;
  const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  return {
    async ask(path, queries) {
      python.stdin.write(`${JSON.stringify([path, queries])}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error("Python ended without an answer");
      return JSON.parse(value);
    },
    close: () => python.stdin.end(),
  };
}
