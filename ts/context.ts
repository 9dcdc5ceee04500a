// What a handler receives: its run, seen by one invocation.
//
// A light object that stands on the native `Context` of its run (see `public_class.ts`): a native object for every
// invocation would cost more than the invocation.

import { readOptions } from "./arguments.js";
import { readChildHost } from "./child_host.js";
import type { Step } from "./definition.js";
import { InvalidArgumentError } from "./errors.js";
import type { ExpiryOptions } from "./expiry.js";
import { type Caller, collect, expect, send } from "./handler_calls.js";
import { native } from "./native.js";
import { INTERNAL, publicClass } from "./public_class.js";
import type { Run } from "./run.js";
import type { SendOptions } from "./send_options.js";
import { SessionNamespace } from "./session_namespace.js";
import { StateNamespace } from "./state_namespace.js";
import type {
  Acceptable,
  AnyEvent,
  AnyEvents,
  AnyState,
  Emittable,
  EventMap,
  EventOf,
  Expectable,
  ExpiryType,
  InputArgument,
  KeyOf,
  RunData,
  RunResult,
  Settable,
  StateValue,
  UndeclaredKey,
  ValueOf,
} from "./types.js";
import { type CollectOptions, readKey, type WantedEvents } from "./wanted_events.js";
import type { Workflow } from "./workflow.js";

// biome-ignore lint/suspicious/noExplicitAny: for code that does not depend on the events and state of a workflow
export type AnyContext = Context<any, any, any>;

/** Asks nothing of the value, which may be a Proxy. */
export let isContext: (value: unknown) => value is AnyContext;

/** The run that a context belongs to. */
export let runOf: (ctx: AnyContext) => Run;

/** What a handler does in its run: shared values, events, and the run itself. */
export class Context<Events = AnyEvents, State = AnyState, Emitted = Events> {
  /** 1 for the first invocation of the handler with this event; more if an earlier one has failed or was cut short. */
  readonly attempt: number;

  readonly #run: Run;
  readonly #invocation: number;
  readonly #step: number;
  readonly #event: object;
  #state: StateNamespace<State> | undefined;
  #session: SessionNamespace | undefined;

  /** @internal */
  constructor(by: typeof INTERNAL, run: Run, invocation: number, step: number, attempt: number, event: object) {
    if (by !== INTERNAL) {
      throw new InvalidArgumentError("a Context is not made with new: a handler receives it as its second argument");
    }
    this.#run = run;
    this.#invocation = invocation;
    this.#step = step;
    this.#event = event;
    this.attempt = attempt;
  }

  /** Values that are saved with the run: they survive a pause. */
  get state(): StateNamespace<State> {
    this.#state ??= new StateNamespace<State>(INTERNAL, this.#run, this.#invocation, this.attempt);
    return this.#state;
  }

  /** Values that stay in this process: they are in no snapshot. */
  get session(): SessionNamespace {
    this.#session ??= new SessionNamespace(INTERNAL, this.#run, this.#invocation);
    return this.#session;
  }

  /**
   * Is aborted when the outcome of this handler no longer counts: the run has ended, or a pause did not wait for it. If the
   * step has a `compensate`, also when the run is about to end: then the handler is waited for, and undone if it returns.
   * Pass it to `fetch` and the like.
   */
  get signal(): AbortSignal {
    return this.#run.signalFor(this.#invocation);
  }

  /** The id of the run, a UUID. */
  async runId(): Promise<string> {
    return this.#run.id;
  }

  /** Sets a value in the state. Short for `ctx.state.set`. */
  set<Key extends KeyOf<State>>(key: Key, value: Settable<State, Key>): Promise<void> {
    return this.state.set(key, value);
  }

  /** Gets a value from the state, `null` if there is none. Short for `ctx.state.get`. */
  get<Key extends KeyOf<State>>(key: Key): Promise<ValueOf<State, Key> | null>;
  get<Value = StateValue>(key: UndeclaredKey<State>): Promise<Value | null>;
  get<Key extends KeyOf<State>, Fallback>(key: Key, fallback: Fallback): Promise<ValueOf<State, Key> | Fallback>;
  get(key: string, fallback?: unknown): Promise<unknown> {
    return this.state.get(key as never, fallback);
  }

  /** Sets a key of the state to bytes. Short for `ctx.state.setBytes`. */
  setBytes(key: KeyOf<State>, bytes: Uint8Array): Promise<void> {
    return this.state.setBytes(key, bytes);
  }

  /** Gets the bytes at a key of the state, `null` if there are none. Short for `ctx.state.getBytes`. */
  getBytes(key: KeyOf<State>): Promise<Buffer | null> {
    return this.state.getBytes(key);
  }

