// A folder of notes, and the tools with which a model works on it. Each is safe to repeat.

import { access, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const SAMPLES = {
  "garden.md":
    "# Garden\n\n- [x] Prune the apple tree\n- [ ] Sow the beans\n- [ ] Mend the fence before the hens find out\n",
  "trip.md": "# Trip to Lisbon\n\nThe train leaves at 7:42.\n\n- [ ] Ask Ada for her tent\n- [x] Renew the passport\n",
  "work.md": "# Work\n\n- [ ] Answer Grace about the compiler\n- [ ] Book the room for Friday\n",
};

/** Makes a folder with sample notes, unless there is one. */
export async function makeSampleNotes(folder) {
  if (await exists(folder)) return;
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(SAMPLES)) await writeFile(join(folder, name), text);
}

/** @returns {Record<string, import("./toolbox.mjs").Tool>} */
export function noteTools(folder) {
  const name = { type: "string", description: "such as garden.md" };
  return {
    list_notes: {
      description: "The names of all notes, one a line.",
      parameters: { type: "object", properties: {} },
      run: async () => (await readdir(folder)).filter(isName).sort().join("\n"),
    },
    read_note: {
      description: "The text of a note.",
      parameters: { type: "object", properties: { name }, required: ["name"] },
      run: ({ name }, { signal }) => readFile(pathOf(folder, name), { encoding: "utf8", signal }),
    },
    write_note: {
      description: "Makes a note, or writes over the one that there is.",
      parameters: { type: "object", properties: { name, text: { type: "string" } }, required: ["name", "text"] },
      isDangerous: true,
      run: ({ name, text }) => writeNote(pathOf(folder, name), text),
    },
  };
}

/** Whole or not at all: who reads it meanwhile reads what was there before. */
async function writeNote(path, text) {
  if (typeof text !== "string") throw new Error("text must be a string");
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
  return `written, ${text.length} characters`;
}

function pathOf(folder, name) {
  if (!isName(name)) throw new Error(`${JSON.stringify(name)} is not the name of a note, such as garden.md`);
  return join(folder, name);
}

/** Nothing that leads out of the folder. */
function isName(name) {
  return typeof name === "string" && /^\w[\w .-]*\.md$/.test(name);
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
