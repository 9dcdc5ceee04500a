// Every error that this package throws, by its stable code.

import { types } from "node:util";
import { summary } from "./describe.js";

/** What went wrong, in a form for programs. The list only ever grows. */
export type BlazenErrorCode =
  | "ERR_BLAZEN_ABORTED"
  | "ERR_BLAZEN_DELIVERY_SETTLED"
  | "ERR_BLAZEN_DUPLICATE_REQUEST"
  | "ERR_BLAZEN_EXPIRED"
  | "ERR_BLAZEN_INTERNAL"
  | "ERR_BLAZEN_INVALID_ARGUMENT"
  | "ERR_BLAZEN_INVALID_EVENT"
  | "ERR_BLAZEN_MIGRATION_FAILED"
  | "ERR_BLAZEN_NATIVE_BINDING"
  | "ERR_BLAZEN_NOBODY_TAKES_ANSWERS"
  | "ERR_BLAZEN_NOT_PAUSED"
  | "ERR_BLAZEN_NOT_SERIALIZABLE"
  | "ERR_BLAZEN_NO_STORE"
  | "ERR_BLAZEN_PAUSED"
  | "ERR_BLAZEN_RUN_CONFLICT"
  | "ERR_BLAZEN_RUN_ENDED"
  | "ERR_BLAZEN_RUN_EXISTS"
  | "ERR_BLAZEN_RUN_MISMATCH"
  | "ERR_BLAZEN_SCHEMA"
  | "ERR_BLAZEN_SESSION_NOT_EMPTY"
  | "ERR_BLAZEN_SNAPSHOT_INVALID"
  | "ERR_BLAZEN_SNAPSHOT_MISMATCH"
  | "ERR_BLAZEN_SNAPSHOT_VERSION"
  | "ERR_BLAZEN_STALLED"
  | "ERR_BLAZEN_STATE_CONFLICT"
  | "ERR_BLAZEN_STATE_NOT_SAVED"
  | "ERR_BLAZEN_STEP_FAILED"
  | "ERR_BLAZEN_STEP_TIMEOUT"
  | "ERR_BLAZEN_STORE_CLOSED"
  | "ERR_BLAZEN_STORE_CORRUPT"
  | "ERR_BLAZEN_STORE_FULL"
  | "ERR_BLAZEN_STORE_IO"
  | "ERR_BLAZEN_STORE_LOCKED"
  | "ERR_BLAZEN_STORE_READ_ONLY"
  | "ERR_BLAZEN_STORE_UNAVAILABLE"
  | "ERR_BLAZEN_STORE_VERSION"
  | "ERR_BLAZEN_STREAM_CALLBACK"
  | "ERR_BLAZEN_STREAM_GONE"
  | "ERR_BLAZEN_TIMEOUT"
  | "ERR_BLAZEN_TOO_DEEP"
  | "ERR_BLAZEN_TOO_LARGE"
  | "ERR_BLAZEN_UNKNOWN_REQUEST"
  | "ERR_BLAZEN_UNKNOWN_RUN"
  | "ERR_BLAZEN_UNROUTED_EVENT";

/** A step that is done, and whose `compensate` has failed for good. */
export interface CompensationFailure {
  /** The name of the step. */
  readonly step: string;
  /** What its `compensate` threw at the last attempt. */
  readonly error: unknown;
}

/** Asks nothing of the value, which may be a Proxy that objects to `instanceof`. */
export let isBlazenError: (value: unknown) => value is BlazenError;

/** The base of every error of this package. */
export class BlazenError extends Error {
  readonly #isOurs = true;
  /** What went wrong, in a form for programs. */
  readonly code: BlazenErrorCode;
  /** The run concerned, if there is one. */
  declare runId?: string;
  /** Of the error that a run ends with: what it has done and could not undo, in the order in which that was tried. */
  declare compensationErrors?: readonly CompensationFailure[];

  constructor(code: BlazenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static {
    isBlazenError = (value): value is BlazenError => typeof value === "object" && value !== null && #isOurs in value;
  }
}

/** An argument that is not what the function takes. */
export class InvalidArgumentError extends BlazenError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_BLAZEN_INVALID_ARGUMENT", message, options);
  }
}

/** A handler returned or sent something that is no event that it may emit. */
export class InvalidEventError extends BlazenError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_BLAZEN_INVALID_EVENT", message, options);
  }
}

