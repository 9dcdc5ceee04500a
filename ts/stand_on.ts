// Classes that stand on a native one.

type AnyClass = abstract new (...args: never) => object;

/**
 * Makes instances of `light` instances of `base` as well, without making a native object for each.
 *
 * The native object is made once per run or workflow and held by the light ones; the prototype chain is what
 * `extends` would give.
 */
export function standOn(light: AnyClass, base: AnyClass): void {
  Object.setPrototypeOf(light, base);
  Object.setPrototypeOf(light.prototype, base.prototype);
}
