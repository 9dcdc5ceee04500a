// What electricity meters have counted, and what that costs. It knows nothing of workflows.

const HEAD = "meter,kilowatt_hours";
const CHEAP_HOURS = 100;
const CENTS = 30;
const CENTS_BEYOND = 42;

/**
 * @param {string} text of a CSV file
 * @returns {{ meter: string, kilowattHours: number }[]} at least one
 * @throws an error that names the line, if anything is not as it should be
 */
export function readingsIn(text) {
  const [head, ...lines] = text.trimEnd().split(/\r?\n/);
  if (head !== HEAD) throw new Error(`line 1: must be ${HEAD}`);
  if (lines.length === 0) throw new Error("there are no readings");
  return lines.map((line, index) => {
    const [, meter, hours] = line.match(/^([\w-]+),(\d{1,6})$/) ?? [];
    if (meter === undefined) throw new Error(`line ${index + 2}: not a reading: ${JSON.stringify(line)}`);
    return { meter, kilowattHours: Number(hours) };
  });
}

/** The hours of a day up to a hundred are cheaper than those beyond. */
export function billFor({ meter, kilowattHours }) {
  const beyond = Math.max(0, kilowattHours - CHEAP_HOURS);
  return { meter, cents: (kilowattHours - beyond) * CENTS + beyond * CENTS_BEYOND };
}
