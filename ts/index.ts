// What users import.

export { BlazenState, BlazenStateMeta } from "./blazen_state.js";
export type {
  CheckpointPage,
  CheckpointQuery,
  CheckpointStore,
  CheckpointSummary,
  CommitRefusal,
} from "./checkpoint_store.js";
export { Context } from "./context.js";
export type { Durability } from "./durability.js";
export {
  AbortedError,
  BlazenError,
  type BlazenErrorCode,
  type CompensationFailure,
  InternalError,
  InvalidArgumentError,
  InvalidEventError,
  MigrationError,
  NativeBindingError,
  RunFailedError,
  RunStateError,
  SchemaError,
  type SchemaIssue,
  SerializationError,
  SnapshotError,
  StepError,
  StepTimeoutError,
  StoreError,
  StreamCallbackError,
  StreamGoneError,
  TimeoutError,
} from "./errors.js";
export type { ExpiryOptions } from "./expiry.js";
export type { FailureEvent } from "./failed_attempt.js";
export { CallbackFieldStore, type FieldCallbacks, type FieldStore } from "./field_store.js";
export type { GraphEdge, GraphEnd, GraphNode, GraphProblem, GraphStep, WorkflowGraph } from "./graph.js";
export { type PauseOptions, WorkflowHandler } from "./handler.js";
export type { LifecycleError, LifecycleEvent } from "./lifecycle.js";
export type { LimitOptions } from "./limit_options.js";
export type {
  Migrate,
  MigratingAddition,
  MigratingEvent,
  MigratingRun,
  MigratingState,
  MigratingUndoable,
  MigratingWait,
} from "./migrating_run.js";
export type { IncomingOptions } from "./outside_events.js";
export { SessionPausePolicy } from "./pause_policy.js";
export { NonRetryableError, type RetryOptions } from "./retry_options.js";
export type { RunProblem, RunVerdict, UnfitRun } from "./run_check.js";
export type {
  CheckpointedKey,
  CheckpointedRun,
  OpenWait,
  ParentRun,
  QueuedDelivery,
  RunCommit,
  WorkflowCode,
  WrittenKey,
} from "./run_commit.js";
export type { RunStatus } from "./run_status.js";
export type { SendOptions } from "./send_options.js";
export { SessionNamespace } from "./session_namespace.js";
export type {
  StandardSchemaIssue,
  StandardSchemaProps,
  StandardSchemaResult,
  StandardSchemaV1,
} from "./standard_schema.js";
export type { StartOptions } from "./start_options.js";
export type { StateConflicts } from "./state_conflicts.js";
export { StateNamespace } from "./state_namespace.js";
export type { StepOptions } from "./step_options.js";
export {
  type ExpectedEvent,
  type HistoryEntry,
  MemoryStore,
  type PendingEvent,
  type RunPage,
  type RunQuery,
  type RunSummary,
  type SettledDelivery,
  SqliteStore,
  type SqliteStoreOptions,
  type StoredRun,
} from "./store.js";
export type { StreamCallback, StreamSubscription } from "./stream_callback.js";
export type { Streamed, StreamOptions, StreamQuery, StreamRequest, StreamResponseOptions } from "./stream_options.js";
export type { LifecycleEntry, StreamEntry } from "./stream_place.js";
export type { SubworkflowOptions } from "./subworkflow_step.js";
export type {
  AnyEvent,
  AnyEvents,
  AnyState,
  CompensationHandler,
  EmittedFrom,
  EventOf,
  EventsFrom,
  InputRequestEvent,
  InputResponseEvent,
  RunResult,
  StartEvent,
  StateValue,
  StepHandler,
  StepOutput,
  StopEvent,
} from "./types.js";
export type { CollectOptions, WantedEvents } from "./wanted_events.js";
export { Workflow } from "./workflow.js";
export { WorkflowBuilder } from "./workflow_builder.js";
export type { WorkflowOptions } from "./workflow_options.js";
