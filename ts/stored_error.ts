// What a store keeps of an error, and the error that comes of it again.
//
// What a handler threw may be anything: what JSON cannot hold of it is told in words.

import { types } from "node:util";
import { summary } from "./describe.js";
import {
  AbortedError,
  type BlazenError,
  type BlazenErrorCode,
  type CompensationFailure,
  ofCode,
  SchemaError,
  type SchemaIssue,
  SerializationError,
  StepError,
} from "./errors.js";
import { toJson } from "./json.js";

/** How many causes of causes are kept. */
const DEEPEST_CAUSE = 8;

interface StoredError {
  readonly code: BlazenErrorCode;
  readonly message: string;
  readonly step?: string;
  readonly path?: string;
  readonly eventType?: string;
  readonly issues?: readonly SchemaIssue[];
  readonly cause?: StoredCause;
  readonly compensationErrors?: readonly { readonly step: string; readonly error: StoredCause }[];
}

/** Something that was thrown: an error, or any value. */
type StoredCause =
  | {
      readonly name: string;
      readonly message: string;
      readonly stack?: string;
      readonly code?: unknown;
      readonly cause?: StoredCause;
    }
  | { readonly value: unknown }
  | { readonly described: string };

/** The JSON text of the error with which a run has ended, or is about to. */
export function errorText(error: BlazenError): string {
  const stored: StoredError = {
    code: error.code,
    message: error.message,
    ...(error instanceof StepError ? { step: error.step } : {}),
    ...(error instanceof SerializationError ? { path: error.path } : {}),
    ...(error instanceof SchemaError ? { eventType: error.eventType, issues: error.issues } : {}),
    ...(error.cause === undefined ? {} : { cause: storedCause(error.cause, DEEPEST_CAUSE) }),
    ...(error.compensationErrors === undefined ? {} : { compensationErrors: storedFailures(error.compensationErrors) }),
  };
  return JSON.stringify(stored);
}

/** The error whose text a store has kept. */
export function errorFromText(text: string, runId: string): BlazenError {
  const stored = JSON.parse(text) as StoredError;
  const error = ofStored(stored);
  if (stored.path !== undefined) Object.defineProperty(error, "path", { value: stored.path, enumerable: true });
  if (stored.cause !== undefined) addCause(error, stored.cause);
  if (stored.compensationErrors !== undefined) {
    error.compensationErrors = stored.compensationErrors.map(({ step, error }) => ({ step, error: causeFrom(error) }));
  }
  error.runId = runId;
  return error;
}

function ofStored({ code, message, step, eventType, issues }: StoredError): BlazenError {
  switch (code) {
    case "ERR_BLAZEN_SCHEMA":
      return new SchemaError(message, eventType ?? "", issues ?? []);
    case "ERR_BLAZEN_STEP_FAILED":
      return withMessage(new StepError(step ?? "", undefined), message);
    case "ERR_BLAZEN_ABORTED":
      return withMessage(new AbortedError(undefined), message);
    default:
      return ofCode(code, message);
  }
}

function withMessage<Failure extends Error>(error: Failure, message: string): Failure {
  error.message = message;
  return error;
}

function storedFailures(failures: readonly CompensationFailure[]) {
  return failures.map(({ step, error }) => ({ step, error: storedCause(error, DEEPEST_CAUSE) }));
}

function storedCause(thrown: unknown, depthLeft: number): StoredCause {
  try {
    // A DOMException, which is what aborts a signal that is given no reason, is no native error.
    if (types.isNativeError(thrown) || thrown instanceof Error) return storedErrorCause(thrown, depthLeft);
    const value: unknown = JSON.parse(toJson(thrown, () => "what was thrown"));
    return { value };
  } catch {
    return { described: summary(thrown) };
  }
}

function storedErrorCause(error: Error, depthLeft: number): StoredCause {
  const { code } = error as { code?: unknown };
  const keepsCause = "cause" in error && depthLeft > 0;
  return {
    name: String(error.name),
    message: String(error.message),
    ...(typeof error.stack === "string" ? { stack: error.stack } : {}),
    ...(typeof code === "string" || Number.isFinite(code) ? { code } : {}),
    ...(keepsCause ? { cause: storedCause(error.cause, depthLeft - 1) } : {}),
  };
}

function addCause(error: Error, stored: StoredCause): void {
  Object.defineProperty(error, "cause", { value: causeFrom(stored), writable: true, configurable: true });
}

function causeFrom(stored: StoredCause): unknown {
  if ("value" in stored) return stored.value;
  if ("described" in stored) return new Error(stored.described);
  const error = new Error(stored.message);
  for (const field of ["name", "stack", "code"] as const) {
    if (stored[field] === undefined) continue;
    Object.defineProperty(error, field, { value: stored[field], writable: true, configurable: true });
  }
  if (stored.cause !== undefined) addCause(error, stored.cause);
  return error;
}
