// Where something differs from what was expected, and how both are told.

/** A type with every field, of which those that may be missing can be `undefined`. */
export type Whole<Type> = {
  [Field in keyof Type]-?: Type[Field] | (undefined extends Type[Field] ? undefined : never);
};

export interface Difference {
  /** Where it is, as in `state[0].key`; empty for the whole. */
  readonly path: string;
  readonly expected: unknown;
  readonly found: unknown;
}

/**
 * The first difference. Of an object only the fields are looked at that are expected; one that is expected to be
 * `undefined` may be missing, and may not be `null`.
 */
export function difference(found: unknown, expected: unknown, path = ""): Difference | undefined {
  if (found === expected) return undefined;
  const here = { path, expected, found };
  if (typeof expected === "string" && typeof found === "string")
    return { ...here, path: path + place(found, expected) };
  if (typeof expected !== "object" || typeof found !== "object" || found === null || expected === null) return here;
  if (expected instanceof Uint8Array) {
    return ArrayBuffer.isView(found) && Buffer.compare(bytes(found), expected) === 0 ? undefined : here;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(found)) return here;
    return firstOf(Math.max(found.length, expected.length), (at) =>
      difference(found[at], expected[at], `${path}[${at}]`),
    );
  }
  const fields = Object.keys(expected);
  return firstOf(fields.length, (at) => {
    const field = fields[at] as keyof typeof expected;
    return difference((found as typeof expected)[field], expected[field], path === "" ? field : `${path}.${field}`);
  });
}

function firstOf(count: number, differenceAt: (at: number) => Difference | undefined): Difference | undefined {
  for (let at = 0; at < count; at += 1) {
    const found = differenceAt(at);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Where two texts part, if they are too long to see it. */
function place(found: string, expected: string): string {
  if (expected.length <= LONGEST_TOLD) return "";
  let at = 0;
  while (found.charCodeAt(at) === expected.charCodeAt(at)) at += 1;
  return ` from character ${at} on`;
}

const LONGEST_TOLD = 160;

/** A value in words. */
export function told(value: unknown): string {
  const text = plain(value);
  return text.length <= LONGEST_TOLD ? text : `${text.slice(0, LONGEST_TOLD)}... (${text.length} characters)`;
}

function plain(value: unknown): string {
  if (value === undefined) return "nothing";
  if (ArrayBuffer.isView(value)) {
    const { length } = bytes(value);
    return `${length} bytes: ${bytes(value).toString("hex", 0, 32)}${length > 32 ? "..." : ""}`;
  }
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(plain).join(", ")}]`;
  if (typeof value !== "object" || value === null || value instanceof Date)
    return JSON.stringify(value) ?? String(value);
  return `{ ${Object.entries(value)
    .map(([field, inside]) => `${field}: ${plain(inside)}`)
    .join(", ")} }`;
}

function bytes(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
