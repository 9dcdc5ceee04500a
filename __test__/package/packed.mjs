// The package as its users get it: packed as for a release, and installed into a project that has nothing else.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonFile } from "../../scripts/addon.mjs";
import { ENVIRONMENT, ROOT } from "../../scripts/command.mjs";

/** The addon of this platform as built, and the platform in the words of package names: `linux-x64-gnu`. */
export const ADDON = join(ROOT, addonFile());
export const PLATFORM = /blazen\.(.*)\.node$/.exec(ADDON)[1];

const PROGRAMS = fileURLToPath(new URL("programs", import.meta.url));

/** Packs the root package and the package of this platform, as a release does. */
export function packAsForRelease() {
  const folder = mkdtempSync(join(tmpdir(), "blazen-package-"));
  const staged = join(folder, "package");
  execFileSync("tar", ["-xzf", npmPack(ROOT, folder), "-C", folder]);
  cpSync(join(ROOT, "npm"), join(staged, "npm"), { recursive: true });
  for (const platform of readdirSync(join(staged, "npm"))) {
    const addon = join(staged, "npm", platform, `blazen.${platform}.node`);
    // A release has all addons and is refused without; only this platform's is looked at here.
    platform === PLATFORM ? cpSync(ADDON, addon) : writeFileSync(addon, "");
  }
  // Adds the platform packages to `optionalDependencies`: in the repository they would stop every `npm ci` until all of
  // them are published.
  npm(["run", "prepublishOnly"], staged);
  return { folder, root: npmPack(staged, folder), platform: npmPack(join(staged, "npm", PLATFORM), folder) };
}

/** Installs both tarballs, and the programs of this test beside them. */
export function installInto(name, packed) {
  const project = join(packed.folder, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true }));
  // Offline with an empty cache: the other platforms' packages are optional and of no use here, and nothing that
  // somebody published under a like name can come in.
  const alone = ["--offline", "--cache", join(packed.folder, "cache")];
  npm(["install", ...alone, "--ignore-scripts", packed.root, packed.platform], project);
  cpSync(PROGRAMS, project, { recursive: true });
  for (const types of ["@types/node", "undici-types"]) {
    cpSync(join(ROOT, "node_modules", types), join(project, "node_modules", types), { recursive: true });
  }
  return project;
}

/** The names of the files in a tarball. */
export function filesIn(tarball) {
  const names = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  return names.map((name) => name.replace(/^package\//, "")).sort();
}

export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

function npmPack(folder, destination) {
  npm(["pack", "--ignore-scripts", "--pack-destination", destination], folder);
  const { name, version } = readJson(join(folder, "package.json"));
  return join(destination, `${name}-${version}.tgz`);
}

function npm(args, cwd) {
  const options = { cwd, env: ENVIRONMENT, stdio: "pipe", shell: process.platform === "win32" };
  execFileSync("npm", args, options);
}
