// What goes out when something was waited for in vain, kept until then.

import type { Definition } from "./definition.js";
import { emissionOf } from "./emission.js";
import type { Expiry } from "./expiry.js";
import type { StepDriver } from "./step_driver.js";

/** An expiry as the engine takes it. */
export interface KeptExpiry {
  /** On the clock of `performance.now()`. */
  readonly due: number;
  /** The number of the type of the event that goes out. */
  readonly eventType?: number;
  /** The number of that event. */
  readonly payload?: number;
}

/**
 * @param told the fields of the event that goes out, beside its type
 * @throws SerializationError, SchemaError
 */
export function keepExpiry(expiry: Expiry, told: object, definition: Definition, driver: StepDriver): KeptExpiry {
  const due = performance.now() + expiry.expiresMs;
  if (expiry.onExpire === undefined) return { due };
  const { event, eventType } = emissionOf({ ...told, type: expiry.onExpire }, definition, "onExpire gave");
  return { due, eventType, payload: driver.keep(event, eventType) };
}
