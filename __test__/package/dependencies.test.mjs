// docs/dependencies.md against the manifests.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../scripts/command.mjs";
import { readJson } from "./packed.mjs";

test("docs/dependencies.md names every direct dependency and no other", () => {
  const page = readFileSync(join(ROOT, "docs/dependencies.md"), "utf8");
  const rows = page.matchAll(/^\| (?!package|crate|---)(.+?) \|/gm);
  const named = [...rows].flatMap(([, cell]) => cell.split(", "));
  const manifests = ["", "benchmark", "__test__/package/tools", "__test__/package/runtimes"];
  const packages = manifests.flatMap((folder) => {
    const { dependencies, devDependencies } = readJson(join(ROOT, folder, "package.json"));
    return Object.keys({ ...dependencies, ...devDependencies });
  });
  const crates = ["", "fuzz"].flatMap((folder) => cratesOf(join(ROOT, folder, "Cargo.toml")));
  assert.deepEqual(named.sort(), [...crates, ...packages].sort());
});

/** The names in the dependency tables of a Cargo.toml, but for blazen's own. */
function cratesOf(path) {
  const manifest = readFileSync(path, "utf8");
  const tables = manifest.matchAll(/^\[(?:[^[\]]+\.)?(?:dev-|build-)?dependencies\]\n((?:.+\n)+)/gm);
  return [...tables].flatMap(([, rows]) => [...rows.matchAll(/^(?!blazen )([\w-]+) *=/gm)].map(([, name]) => name));
}
