// A folder of sales files, one for each day.

import { access, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const DAYS = 12;
const SALES_A_DAY = 40;
const PRICES = { apples: 45, figs: 80, pears: 60, quinces: 95 };

/** The names of the files that are to be imported, in order. */
export async function salesFilesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ndjson"))
    .map(({ name }) => name)
    .sort();
}

/** Makes a folder with a sample of sales, unless there is one. In the file of the seventh day there is a mistake. */
export async function makeSampleSales(folder) {
  if (await exists(folder)) return;
  // Whoever finds the folder takes it to be whole, also when this process was killed while it made one.
  const unfinished = `${folder}.new`;
  await mkdir(unfinished, { recursive: true });
  for (let day = 1; day <= DAYS; day++) {
    const date = `2024-03-${String(day).padStart(2, "0")}`;
    const sales = salesOf(day).map(({ minute, ...sale }) => ({ at: `${date}T${clock(minute)}Z`, ...sale }));
    if (day === 7) sales[17].quantity = "two";
    await writeFile(join(unfinished, `${date}.ndjson`), sales.map((sale) => `${JSON.stringify(sale)}\n`).join(""));
  }
  await rename(unfinished, folder);
}

/** The same whenever they are made. */
function salesOf(day) {
  const products = Object.entries(PRICES);
  return Array.from({ length: SALES_A_DAY }, (_, index) => {
    const [product, cents] = products[(day * 5 + index * 3) % products.length];
    return { minute: 8 * 60 + index * 12, product, quantity: 1 + ((day + index) % 4), cents };
  });
}

function clock(minute) {
  return [Math.floor(minute / 60), minute % 60, 0].map((part) => String(part).padStart(2, "0")).join(":");
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
