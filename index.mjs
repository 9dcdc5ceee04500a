// The same classes as `require("blazen")` gives: a program that uses both has one of each.

import blazen from "./index.js";

export const {
  AbortedError,
  BlazenError,
  BlazenState,
  BlazenStateMeta,
  CallbackFieldStore,
  Context,
  InternalError,
  InvalidArgumentError,
  InvalidEventError,
  MemoryStore,
  NativeBindingError,
  NonRetryableError,
  RunFailedError,
  RunStateError,
  SerializationError,
  SessionNamespace,
  SessionPausePolicy,
  SnapshotError,
  SqliteStore,
  StateNamespace,
  StepError,
  StepTimeoutError,
  StoreError,
  StreamCallbackError,
  TimeoutError,
  Workflow,
  WorkflowBuilder,
  WorkflowHandler,
} = blazen;
