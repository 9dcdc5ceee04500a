// The text that is digested.

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { Refusal, reasonOf } from "./refusal.mjs";

const MOST_BYTES = 32 * 1024 * 1024;

/**
 * @returns {Promise<{ name: string, text: string, runId: string }>} `runId` tells this content from any other
 * @throws Refusal if there is no text in it
 */
export async function readTextFile(path) {
  const bytes = await bytesOf(path);
  const text = decoded(bytes, path);
  if (!/[\p{L}\p{N}]/u.test(text)) throw new Refusal(`${path} has no words in it`);
  return { name: basename(path), text, runId: runIdOf(bytes) };
}

/** A UUID of version 8, which is for those who make their own: the same for the same content. */
function runIdOf(bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex");
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

async function bytesOf(path) {
  try {
    const entry = await stat(path);
    if (entry.isDirectory()) throw new Refusal(`${path} is a directory; name a text file in it`);
    // A pipe or a device may never end.
    if (!entry.isFile()) throw new Refusal(`${path} is not a regular file`);
    if (entry.size > MOST_BYTES) throw new Refusal(`${path} is larger than ${MOST_BYTES / 2 ** 20} MB`);
    if (entry.size === 0) throw new Refusal(`${path} is empty`);
    return await readFile(path);
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

function decoded(bytes, path) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below.
  }
  throw new Refusal(`${path} is not a text in UTF-8`);
}
