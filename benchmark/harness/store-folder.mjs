// A folder for one probe's stores, on a disk. A file system in memory would answer every sync at once, and make each
// durable figure a lie.

import { chmodSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const IN_MEMORY = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);
const ON_DISK = new Map([
  [0xef53, "ext4"],
  [0x58465342, "XFS"],
  [0x9123683e, "Btrfs"],
  [0x2fc12fc1, "ZFS"],
  [0x794c7630, "overlayfs"],
]);

/** Calls `work(folder)` with a fresh folder and removes it afterwards, whatever happened. */
export async function withStoreFolder(work) {
  const folder = mkdtempSync(join(parentFolder(), "blazen-benchmark-"));
  // The database server of a peer may have to run as another user, who has to get through.
  chmodSync(folder, 0o711);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.on("exit", remove);
  try {
    return await work(folder);
  } finally {
    remove();
    process.off("exit", remove);
  }
}

/** `Stores in /tmp, on ext4`: what the durable figures stand on. */
export function storeDisk() {
  const parent = parentFolder();
  const type = fileSystemOf(parent);
  return `Stores in ${parent}, on ${ON_DISK.get(type) ?? `a file system of type 0x${type.toString(16)}`}`;
}

/** The system's folder for temporary files where that is on a disk, else this benchmark's own. */
function parentFolder() {
  const candidates = [tmpdir(), fileURLToPath(new URL("..", import.meta.url))];
  const onDisk = candidates.find((folder) => !IN_MEMORY.has(fileSystemOf(folder)));
  if (!onDisk) {
    throw new Error(`No disk to measure: ${candidates.join(" and ")} are both in memory.`);
  }
  return onDisk;
}

const fileSystemOf = (folder) => statfsSync(folder).type;