/** Something that a schema says is wrong with an event. */
export interface SchemaIssue {
  /** What is wrong, in the words of the schema. */
  readonly message: string;
  /** The keys that lead to it from the event; none if it is about the event as a whole. */
  readonly path: readonly (string | number)[];
}

/** An event, or the input of a run, that its schema does not take. What the schema threw, if it did, is the `cause`. */
export class SchemaError extends BlazenError {
  /** The type of the event: `blazen::StartEvent` for the input of a run. */
  readonly eventType: string;
  /** What the schema says; empty if it is the schema itself that failed. */
  readonly issues: readonly SchemaIssue[];

  constructor(message: string, eventType: string, issues: readonly SchemaIssue[], options?: ErrorOptions) {
    super("ERR_BLAZEN_SCHEMA", message, options);
    this.eventType = eventType;
    this.issues = issues;
  }
}

/** A value that JSON would lose or change in silence. */
export class SerializationError extends BlazenError {
  /** Where in the value the trouble is, such as `.items[2].when`; empty for the value itself. */
  readonly path: string;

  constructor(message: string, path: string, options?: ErrorOptions) {
    super("ERR_BLAZEN_NOT_SERIALIZABLE", message, options);
    this.path = path;
  }
}

/** A run that ended without a result. */
export class RunFailedError extends BlazenError {}

/** A handler threw or rejected; what it threw is the `cause`. */
export class StepError extends RunFailedError {
  /** The step whose handler it was. */
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super("ERR_BLAZEN_STEP_FAILED", `step ${JSON.stringify(step)} failed: ${summary(cause)}`, { cause });
    this.step = step;
  }
}

/** An attempt at a step took longer than its `timeout`; the `cause` of a `StepError`, and the reason of `ctx.signal`. */
export class StepTimeoutError extends BlazenError {
  constructor(step: string, timeoutMs: number) {
    super(
      "ERR_BLAZEN_STEP_TIMEOUT",
      `the handler of step ${JSON.stringify(step)} was given ${timeoutMs} ms and has not returned`,
    );
  }
}

/** A run took longer than its limit. */
export class TimeoutError extends RunFailedError {}

/** A run was aborted; the reason given is the `cause`. */
export class AbortedError extends RunFailedError {
  constructor(reason: unknown) {
    super(
      "ERR_BLAZEN_ABORTED",
      reason === undefined ? "the run was aborted" : `the run was aborted: ${summary(reason)}`,
      {
        cause: reason,
      },
    );
  }
}

/** A text that is no snapshot, or not one that this workflow can resume. */
export class SnapshotError extends BlazenError {}

/** A handler or context was asked for something that the run cannot do as it stands. */
export class RunStateError extends BlazenError {}

/**
 * A store cannot do what it was asked, or does not have what was asked for. Of a run: it does not go on in this process,
 * and is in its store as it was when that last said so.
 */
export class StoreError extends BlazenError {}

/** A callback that reads a stream threw; what it threw is the `cause`. */
export class StreamCallbackError extends BlazenError {
  constructor(cause: unknown) {
    super("ERR_BLAZEN_STREAM_CALLBACK", `the stream callback failed: ${summary(cause)}`, { cause });
  }
}

/** A run of another version was not migrated, and stays as it is; what `migrate` threw, or what is wrong, is the `cause`. */
export class MigrationError extends BlazenError {
  /** The version that the run goes by; `undefined` if it began without one. */
  readonly version: string | undefined;

  /** @internal */
  constructor(runId: string, { from, to }: { from: string | undefined; to: string }, cause: unknown) {
    const version = from === undefined ? "no version" : `version ${JSON.stringify(from)}`;
    super(
      "ERR_BLAZEN_MIGRATION_FAILED",
      `run ${runId} was not migrated from ${version} to ${JSON.stringify(to)}: ${summary(cause)}`,
      { cause },
    );
    this.runId = runId;
    this.version = from;
  }
}

/** What was to be read of a stream is not kept any more. */
export class StreamGoneError extends BlazenError {
  /** The offset that was to be read. */
  readonly offset: number;
  /** The offset of the oldest event that is kept. */
  readonly oldest: number;

  constructor(message: string, offset: number, oldest: number) {
    super("ERR_BLAZEN_STREAM_GONE", message);
    this.offset = offset;
    this.oldest = oldest;
  }

  /** @internal */
  static beforeOldest(offset: number, { oldest, most }: KeptPart): StreamGoneError {
    return new StreamGoneError(
      `the event at offset ${offset} is not kept any more: the last ${most} are ("streamBuffer"), from ${oldest} on`,
      offset,
      oldest,
    );
  }

