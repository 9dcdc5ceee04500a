// What users import.

export { BlazenState, BlazenStateMeta } from "./blazen_state.js";
export { Context } from "./context.js";
export {
  AbortedError,
  BlazenError,
  type BlazenErrorCode,
  InternalError,
  InvalidArgumentError,
  InvalidEventError,
  NativeBindingError,
  RunFailedError,
  RunStateError,
  SerializationError,
  SnapshotError,
  StepError,
  StreamCallbackError,
  TimeoutError,
} from "./errors.js";
export type { StreamCallback, StreamSubscription } from "./event_stream.js";
export { CallbackFieldStore, type FieldCallbacks, type FieldStore } from "./field_store.js";
export { type PauseOptions, WorkflowHandler } from "./handler.js";
export { SessionPausePolicy } from "./pause_policy.js";
export { SessionNamespace } from "./session_namespace.js";
export { StateNamespace } from "./state_namespace.js";
export type {
  AnyEvent,
  AnyEvents,
  AnyState,
  EventOf,
  InputRequestEvent,
  InputResponseEvent,
  RunResult,
  StartEvent,
  StateValue,
  StepHandler,
  StepOutput,
  StopEvent,
} from "./types.js";
export { Workflow, type WorkflowOptions } from "./workflow.js";
export { WorkflowBuilder } from "./workflow_builder.js";
