// The types that tie events and state to a workflow. Nothing here exists at run time.

import type { Context } from "./context.js";
import type { FailureEvent } from "./failed_attempt.js";
import type { StandardSchemaV1 } from "./standard_schema.js";
import type { StartOptions } from "./start_options.js";

/** What a run keeps in its state: JSON, or bytes at the top. */
export type StateValue = string | number | boolean | null | Buffer | StateValue[] | { [key: string]: StateValue };

/** An event whose type says nothing of its fields. */
export interface AnyEvent {
  /** What kind of event it is; steps accept events by it. */
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: the fields of an undeclared event are the user's
  [field: string]: any;
}

/** The events of a workflow that declares none: any type, any fields. */
export type AnyEvents = { [type: string]: AnyEvent };

/** The state of a workflow that declares none: any key, any value. */
export type AnyState = { [key: string]: StateValue };

/** A map from event type to payload, as the first parameter of `Workflow`. */
export type EventMap<Events> = { [Type in keyof Events]: object };

/** Carries a run's input. */
export interface StartEvent {
  type: "blazen::StartEvent";
  // biome-ignore lint/suspicious/noExplicitAny: the input of a run is the user's
  [field: string]: any;
}

/** Ends a run with `result`. */
export interface StopEvent<Result = unknown> {
  type: "blazen::StopEvent";
  /** The result of the run: `data` of what `run()` resolves to. */
  result?: Result;
}

/** Parks a run until somebody answers, and goes to its stream. */
export interface InputRequestEvent {
  type: "blazen::InputRequestEvent";
  /** Names the request when it is answered; one is made if it is left out. */
  request_id?: string;
  /** What to ask. */
  prompt?: string;
  /** Whatever helps whoever answers. */
  metadata?: unknown;
  /** How long it may be answered, in milliseconds; for ever unless given. A durable timer. */
  expiresMs?: number;
  /**
   * The type of an event of yours that goes out if nobody has answered by then: `{ type, request }`, with this request.
   * The run fails with `ERR_BLAZEN_EXPIRED` unless given.
   */
  onExpire?: string;
}

/** The answer to an input request. */
export interface InputResponseEvent<Response = unknown> {
  type: "blazen::InputResponseEvent";
  /** The request that it answers. */
  request_id: string;
  /** What was answered. */
  response: Response;
}

type Reserved = {
  "blazen::StartEvent": StartEvent;
  "blazen::StopEvent": StopEvent;
  "blazen::InputRequestEvent": InputRequestEvent;
  "blazen::InputResponseEvent": InputResponseEvent;
};

type Undeclared<Map> = string extends keyof Map ? true : false;

/** The event of one type: as the workflow declares it, or as the engine defines it. */
export type EventOf<Events, Type extends string> =
  Undeclared<Events> extends true
    ? Type extends keyof Reserved
      ? ReservedAsAny<Type>
      : AnyEvent
    : Type extends keyof Events
      ? { type: Type } & Events[Type] & (Type extends "blazen::InputResponseEvent" ? { request_id: string } : unknown)
      : Type extends keyof Reserved
        ? Reserved[Type]
        : never;

// Without declared events the answer of a person is as unknown as any other field.
type ReservedAsAny<Type extends keyof Reserved> = Type extends "blazen::InputResponseEvent"
  ? // biome-ignore lint/suspicious/noExplicitAny: undeclared
    InputResponseEvent<any>
  : Reserved[Type];

/** What a step may accept. */
export type Acceptable<Events> =
  Undeclared<Events> extends true
    ? string
    :
        | Exclude<keyof Events & string, "blazen::StopEvent" | "blazen::InputRequestEvent">
        | "blazen::StartEvent"
        | "blazen::InputResponseEvent";

/** The types of what a handler may emit. */
export type EmittableType<Events> =
  | Exclude<keyof Events & string, "blazen::StartEvent" | "blazen::InputResponseEvent">
  | "blazen::StopEvent"
  | "blazen::InputRequestEvent";

/** The types of events that may come from outside. */
export type Expectable<Events> =
  Undeclared<Events> extends true ? string : Exclude<keyof Events & string, `blazen::${string}`>;

/** An event that may come from outside. */
export type Incoming<Events> =
  Undeclared<Events> extends true
    ? AnyEvent
    : { [Type in Expectable<Events>]: EventOf<Events, Type> }[Expectable<Events>];

/** The type of an event that may go out when something was waited for in vain: one that may have this field. */
export type ExpiryType<Events, Field extends "expected" | "request"> =
  Undeclared<Events> extends true
    ? string
    : {
        [Type in keyof Events & string]: Record<
          Field,
          Field extends "expected" ? string : InputRequestEvent
        > extends Events[Type]
          ? Type
          : never;
      }[Exclude<keyof Events & string, `blazen::${string}`>];

/** What a handler may return or send. */
export type Emittable<Events> =
  Undeclared<Events> extends true
    ? AnyEvent
    : { [Type in EmittableType<Events>]: EventOf<Events, Type> }[EmittableType<Events>];

/** The type of an event that may tell of a step that has failed. */
export type FailureType<Events> =
  Undeclared<Events> extends true
    ? string
    : {
        [Type in keyof Events & string]: Omit<FailureEvent, "type"> extends Events[Type] ? Type : never;
      }[Exclude<keyof Events & string, `blazen::${string}`>];