  /** @internal */
  static behind(what: string, offset: number, { oldest, next, most }: KeptPart): StreamGoneError {
    return new StreamGoneError(
      `the reader was ${next - offset} ${what} behind, and the last ${most} are kept ("streamBuffer")`,
      offset,
      oldest,
    );
  }
}

/** What is kept of a stream. */
interface KeptPart {
  readonly oldest: number;
  readonly next: number;
  readonly most: number;
}

/** The native part of the package is not there. */
export class NativeBindingError extends BlazenError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_BLAZEN_NATIVE_BINDING", message, options);
  }
}

/** A defect of this package. */
export class InternalError extends BlazenError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_BLAZEN_INTERNAL", message, options);
  }
}

// Said and not derived: a bundler may rename the classes.
for (const [name, type] of Object.entries({
  BlazenError,
  InvalidArgumentError,
  InvalidEventError,
  SchemaError,
  SerializationError,
  RunFailedError,
  StepError,
  StepTimeoutError,
  TimeoutError,
  AbortedError,
  SnapshotError,
  RunStateError,
  StoreError,
  StreamCallbackError,
  StreamGoneError,
  MigrationError,
  NativeBindingError,
  InternalError,
})) {
  Object.defineProperty(type.prototype, "name", { value: name, writable: true, configurable: true });
}

/** What native code gives, or its error as one of the classes above. */
export function translated<Result>(callNative: () => Result): Result {
  try {
    return callNative();
  } catch (error) {
    throw fromNative(error);
  }
}

/** An error of native code as one of the classes above; any other error as it is. */
export function fromNative(error: unknown): unknown {
  // Native code makes its errors in the main realm, which need not be this one.
  if (isBlazenError(error) || !types.isNativeError(error)) return error;
  const { code } = error as { code?: unknown };
  if (code === "GenericFailure") return new InternalError(`the engine failed: ${error.message}`, { cause: error });
  if (typeof code !== "string" || !code.startsWith("ERR_BLAZEN_")) return error;
  return ofCode(code as BlazenErrorCode, error.message);
}

/** An error of the class that belongs to `code`. */
export function ofCode(code: BlazenErrorCode, message: string): BlazenError {
  switch (code) {
    case "ERR_BLAZEN_INVALID_ARGUMENT":
      return new InvalidArgumentError(message);
    case "ERR_BLAZEN_INVALID_EVENT":
      return new InvalidEventError(message);
    case "ERR_BLAZEN_NOT_SERIALIZABLE":
      return new SerializationError(message, "");
    case "ERR_BLAZEN_SCHEMA":
      return new SchemaError(message, "", []);
    case "ERR_BLAZEN_SNAPSHOT_INVALID":
    case "ERR_BLAZEN_SNAPSHOT_MISMATCH":
    case "ERR_BLAZEN_SNAPSHOT_VERSION":
      return new SnapshotError(code, message);
    case "ERR_BLAZEN_TIMEOUT":
      return new TimeoutError(code, message);
    case "ERR_BLAZEN_DUPLICATE_REQUEST":
    case "ERR_BLAZEN_EXPIRED":
    case "ERR_BLAZEN_NOBODY_TAKES_ANSWERS":
    case "ERR_BLAZEN_STALLED":
    case "ERR_BLAZEN_UNROUTED_EVENT":
      return new RunFailedError(code, message);
    case "ERR_BLAZEN_INTERNAL":
      return new InternalError(message);
    case "ERR_BLAZEN_NO_STORE":
    case "ERR_BLAZEN_RUN_CONFLICT":
    case "ERR_BLAZEN_RUN_EXISTS":
    case "ERR_BLAZEN_RUN_MISMATCH":
    case "ERR_BLAZEN_STORE_CLOSED":
    case "ERR_BLAZEN_STORE_CORRUPT":
    case "ERR_BLAZEN_STORE_FULL":
    case "ERR_BLAZEN_STORE_IO":
    case "ERR_BLAZEN_STORE_LOCKED":
    case "ERR_BLAZEN_STORE_READ_ONLY":
    case "ERR_BLAZEN_STORE_UNAVAILABLE":
    case "ERR_BLAZEN_STORE_VERSION":
    case "ERR_BLAZEN_TOO_LARGE":
    case "ERR_BLAZEN_UNKNOWN_RUN":
      return new StoreError(code, message);
    default:
      return new RunStateError(code, message);
  }
}