  /**
   * Emits an event at once, or to be delivered later, instead of or beside what the handler returns. What the handler has written to the state so
   * far is kept with it, also if the handler is then cut short. When it is called again, the events that it has sent
   * already are known by their position, and not sent twice. In a stored run the promise resolves when the store has it.
   *
   * @param options `{ delayMs }` or `{ at }`: a durable timer. An event that waits keeps its run from stalling; it goes
   *   with the run into a snapshot or a store, and what came due while nobody was there is delivered when somebody is.
   *
   * Rejects with `ERR_BLAZEN_INVALID_EVENT` if it is no event, or one that cannot wait (a stop event, an input request),
   * with `ERR_BLAZEN_SCHEMA` if its schema does not take it, with `ERR_BLAZEN_UNROUTED_EVENT` if no step accepts it
   * (which fails the run as well), and with `ERR_BLAZEN_DELIVERY_SETTLED` if the handler has settled.
   */
  sendEvent(event: Emittable<Emitted>, options?: SendOptions): Promise<void> {
    return send(this.#run, this.#caller(), event, options);
  }

  /**
   * Waits for an event from outside, such as that of a payment, without holding anything up: the run is parked, and not
   * stalled, until `sendEvent` of the workflow or of the handler gives it one of this type, which then goes to the steps
   * that accept it. One that has come before is had at once. Each wait has one event. In a stored run the promise
   * resolves when the store has the wait; when the handler is called again, waits that it has opened already are known by
   * their position, and not opened twice.
   *
   * @param options `{ expiresMs, onExpire }`: until when, and what goes out then
   *
   * Rejects with `ERR_BLAZEN_INVALID_ARGUMENT`, also if no step accepts the type, and with `ERR_BLAZEN_DELIVERY_SETTLED`
   * if the handler has settled.
   */
  async expectEvent(
    type: Expectable<Events>,
    options: ExpiryOptions<ExpiryType<Events, "expected">> = {},
  ): Promise<void> {
    const expiry = readOptions(options, "the options of expectEvent()", ["expiresMs", "onExpire"]);
    await expect(this.#run, this.#caller(), type, expiry as ExpiryOptions);
  }

  /**
   * Waits for several events without holding anything up: puts the event of this handler aside, and gives `null`, until
   * all that are wanted have come. Then it gives them, to the handler that was called with the last; those are had, and
   * the next set begins anew. What waits is part of the run: it is saved with it, and it is not lost if a handler that
   * has got its set fails or is cut short.
   *
   * @param event the event that the handler was called with
   * @param wanted the types of the events, each as often as it is wanted (`["A", "B", "B"]`), or how many of each
   *   (`{ Page: 100 }`); the step must accept them
   * @returns the events in the order of `wanted`, those of one type in the order in which they were emitted; or `null`
   *
   * Rejects with `ERR_BLAZEN_INVALID_ARGUMENT`, and with `ERR_BLAZEN_DELIVERY_SETTLED` if the handler has settled.
   */
  collectEvents<const Types extends readonly Acceptable<Events>[]>(
    event: object,
    wanted: Types,
    options?: CollectOptions,
  ): Promise<{ -readonly [At in keyof Types]: EventOf<Events, Types[At]> } | null>;
  collectEvents<Type extends Acceptable<Events>>(
    event: object,
    wanted: { readonly [Wanted in Type]?: number },
    options?: CollectOptions,
  ): Promise<EventOf<Events, Type>[] | null>;
  async collectEvents(event: object, wanted: WantedEvents, options?: CollectOptions): Promise<unknown> {
    const key = readKey(options);
    if (event !== this.#event) {
      throw new InvalidArgumentError("collectEvents() must be given the event that the handler was called with");
    }
    return collect(this.#run, this.#caller(), event, wanted, key);
  }

  /**
   * Runs another workflow and waits for its result. The run is a child of this one: it is known by what this handler was
   * called with, and by how many children the handler has run before it. So it is begun once, however often the handler is
   * called for the same event: after a crash or a pause it is found again, at work or completed, and its input is not
   * looked at any more. Only one that has failed is begun anew when the handler is attempted again.
   *
   * A child does not outlive those who wait for it: when the handler settles, or its run ends, a child that is still at
   * work is aborted. It is paused and goes on with its run. What it asks for is heard on the stream of this run as well.
   *
   * @param child any workflow, this one included; if this run has a store, with the same
   * @param input as for `Workflow.run`
   *
   * Rejects with what the child fails with, whose `runId` is the child's; with `ERR_BLAZEN_TOO_DEEP` if there are 32 runs
   * above this one; with `ERR_BLAZEN_PAUSED` if the run is paused, and then the handler is called again on resume; with
   * `ERR_BLAZEN_INVALID_ARGUMENT` and `ERR_BLAZEN_SCHEMA`; and with `ERR_BLAZEN_DELIVERY_SETTLED` if the handler has
   * settled.
   */
  runWorkflow<
    ChildEvents extends EventMap<ChildEvents>,
    ChildState extends object,
    ChildEmitted extends EventMap<ChildEmitted>,
  >(
    child: Workflow<ChildEvents, ChildState, ChildEmitted>,
    ...[input]: InputArgument<ChildEmitted>
  ): Promise<RunResult<RunData<ChildEvents>>> {
    const asker = { invocation: this.#invocation, attempt: this.attempt };
    try {
      this.#run.undoing?.refuseToWait(this.#invocation, this.#caller().step, "runWorkflow()");
      const host = readChildHost(child, "the workflow of runWorkflow()", this.#run);
      return this.#run.openChildren().run(asker, host, input) as Promise<RunResult<RunData<ChildEvents>>>;
    } catch (refusal) {
      return Promise.reject(refusal);
    }
  }

  /**
   * Tells whoever reads the stream of the run. The event may be of any type; no step receives it.
   *
   * Of a workflow with `persistStream` the event goes to the store, and readers have it when that does. The promise does
   * not wait for it, so that a handler may await each of many events: they are written together. It waits only while
   * some thousand are on their way.
   *
   * Rejects with `ERR_BLAZEN_INVALID_EVENT` if it is no event, with `ERR_BLAZEN_DELIVERY_SETTLED` if the handler has
   * settled, and with `ERR_BLAZEN_NOT_SERIALIZABLE` if it is to be stored and JSON cannot hold it.
   */
  writeEventToStream(event: AnyEvent): Promise<void> {
    return this.#run.writeToStream(this.#invocation, event);
  }

  #caller(): Caller {
    return { invocation: this.#invocation, step: this.#run.definition.steps[this.#step] as Step };
  }

  static {
    runOf = (ctx) => ctx.#run;
    isContext = (value): value is AnyContext => typeof value === "object" && value !== null && #run in value;
    publicClass(Context, { isOurs: isContext, rejects: true, native: native.Context });
  }
}
