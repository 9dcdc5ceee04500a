// One file of sales: a JSON object a line, `{ "at": "2024-03-01T09:12:00Z", "product": "pears", "quantity": 2, "cents": 320 }`,
// with the price of one piece. It knows nothing of workflows.

import { readFile, stat } from "node:fs/promises";

const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Reads a file and adds up what is in it.
 *
 * @param {string} path
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<{ sales: number, products: { product: string, quantity: number, cents: number }[] }>}
 * @throws an error that names the line, if anything in the file is not as it should be
 */
export async function totalsOf(path, { signal } = {}) {
  const { size } = await stat(path);
  if (size > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES / 2 ** 20} MB`);
  const lines = decoded(await readFile(path, { signal })).split("\n");

  let sales = 0;
  const products = new Map();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const { product, quantity, cents } = saleIn(line, index + 1);
    const total = products.get(product) ?? { product, quantity: 0, cents: 0 };
    products.set(product, {
      product,
      quantity: total.quantity + quantity,
      cents: total.cents + quantity * cents,
    });
    sales += 1;
  }
  return { sales, products: [...products.values()] };
}

function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("not a text in UTF-8");
  }
}

function saleIn(line, number) {
  const sale = parsed(line, number);
  for (const [field, { isValid, rule }] of Object.entries(RULES)) {
    if (!isValid(sale?.[field])) {
      throw new Error(`line ${number}: ${field} must be ${rule}, and is ${JSON.stringify(sale?.[field]) ?? "missing"}`);
    }
  }
  return sale;
}

const RULES = {
  at: { rule: "a time", isValid: (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)) },
  product: { rule: "a name", isValid: (value) => typeof value === "string" && value.trim() !== "" },
  quantity: { rule: "a whole number above 0", isValid: (value) => Number.isSafeInteger(value) && value > 0 },
  cents: { rule: "a whole number, 0 or more", isValid: (value) => Number.isSafeInteger(value) && value >= 0 },
};

function parsed(line, number) {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${number}: not JSON`);
  }
}
