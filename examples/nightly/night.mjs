// Which night it is, and the id of its run.

import { createHash } from "node:crypto";

/**
 * The id of the run of a night: the same for the same date, so that a night is done once, whoever asks for it and however
 * often. It is a UUID of version 8, which is one that is made by a rule of its own.
 *
 * @param {string} date such as 2024-03-01
 */
export function runIdOf(date) {
  const bytes = createHash("sha256").update(`nightly/${date}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The date of a day by the clock of this place. */
export function dateOf(day) {
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/**
 * The next time that the clock shows an hour.
 *
 * @param {{ hours: number, minutes: number }} hour
 * @param {Date} now
 */
export function nextAt({ hours, minutes }, now) {
  const at = new Date(now.getFullYear(), now.getMonth(), now.getDate(), hours, minutes);
  if (at <= now) at.setDate(at.getDate() + 1);
  return at;
}
