// How much one page of a store has at most.

import { refuse } from "./arguments.js";

const DEFAULT_LIMIT = 100;
const GREATEST_LIMIT = 10_000;

/** @throws InvalidArgumentError */
export function readLimit(limit: unknown = DEFAULT_LIMIT): number {
  if (Number.isInteger(limit) && (limit as number) >= 1 && (limit as number) <= GREATEST_LIMIT) return limit as number;
  refuse("the limit", `a whole number from 1 to ${GREATEST_LIMIT}`, limit);
}
