// A folder with readings to begin with, a file for each region.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const REGIONS = ["coast", "east", "hills", "north", "south", "west"];
const METERS = 100;

/** Makes the folder, unless there is one. In the file of the hills there is a mistake. */
export async function makeSampleReadings(folder) {
  if (existsSync(folder)) return;
  await mkdir(folder, { recursive: true });
  for (const [at, region] of REGIONS.entries()) {
    const lines = Array.from({ length: METERS }, (_, index) => `${region}-${index + 1},${hours(at, index)}\n`);
    if (region === "hills") lines[56] = "hills-57,unread\n";
    await writeFile(join(folder, `${region}.csv`), `meter,kilowatt_hours\n${lines.join("")}`);
  }
}

/** The same whenever they are made. */
function hours(region, meter) {
  return 40 + ((region * 31 + meter * 17) % 90);
}
