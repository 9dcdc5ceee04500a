// The package as users get it: packed as for a release, installed into an empty project, and used there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../scripts/command.mjs";
import { installPackages } from "../../scripts/install_packages.mjs";
import { ADDON, filesIn, installInto, PLATFORM, packAsForRelease, readJson } from "./packed.mjs";
import { installRuntimes, RUNTIMES } from "./runtimes.mjs";

const TOOLS = fileURLToPath(new URL("tools", import.meta.url));
const MANIFEST = readJson(join(ROOT, "package.json"));
const PLATFORMS = readdirSync(join(ROOT, "npm"));

/** @type {ReturnType<typeof packAsForRelease>} */
let packed;
let project;

before(() => {
  installPackages(TOOLS);
  installRuntimes();
  packed = packAsForRelease();
  project = installInto("project", packed);
});

after(() => {
  rmSync(packed.folder, { recursive: true, force: true });
});

describe("what is in the package", () => {
  test("the root package holds its entry points, the compiled layer and its papers, and nothing else", () => {
    const layer = readdirSync(join(ROOT, "ts"), { recursive: true }).filter((name) => name.endsWith(".ts"));
    const types = layer.map((name) => name.replaceAll("\\", "/").replace(/ts$/, "d.ts"));
    const compiled = ["index.js", "conformance.js", "shared.js", ...types];
    const entries = ["index", "conformance"].flatMap((name) =>
      ["js", "d.ts", "mjs", "d.mts"].map((as) => `${name}.${as}`),
    );
    const entryPoints = [...entries, "native.js", "native.d.ts"];
    const papers = ["package.json", "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];
    const meant = [...entryPoints, ...papers, ...compiled.map((name) => `dist/${name}`)];
    assert.deepEqual(filesIn(packed.root), meant.sort());
  });

  test("the platform package holds one addon", () => {
    assert.deepEqual(filesIn(packed.platform), ["README.md", `blazen.${PLATFORM}.node`, "package.json"]);
  });

  test("a release depends on every platform's package in exactly its own version, and has no install script", () => {
    const { optionalDependencies, dependencies, scripts } = readJson(join(project, "node_modules/blazen/package.json"));
    const every = PLATFORMS.map((platform) => [`blazen-${platform}`, MANIFEST.version]);
    assert.deepEqual(optionalDependencies, Object.fromEntries(every));
    assert.equal(dependencies, undefined);
    for (const script of ["preinstall", "install", "postinstall", "prepare"]) {
      assert.equal(scripts[script], undefined);
    }
  });

  test("version, licence and engines are the same everywhere", () => {
    const { version, license, engines } = MANIFEST;
    for (const platform of PLATFORMS) {
      const manifest = readJson(join(ROOT, "npm", platform, "package.json"));
      assert.deepEqual(
        { name: manifest.name, version: manifest.version, license: manifest.license, engines: manifest.engines },
        { name: `blazen-${platform}`, version, license, engines },
      );
    }
    const crate = readFileSync(join(ROOT, "Cargo.toml"), "utf8");
    assert.match(crate, new RegExp(`^version = "${version}"$`, "m"));
    assert.ok(crate.includes(`license = "${license}"`));
  });

  test("the addon is smaller than 4.5 MB", (t) => {
    const { size } = statSync(ADDON);
    t.diagnostic(`${size} bytes`);
    assert.ok(size < 4_500_000);
  });

  test("the addon asks for no newer glibc than it may", { skip: !PLATFORM.endsWith("-gnu") }, (t) => {
    const versions = readFileSync(ADDON, "latin1").matchAll(/GLIBC_(\d+)\.(\d+)/g);
    const newest = [...versions]
      .map(([, major, minor]) => Number(major) * 1000 + Number(minor))
      .sort((a, b) => b - a)[0];
    t.diagnostic(`glibc ${Math.floor(newest / 1000)}.${newest % 1000}`);
    // An addon built with the system's own linker asks for the system's glibc. A release sets what it promises.
    const [major, minor] = (process.env.BLAZEN_NEWEST_GLIBC ?? thisGlibc()).split(".").map(Number);
    assert.ok(newest <= major * 1000 + minor);
  });
});

describe("what other tools say", () => {
  test("publint finds nothing", () => {
    runTool("publint/src/cli.js", ["run", packed.root, "--strict"]);
  });

  test("are-the-types-wrong finds nothing", () => {
    runTool("@arethetypeswrong/cli/dist/index.js", [
      packed.root,
      "--no-definitely-typed",
      "--format",
      "ascii",
      "--no-emoji",
    ]);
  });

  for (const [version, tsc] of [
    ["5", join(TOOLS, "node_modules/typescript5/bin/tsc")],
    ["7", join(ROOT, "node_modules/typescript/bin/tsc")],
  ]) {
    test(`TypeScript ${version} accepts programs in strict mode, with the package's own types checked`, () => {
      assert.ok(run(process.execPath, [tsc, "--version"]).startsWith(`Version ${version}.`));
      run(process.execPath, [tsc, "-p", "."]);
    });
  }

  for (const [how, setting] of [
    ["leaves the package outside", "--external:blazen"],
    ["takes the package in and copies the addon", "--loader:.node=copy"],
  ]) {
    test(`esbuild ${how}`, () => {
      const bundle = join("bundled", setting.replace(/\W/g, ""), "program.cjs");
      const settings = ["--bundle", "--platform=node", "--log-level=error", setting, `--outfile=${bundle}`];
      run(join(TOOLS, "node_modules/esbuild/bin/esbuild"), ["only_requires.cjs", ...settings]);
      assert.match(run(process.execPath, [bundle]), /before/);
    });
  }
});

describe("where it runs", () => {
  for (const { name, program, args } of RUNTIMES) {
    for (const script of ["imports.mjs", "requires.cjs", "only_workers.mjs"]) {
      test(`${name} runs ${script}`, () => {
        assert.equal(run(program, [...args, script]), "told\n");
      });
    }
  }
});

describe("how it loads", () => {
  test("a program that only requires it has nothing open, and ends", () => {
    const { before, after } = JSON.parse(run(process.execPath, ["only_requires.cjs"]));
    assert.deepEqual(after, before);
  });

  test("a program that only imports it ends", () => {
    assert.equal(run(process.execPath, ["only_imports.mjs"]), "");
  });

  test("without the platform package it says which one is missing, with a code", () => {
    const folder = join(packed.folder, "without_native");
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    cpSync(join(project, "node_modules/blazen"), join(folder, "node_modules/blazen"), { recursive: true });
    cpSync(join(project, "without_native.cjs"), join(folder, "without_native.cjs"));
    const error = JSON.parse(run(process.execPath, ["without_native.cjs"], folder));
    assert.equal(error.name, "NativeBindingError");
    assert.equal(error.code, "ERR_BLAZEN_NATIVE_BINDING");
    assert.ok(error.message.includes(`blazen-${process.platform}-${process.arch}`), error.message);
  });
});

/** Runs a program to its end and gives what it printed; the test fails with all of it if the program does. */
function run(program, args, cwd = project) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 0, `${error ?? signal ?? `exit code ${status}`}\n${stdout}${stderr}`);
  return stdout;
}

function runTool(path, args) {
  return run(process.execPath, [join(TOOLS, "node_modules", path), ...args]);
}

function thisGlibc() {
  return process.report.getReport().header.glibcVersionRuntime;
}
