// The schemas of a workflow's events: read once when the workflow is made, applied whenever an event is emitted.
//
// A schema is given the fields of an event without its `type`, and what it makes of them travels on under that type. So
// a strict schema need not name a field that every event has, and none can turn an event into one of another type. Of
// input requests and their answers `request_id` is kept as well: it says which question an answer belongs to.

import { checkName, reading, refuse } from "./arguments.js";
import { summary } from "./describe.js";
import { InvalidArgumentError, InvalidEventError, SchemaError, type SchemaIssue } from "./errors.js";
import { isPlainObject, segment } from "./json.js";
import type { StandardSchemaIssue, StandardSchemaProps, StandardSchemaResult } from "./standard_schema.js";
import { toldElsewhere } from "./told_elsewhere.js";

const RESERVED = ["blazen::StartEvent", "blazen::StopEvent", "blazen::InputRequestEvent", "blazen::InputResponseEvent"];

/** How many issues are in a message; all are in `issues`. */
const MOST_TOLD = 5;

export class EventSchemas {
  readonly #schemas = new Map<string, StandardSchemaProps>();

  /** @throws InvalidArgumentError */
  constructor(schemas: unknown) {
    const what = "the schemas of a workflow";
    reading(what, () => {
      if (typeof schemas !== "object" || schemas === null || Array.isArray(schemas)) refuse(what, "an object", schemas);
      for (const [type, schema] of Object.entries(schemas)) {
        checkEventType(type);
        this.#schemas.set(type, readSchema(schema, type));
      }
    });
  }

  has(type: string): boolean {
    return this.#schemas.has(type);
  }

  /**
   * The event that travels on; the same if its type has no schema.
   *
   * @param source begins the message of an error: who gave the event
   * @throws SchemaError; InvalidEventError if the event cannot be read
   */
  applied(event: object, type: string, source: string): object {
    const schema = this.#schemas.get(type);
    return schema === undefined ? event : apply(schema, event, type, `${source} a ${JSON.stringify(type)}`);
  }
}

function checkEventType(type: string): void {
  checkName(type, "an event type with a schema");
  if (type === "") throw new InvalidArgumentError("an event type with a schema is empty, and no event has such a type");
  if (!type.startsWith("blazen::") || RESERVED.includes(type)) return;
  const list = RESERVED.map((reserved) => JSON.stringify(reserved)).join(", ");
  throw new InvalidArgumentError(
    `there is no event ${JSON.stringify(type)} that could have a schema: of the names that begin with "blazen::" there are ${list}`,
  );
}

function readSchema(schema: unknown, type: string): StandardSchemaProps {
  const what = `the schema of ${JSON.stringify(type)}`;
  const isHolder = (typeof schema === "object" && schema !== null) || typeof schema === "function";
  const props = isHolder ? (schema as { "~standard"?: unknown })["~standard"] : undefined;
  if (typeof props !== "object" || props === null) {
    return refuse(what, 'a Standard Schema (of zod, valibot, arktype and others; it has a field "~standard")', schema);
  }
  const { version, validate } = props as Partial<StandardSchemaProps>;
  if (version !== 1) {
    throw new InvalidArgumentError(
      `${what} is of version ${summary(version)} of Standard Schema, and must be of version 1`,
    );
  }
  if (typeof validate !== "function") refuse(`"validate" of ${what}`, "a function", validate);
  return props as StandardSchemaProps;
}

function apply(schema: StandardSchemaProps, event: object, type: string, given: string): object {
  const { fields, kept } = parts(event, type, given);
  const outcome = outcomeOf(schema, fields, type, given);
  if ("value" in outcome) return assembled(outcome.value, kept, type, given);
  const told = outcome.issues.slice(0, MOST_TOLD).map(inWords);
  const more = outcome.issues.length - told.length;
  const list =
    told.length === 0 ? "it gives no reason" : [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
  throw new SchemaError(`${given} that its schema does not take: ${list}`, type, outcome.issues);
}

/** What the schema is given, and what no schema changes. */
function parts(event: object, type: string, given: string): { fields: object; kept: object } {
  try {
    const { type: _, ...fields } = event as { type: unknown; request_id?: unknown };
    const isQuestion = type === "blazen::InputRequestEvent" || type === "blazen::InputResponseEvent";
    const { request_id } = fields;
    return { fields, kept: isQuestion && request_id !== undefined ? { type, request_id } : { type } };
  } catch (error) {
    throw new InvalidEventError(`${given} that cannot be read: ${summary(error)}`, { cause: error });
  }
}

type Outcome = { readonly value: unknown } | { readonly issues: SchemaIssue[] };

function outcomeOf(schema: StandardSchemaProps, fields: object, type: string, given: string): Outcome {
  try {
    const result = schema.validate(fields);
    if (isPromise(result)) {
      toldElsewhere(Promise.resolve(result));
      const message = `${given} whose schema is asynchronous: it gave a promise, and events are not held up; check what takes time in a step`;
      throw new SchemaError(message, type, []);
    }
    if (result.issues) return { issues: Array.from(result.issues, issueOf) };
    if (typeof result === "object" && "value" in result) return { value: result.value };
  } catch (error) {
    if (error instanceof SchemaError) throw error;
    throw new SchemaError(`${given} whose schema failed: ${summary(error)}`, type, [], { cause: error });
  }
  throw new SchemaError(`${given} whose schema gave neither a value nor issues`, type, []);
}

function isPromise(result: unknown): result is PromiseLike<StandardSchemaResult<unknown>> {
  return typeof (result as { then?: unknown }).then === "function";
}

/** What the schema has made of the fields, as an event. A plain object is copied; another kind of object stays what it is. */
function assembled(value: unknown, kept: object, type: string, given: string): object {
  try {
    if (isPlainObject(value)) return { ...kept, ...value, ...kept };
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.assign(value, kept);
  } catch (error) {
    const message = `${given} whose schema made something of it that cannot be an event: ${summary(error)}`;
    throw new SchemaError(message, type, [], { cause: error });
  }
  const message = `${given} whose schema made ${summary(value)} of it, which is no event: it must give an object`;
  throw new SchemaError(message, type, []);
}

function issueOf({ message, path }: StandardSchemaIssue): SchemaIssue {
  const keys = Array.from(path ?? [], (part) => (typeof part === "object" ? part.key : part));
  return {
    message: typeof message === "string" ? message : summary(message),
    path: keys.map((key) => (typeof key === "symbol" ? String(key) : key)),
  };
}

function inWords({ message, path }: SchemaIssue): string {
  const place = path.map((key) => (typeof key === "number" ? `[${key}]` : segment(key))).join("");
  return place === "" ? message : `${place}: ${message}`;
}
