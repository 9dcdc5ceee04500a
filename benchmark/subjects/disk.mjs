// The floor of a durable step: 200 bytes and their sync, in place, one after the other.

import { openDisk } from "../harness/disk.mjs";

async function openRuns(folder) {
  const disk = openDisk(folder);
  return {
    async run(steps) {
      disk.overwrite(steps);
      return steps;
    },
    close: async () => disk.close(),
  };
}

export default { openRuns };
