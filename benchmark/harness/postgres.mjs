// A Postgres server for one probe: a fresh cluster with the settings it comes with, so that each commit is synced,
// reached through a Unix socket and gone afterwards. Nothing that runs already is touched.

import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

const USER = "benchmark";
const READY = "ready to accept connections";

/** Where packages put what they do not put on the PATH. */
const VERSIONED = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"];

/** Why there can be no server, or undefined. */
export function missingPostgres() {
  if (process.platform === "win32") {
    return "not tried on Windows";
  }
  if (!findPrograms()) {
    return "no Postgres is installed here (initdb and postgres were looked for)";
  }
  if (isRoot() && !ordinaryUser()) {
    return "Postgres does not run as root, and there is no user postgres or nobody";
  }
  return undefined;
}

/** `PostgreSQL 15.18`, or undefined where there is none. */
export function postgresVersion() {
  const programs = missingPostgres() ? undefined : findPrograms();
  return programs && spawnSync(join(programs, "postgres"), ["--version"], { encoding: "utf8" }).stdout.trim();
}

/** Starts a server whose data is in `folder`. `stop()` resolves when it has ended. */
export async function startPostgres(folder) {
  const programs = findPrograms();
  const home = join(folder, "postgres");
  mkdirSync(home);
  const identity = isRoot() ? ordinaryUser() : {};
  if (isRoot()) {
    chownSync(home, identity.uid, identity.gid);
  }
  const options = { cwd: home, ...identity };
  const data = join(home, "data");
  createCluster(programs, data, options);

  const server = spawn(join(programs, "postgres"), ["-D", data, "-k", home, "-c", "listen_addresses="], {
    ...options,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise((resolve) => server.on("close", resolve));
  // SIGINT is Postgres' fast shutdown. Whatever ends this process must end the server too.
  const interrupt = () => server.kill("SIGINT");
  const leave = () => process.exit(1);
  process.on("exit", interrupt);
  process.on("SIGTERM", leave);
  await untilReady(server);
  return {
    url: `postgresql://${USER}@localhost/dbos?host=${encodeURIComponent(home)}`,
    async stop() {
      interrupt();
      await ended;
      process.off("exit", interrupt);
      process.off("SIGTERM", leave);
    },
  };
}

function createCluster(programs, data, options) {
  const settings = ["-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
  const { status, stderr, error } = spawnSync(join(programs, "initdb"), settings, { ...options, encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`initdb failed: ${stderr ?? error}`);
  }
}

function untilReady(server) {
  return new Promise((resolve, reject) => {
    let log = "";
    server.stderr.on("data", (chunk) => {
      log = (log + chunk).slice(-4000);
      if (log.includes(READY)) {
        resolve();
      }
    });
    server.on("error", reject);
    server.on("close", () => reject(new Error(`Postgres ended before it was ready:\n${log}`)));
  });
}

/** The first folder that holds both programs. */
function findPrograms() {
  const onPath = (process.env.PATH ?? "").split(delimiter);
  const beside = VERSIONED.filter(existsSync).flatMap((folder) =>
    readdirSync(folder).map((entry) => join(folder, entry, "bin")),
  );
  return [...onPath, ...beside].find((folder) =>
    ["initdb", "postgres"].every((name) => existsSync(join(folder, name))),
  );
}

const isRoot = () => process.getuid?.() === 0;

/** A user who is not root, since Postgres refuses to run as root. */
function ordinaryUser() {
  return ["postgres", "nobody"].map(idsOf).find(Boolean);
}

function idsOf(user) {
  const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, user], { encoding: "utf8" }));
  return uid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}
