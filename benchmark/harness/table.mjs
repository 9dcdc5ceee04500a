// The report as one table of plain text.

import { verdict } from "./target.mjs";

const HEADINGS = ["", "figure", "ratio", "target", ""];

/** Three significant digits, thousands grouped: 0.0447, 24.4, 1,240. */
export function threeDigits(number) {
  return Number.isFinite(number) ? number.toLocaleString("en-US", { maximumSignificantDigits: 3 }) : "-";
}

/** One section per measure: its title, a line per row, and who could not be measured here. */
export function renderTable(sections) {
  const lines = [HEADINGS];
  for (const { measure, rows, missing } of sections) {
    lines.push([`${measure.title} (${measure.name})`]);
    for (const row of rows) {
      lines.push([
        `  ${row.label}`,
        `${threeDigits(row.value)} ${row.unit}`,
        row.basis ? `${threeDigits(row.judged)} ${row.basis}` : "",
        row.target?.text ?? "",
        verdict(row),
      ]);
    }
    for (const [name, reason] of Object.entries(missing)) {
      lines.push([`  ${name} is left out: ${reason}`]);
    }
  }
  const tabular = lines.filter((line) => line.length > 1);
  const widths = HEADINGS.map((_, column) => Math.max(...tabular.map((line) => line[column].length)));
  return lines
    .map((line) => line.map((cell, column) => (line.length > 1 ? cell.padEnd(widths[column]) : cell)))
    .map((cells) => cells.join("  ").trimEnd())
    .join("\n");
}