/** The type of an event that may carry the result of a child. */
export type ResultType<Events, Result> =
  Undeclared<Events> extends true
    ? string
    :
        | {
            [Type in keyof Events & string]: { result: Result; runId: string } extends Events[Type] ? Type : never;
          }[Exclude<keyof Events & string, `blazen::${string}`>]
        | ("blazen::StopEvent" extends keyof Events
            ? { result: Result } extends Events["blazen::StopEvent"]
              ? "blazen::StopEvent"
              : never
            : "blazen::StopEvent");

/**
 * Schemas by event type. Where no events are declared they are what the schemas give, and are emitted as what the schemas
 * take; where they are declared, the schemas must give these.
 */
export type Schemas<Events, Emitted> = {
  [Type in keyof Events]?:
    | StandardSchemaV1<unknown, Events[Type]>
    | (Undeclared<Events> extends true ? StandardSchemaV1<unknown, object> : never);
} & {
  // The second alternative is for declared events: then what a schema takes need not be what it gives.
  [Type in keyof Emitted]?: StandardSchemaV1<Emitted[Type], unknown> | StandardSchemaV1<unknown, object>;
};

/** The events of a workflow with these schemas, where they must be written out: `Workflow<EventsFrom<typeof schemas>, State>`. */
export type EventsFrom<EventSchemas extends { [type: string]: StandardSchemaV1 }> = {
  [Type in keyof EventSchemas]: EventSchemas[Type] extends StandardSchemaV1<unknown, infer Output> ? Output : never;
};

/** The same as handlers emit them; the third parameter of `Workflow`. Needed if a schema takes something else than it gives. */
export type EmittedFrom<EventSchemas extends { [type: string]: StandardSchemaV1 }> = {
  [Type in keyof EventSchemas]: EventSchemas[Type] extends StandardSchemaV1<infer Input, unknown> ? Input : never;
};

/** What a handler may return: one event, several, or nothing. */
export type StepOutput<Events> = Emittable<Events> | readonly Emittable<Events>[] | null | undefined | void;

/** The code of a step. */
export type StepHandler<Events, State, Type extends string = string, Emitted = Events> = (
  event: EventOf<Events, Type>,
  ctx: Context<Events, State, Emitted>,
) => StepOutput<Emitted> | PromiseLike<StepOutput<Emitted>>;

/** What undoes a step: it is called with what the step was called with, and emits nothing. */
export type CompensationHandler<Events, State, Type extends string = string, Emitted = Events> = (
  event: EventOf<Events, Type>,
  ctx: Context<Events, State, Emitted>,
) => void | PromiseLike<void>;

/** The input of a run: the payload of its start event, where that is declared. */
export type RunInput<Events> =
  Undeclared<Events> extends true
    ? unknown
    : "blazen::StartEvent" extends keyof Events
      ? Events["blazen::StartEvent"]
      : unknown;

/** The arguments that begin a run: its input, which may be left out where every field of it may be, and how it is begun. */
export type StartArguments<Events> =
  Partial<RunInput<Events>> extends RunInput<Events>
    ? [input?: RunInput<Events>, options?: StartOptions]
    : [input: RunInput<Events>, options?: StartOptions];

/** The argument that is the input of a run, which may be left out where every field of it may be. */
export type InputArgument<Events> =
  Partial<RunInput<Events>> extends RunInput<Events> ? [input?: RunInput<Events>] : [input: RunInput<Events>];

/** The result of a run: `result` of its stop event, where that is declared. */
export type RunData<Events> =
  Undeclared<Events> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: undeclared
      any
    : "blazen::StopEvent" extends keyof Events
      ? Events["blazen::StopEvent"] extends { result: infer Result }
        ? Result
        : unknown
      : unknown;

/** What `run()` resolves to. */
export interface RunResult<Data = unknown> {
  type: "blazen::StopEvent";
  /** What the stop event carried as `result`. */
  data: Data;
  /** The id of the run. */
  runId: string;
}

/** A key of a state. */
export type KeyOf<State> = keyof State & string;

/** The value at a key. A key that need not be there is `null` where it is not, never `undefined`. */
export type ValueOf<State, Key extends KeyOf<State>> = Exclude<State[Key], undefined>;

/** What may be set at a key; without a declared state it is checked when it is set. */
export type Settable<State, Key extends KeyOf<State>> = Undeclared<State> extends true ? unknown : ValueOf<State, Key>;

/** A key whose value may be any number. */
export type NumberKey<State> =
  Undeclared<State> extends true
    ? string
    : {
        [Key in KeyOf<State>]-?: [ValueOf<State, Key>] extends [number]
          ? number extends ValueOf<State, Key>
            ? Key
            : never
          : never;
      }[KeyOf<State>];

/** A key whose value is an array that may be of any length. */
export type ArrayKey<State> =
  Undeclared<State> extends true
    ? string
    : {
        [Key in KeyOf<State>]-?: [ValueOf<State, Key>] extends [readonly unknown[]]
          ? ValueOf<State, Key>[number][] extends ValueOf<State, Key>
            ? Key
            : never
          : never;
      }[KeyOf<State>];

/** What may be appended to the array at a key; without a declared state it is checked when it is appended. */
export type ItemOf<State, Key extends KeyOf<State>> =
  Undeclared<State> extends true ? unknown : ValueOf<State, Key> extends readonly (infer Item)[] ? Item : never;

/** `string` for a state that declares no keys, so that a type may be given instead of a key. */
export type UndeclaredKey<State> = Undeclared<State> extends true ? string : never;
