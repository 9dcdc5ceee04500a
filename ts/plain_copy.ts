// Copies of plain data: what `JSON.parse(JSON.stringify(value))` gives, in a fraction of its time for what most events are.
//
// Only copied is what is known to be faster so, and plain beyond doubt. The rest goes through text.

/** How many values and characters are copied. */
const MOST_COPIED = 100_000;
/** How many fields an object may have that is copied: one of more is mostly a map, and those are faster as text. */
const MOST_FIELDS = 32;
/** Deeper than what events hold, and far from the end of the stack. */
const DEEPEST = 32;

/** Of the copy that is being made. */
let left = 0;

/**
 * A copy that has nothing in common with `value`.
 *
 * @returns undefined if JSON would make something else of it, or if it is large: it must go through text
 */
export function plainCopy(value: object): object | undefined {
  const outer = left; // a getter may send an event, of which a copy is made as well
  left = MOST_COPIED;
  try {
    const copy = copyObject(value, DEEPEST);
    return left < 0 ? undefined : copy;
  } catch {
    return undefined; // whoever writes it as text says what cannot be read
  } finally {
    left = outer;
  }
}

/** @returns undefined for what must go through text, which JSON never gives */
function copyPart(value: unknown, depthLeft: number): unknown {
  left -= 1;
  switch (typeof value) {
    case "string":
      left -= value.length;
      return value;
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
    case "object":
      return value === null ? null : copyObject(value, depthLeft - 1);
    default:
      return undefined;
  }
}

function copyObject(value: object, depthLeft: number): object | undefined {
  if (depthLeft < 0 || left < 0 || (value as { toJSON?: unknown }).toJSON !== undefined) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return prototype === Array.prototype ? copyArray(value, depthLeft) : undefined;
  if (prototype !== Object.prototype || isWide(value)) return undefined;
  // Getters are called here, once.
  const copy = { ...value } as Record<string, unknown>;
  if (Object.getOwnPropertySymbols(copy).length > 0) return undefined;
  for (const name in copy) {
    left -= name.length;
    const field = copy[name];
    const part = copyPart(field, depthLeft);
    if (part === undefined) return undefined;
    if (part !== field && Object.hasOwn(copy, name)) copy[name] = part;
  }
  return copy;
}

function isWide(value: object): boolean {
  let fields = 0;
  for (const _ in value) {
    fields += 1;
    if (fields > MOST_FIELDS) return true;
  }
  return false;
}

function copyArray(items: readonly unknown[], depthLeft: number): unknown[] | undefined {
  const copy: unknown[] = [];
  for (let index = 0; index < items.length && left >= 0; index += 1) {
    const part = copyPart(items[index], depthLeft);
    if (part === undefined) return undefined;
    copy.push(part);
  }
  return copy;
}
