// Calls the handlers that the engine asks for, and tells it what came of them.
//
// One hop: a handler's promise settles, its event goes into the payload table, `settle` tells the engine and brings
// back what to do next, and the next handler is called. All of it on this thread and by numbers.
//
// Effects are only ever read from a microtask or a turn of the event loop of their own, never from within a call of
// user code, so handlers may call anything at any time. One exception: a handler that ends the run by what it sends is
// told at once.

import { AsyncResource } from "node:async_hooks";
import { AttemptBounds } from "./attempt_bounds.js";
import type { AnyContext } from "./context.js";
import type { Definition, Handler, Step } from "./definition.js";
import { type Emission, emissionOf, observe, plainEventType } from "./emission.js";
import { type BlazenError, fromNative, InternalError, isBlazenError, StepError, StepTimeoutError } from "./errors.js";
import { eventText, resultText, textAndCopy } from "./event_text.js";
import type { FailedAttempt } from "./failed_attempt.js";
import { drain, ROOM, settle, settleStored } from "./hop_calls.js";
import { type KeptExpiry, keepExpiry } from "./kept_expiry.js";
import type { Lifecycle } from "./lifecycle.js";
import { queueUp, type Ready, takeTime } from "./loop_turn.js";
import { native } from "./native.js";
import { PayloadTable } from "./payload_table.js";
import type { Attempt, StepLimiter } from "./step_limits.js";
import type { Undoing } from "./undoing.js";

const {
  EFFECT_COMPENSATE,
  EFFECT_ENDED,
  EFFECT_INVOKE,
  EFFECT_PAUSED,
  EFFECT_PUBLISH,
  EFFECT_RELEASE,
  EFFECT_STREAM,
  EFFECT_UNDOING,
  LONGEST_EFFECT,
  NO_EVENT,
  NOT_SETTLED,
  PANICKED,
  STOP_EVENT,
} = native;
const { drainInto, handOver, stage } = native;

/** Nobody waits for these resources to be destroyed, so the garbage collector need not be asked. */
const UNTRACKED = { requireManualDestroy: true };

/** What is wrong with an event, and not with the code of a handler. */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  "ERR_BLAZEN_INVALID_EVENT",
  "ERR_BLAZEN_NOT_SERIALIZABLE",
  "ERR_BLAZEN_SCHEMA",
]);

/** An emission, and what has been kept for it. */
export interface KeptEmission extends Emission {
  /** The number of its event. */
  readonly payload: number;
  /** Until when it may be answered, if that is limited. */
  readonly until: KeptExpiry | undefined;
}

export type NativeContext = InstanceType<typeof native.Context>;

/**
 * How events go from handler to handler: as they are; as texts, of which a store gets each at once; or as texts, of
 * which it gets those that are on their way when the run is paused.
 */
export type EventTravel = "by-reference" | "as-text" | "as-text-until-paused";

/** What a run does about what the driver meets. */
export interface DrivenRun {
  /** Whether it is paused, or about to be. */
  readonly isPaused: boolean;
  /** The object that the handler of an invocation is given. */
  contextFor(invocation: number, step: number, attempt: number, event: object): AnyContext;
  /** The handler of `invocation` has returned or thrown. */
  settled(invocation: number): void;
  /** What the handler of `invocation` has returned is taken: there will be no other attempt. */
  taken(invocation: number): void;
  /** A handler threw, returned what is no event, or took too long. */
  failed(attempt: FailedAttempt): void;
  /** What aborts the signal of an invocation, if its handler has asked for that. */
  controllerOf(invocation: number): AbortController | undefined;
  /** An input request was made. */
  published(event: object): void;
  /** The store has what a handler has written to the stream, or (`durability: "async"`) is about to. */
  streamed(event: object): void;
  paused(): void;
  /** What it undoes, once it does. */
  readonly undoing: Undoing | undefined;
  /** It is about to end, and undoes what it has done. */
  undoes(): void;
  /** A handler that was to be called is not, since the run is about to end. */
  notCalled(invocation: number): void;
  /** @param stop the stop event, or `NO_STOP_EVENT` */
  ended(stop: number): void;
  /** The engine itself failed. */
  broken(error: unknown): void;
}

export class StepDriver implements Ready {
  readonly payloads = new PayloadTable();
  /** Told what happens to attempts, while somebody wants to hear of it. */
  lifecycle: Lifecycle | undefined;
  /** Events travel as texts, so that a step receives what it would receive after a crash. */
  readonly #travel: EventTravel;
  readonly #definition: Definition;
  readonly #run: DrivenRun;
  /** The asynchronous context of whoever started the run: handlers are called in it. */
  readonly #scope = new AsyncResource("BlazenRun", UNTRACKED);
  #native!: NativeContext;
  #key = 0;
  #comingBack = false;
  #stopped = false;
  /** Invocations that were cut short since effects were last read. */
  #cutShort: ReadonlySet<number> | undefined;
  /** Made for the first step that has a timeout or a limit. */
  #bounds: AttemptBounds | undefined;

  constructor(definition: Definition, run: DrivenRun, travel: EventTravel) {
    this.#definition = definition;
    this.#run = run;
    this.#travel = travel;
  }

  /**
   * Keeps an event that is about to be emitted, and gives its number.
   *
   * @throws SerializationError if it travels as text, and JSON would lose something of it
   */
  keep(event: object, eventType: number): number {
    if (this.#travel === "by-reference") return this.payloads.keep(event);
    const payload = this.payloads.keep(eventType === STOP_EVENT ? resultText(event) : eventText(event));
    if (this.#isHandedOver(eventType)) handOver(this.#key, payload, this.payloads.get(payload) as string);
    return payload;
  }

  /** The same of one that is handed over with the next call, and mostly received soon after: as a copy, if it can be. */
  #keepReturned(event: object, eventType: number): number {
    if (this.#travel === "by-reference") return this.payloads.keep(event);
    if (eventType === STOP_EVENT) return this.payloads.keep(resultText(event));
    const { text, copy } = textAndCopy(event);
    return this.payloads.keep(text, copy);
  }

  /** Whether a recorder must have the text. A run that is only written when it is paused hands its events over then. */
  #isHandedOver(eventType: number): boolean {
    return this.#travel === "as-text" || (this.#travel === "as-text-until-paused" && eventType === STOP_EVENT);
  }

  /** The same of whatever goes with the event. */
  keepEmission(emission: Emission): KeptEmission {
    const { event, eventType, name, expiry } = emission;
    const payload = this.keep(event, eventType);
    if (expiry === undefined) return { event, eventType, name, payload, until: undefined };
    try {
      const until = keepExpiry(expiry, { request: event }, this.#definition, this);
      return { event, eventType, name, payload, until };
    } catch (error) {
      this.payloads.release(payload);
      throw error;
    }
  }

  /** The engine has not taken it. */
  release({ payload, until }: KeptEmission): void {
    this.payloads.release(payload);
    if (until?.payload !== undefined) this.payloads.release(until.payload);
  }

  /** An event as a handler receives it. */
  event(payload: number): object {
    const kept = this.payloads.get(payload);
    return typeof kept === "string" ? JSON.parse(kept) : kept;
  }

  /**
   * The text of an event.
   *
   * @throws SerializationError if JSON would lose something of it
   */
  text(payload: number): string {
    const kept = this.payloads.get(payload);
    return typeof kept === "string" ? kept : eventText(kept);
  }

  /** Begins to drive a run. */
  drive(run: NativeContext, key: number): void {
    this.#native = run;
    this.#key = key;
    this.comeBack();
  }

  /** The run has ended: nothing is called any more, and nothing that comes in is heard. */
  stop(): void {
    this.#stopped = true;
    this.#bounds?.clear();
    this.payloads.clear();
  }

  /** Reads how the run has ended, on behalf of a handler that ended it: into a room of its own, since others may be in use. */
  readTheEnd(): void {
    const room = new Float64Array(64);
    while (!this.#stopped) {
      const words = drainInto(this.#key, room);
      if (words === 0) return;
      this.#actOn(room, words);
    }
  }

  /** Reads effects soon, but not now: the caller may be user code. */
  comeBack(): void {
    if (this.#comingBack) return;
    this.#comingBack = true;
    queueUp(this);
  }

  /** Reads effects. Only called in turn: see `comeBack`. */
  goOn(): void {
    this.#comingBack = false;
    if (!this.#stopped) this.#scope.runInAsyncScope(this.#drain, this);
  }

  /** In the context of the run: what follows from here stays in it, hop by hop. */
  #drain(): void {
    try {
      if (this.#bounds !== undefined) this.#callReady(this.#bounds);
      if (this.#stopped) return;
      const words = drain(this.#key);
      if (words === PANICKED) this.#run.broken(new InternalError("the engine failed to say what is to be done"));
      else this.#act(words);
    } catch (error) {
      this.#run.broken(fromNative(error));
    }
  }

  /** What has been read and not yet called must not be called: its deliveries have gone back to the queue. */
  cutShort(invocations: readonly number[]): void {
    this.#cutShort = new Set([...(this.#cutShort ?? []), ...invocations]);
    for (const invocation of invocations) this.#bounds?.forget(invocation);
  }

  /** A pause waits for no handler that has not been called: what waits for a slot goes back to the queue. */
  putBack(): void {
    const waiting = this.#bounds?.slots.withdraw();
    if (waiting === undefined || waiting.length === 0) return;
    this.#native.putBack(waiting);
    this.comeBack();
  }

  /** Does what the engine has written into the room that all runs share. */
  #act(words: number): void {
    this.#cutShort = undefined;
    this.#actOn(ROOM, words);
    if (words > ROOM.length - LONGEST_EFFECT) this.comeBack();
  }

  #actOn(room: Float64Array, words: number): void {
    for (let at = 0; at < words && !this.#stopped; ) {
      switch (room[at]) {
        case EFFECT_INVOKE:
          this.#invokeAt(room, at);
          at += LONGEST_EFFECT;
          break;
        case EFFECT_COMPENSATE:
          this.#compensateAt(room, at);
          at += LONGEST_EFFECT;
          break;
        case EFFECT_RELEASE:
          this.payloads.release(room[at + 1] as number);
          at += 2;
          break;
        case EFFECT_PUBLISH:
          this.#run.published(this.event(room[at + 1] as number));
          at += 2;
          break;
        case EFFECT_STREAM:
          this.#stream(room[at + 1] as number);
          at += 2;
          break;
        case EFFECT_PAUSED:
          this.payloads.letGoOfCopies();
          this.#run.paused();
          at += 1;
          break;
        case EFFECT_UNDOING:
          this.#run.undoes();
          at += 1;
          break;
        case EFFECT_ENDED:
          this.#run.ended(room[at + 1] as number);
          return;
      }
    }
  }

  #stream(payload: number): void {
    const event = this.event(payload);
    this.payloads.release(payload);
    this.#run.streamed(event);
  }

  #invokeAt(room: Float64Array, at: number): void {
    const invocation = room[at + 1] as number;
    if (this.#cutShort?.has(invocation)) return;
    this.#invoke(invocation, room[at + 2] as number, room[at + 3] as number, room[at + 4] as number);
  }

  #invoke(invocation: number, step: number, payload: number, attempt: number): void {
    const { limiter } = this.#stepOf(step);
    if (limiter !== undefined && !this.#hasSlot(limiter, { invocation, step, payload, attempt })) return;
    this.#callHandler(invocation, step, payload, attempt);
  }

  /** Takes a slot for an attempt. If there is none, it waits; if it has no key, it has failed. */
  #hasSlot(limiter: StepLimiter, waiting: Attempt): boolean {
    const { invocation, step, payload, attempt } = waiting;
    let key = "";
    try {
      if (limiter.keyOf !== undefined) key = limiter.keyOf(this.event(payload));
    } catch (error) {
      if (this.lifecycle !== undefined) this.lifecycle.stepStarted("step", step, invocation, attempt);
      void this.#observe(invocation, step, attempt, payload, Promise.reject(error));
      return false;
    }
    // Whoever gave the key is user code, and may have ended the run or paused it.
    if (this.#stopped || this.#cutShort?.has(invocation)) return false;
    this.#bounds ??= this.#newBounds();
    if (this.#bounds.slots.enter(waiting, limiter.slotsOf(key))) return true;
    this.payloads.takeCopy(payload);
    if (this.#run.isPaused) this.putBack();
    return false;
  }

  #newBounds(): AttemptBounds {
    return new AttemptBounds(() => this.comeBack());
  }

  /** Calls those that have waited for a slot, and have one. */
  #callReady({ slots }: AttemptBounds): void {
    for (let ready = slots.takeReady(); ready !== undefined; ready = slots.takeReady()) {
      this.#callHandler(ready.invocation, ready.step, ready.payload, ready.attempt);
    }
  }

  #callHandler(invocation: number, step: number, payload: number, attempt: number): void {
    if (this.#run.undoing !== undefined) {
      this.#bounds?.forget(invocation);
      this.#run.notCalled(invocation);
      return;
    }
    if (this.lifecycle !== undefined) this.lifecycle.stepStarted("step", step, invocation, attempt);
    this.#call(this.#stepOf(step).handler, invocation, step, payload, attempt);
  }

  #compensateAt(room: Float64Array, at: number): void {
    const invocation = room[at + 1] as number;
    if (this.#cutShort?.has(invocation)) return;
    const step = room[at + 2] as number;
    const attempt = room[at + 4] as number;
    this.#run.undoing?.begins(invocation);
    this.lifecycle?.stepStarted("compensation", step, invocation, attempt);
    this.#call(this.#stepOf(step).compensate as Handler, invocation, step, room[at + 3] as number, attempt);
  }

  #call(handler: Handler, invocation: number, step: number, payload: number, attempt: number): void {
    const { timeout } = this.#stepOf(step);
    let outcome: unknown;
    try {
      const event = this.payloads.takeCopy(payload) ?? this.event(payload);
      const ctx = this.#run.contextFor(invocation, step, attempt, event);
      // A context of its own within the run's: what the handler enters there does not reach the next.
      const scope = new AsyncResource("BlazenStep", UNTRACKED);
      outcome = scope.runInAsyncScope(handler, undefined, event, ctx);
    } catch (error) {
      outcome = Promise.reject(error);
    }
    void this.#observe(invocation, step, attempt, payload, outcome);
    if (timeout !== undefined) this.#giveTime(invocation, step, attempt, payload, timeout);
  }

  #giveTime(invocation: number, step: number, attempt: number, payload: number, timeout: number): void {
    if (this.#stopped) return; // by what the handler has sent
    this.#bounds ??= this.#newBounds();
    this.#bounds.deadlines.set(invocation, timeout, () => {
      const late = new StepTimeoutError(this.#nameOf(step), timeout);
      const controller = this.#run.controllerOf(invocation);
      this.#threw(invocation, step, attempt, payload, late);
      // Whoever listens is user code, of an attempt from which nothing is taken any more.
      controller?.abort(late);
    });
  }

  /** Waits for a handler. `await` calls no `then` of a promise, and that of anything else not at once. */
  async #observe(invocation: number, step: number, attempt: number, payload: number, outcome: unknown): Promise<void> {
    try {
      let value: unknown;
      try {
        value = await outcome;
      } catch (error) {
        this.#threw(invocation, step, attempt, payload, error);
        return;
      }
      this.#returned(invocation, step, attempt, payload, value);
    } catch (error) {
      this.#run.broken(error);
    }
  }

  #returned(invocation: number, step: number, attempt: number, received: number, value: unknown): void {
    if (this.#stopped) return;
    this.#isOver(invocation);
    if (this.#run.undoing !== undefined) {
      this.#returnedWhileUndoing(this.#run.undoing, invocation, step, attempt, received, value);
      return;
    }
    let eventType = NO_EVENT;
    let payload = 0;
    let plain: number | undefined;
    try {
      plain = plainEventType(value, this.#definition);
    } catch (error) {
      this.#fail(invocation, step, attempt, received, new StepError(this.#nameOf(step), error));
      return;
    }
    if (plain !== undefined) {
      eventType = plain;
      try {
        payload = this.#keepReturned(value as object, plain);
        this.#stepOf(step).observed.add(plain);
      } catch (error) {
        this.#fail(invocation, step, attempt, received, this.#whyNotTaken(step, error));
        return;
      }
    } else if (value !== undefined && value !== null) {
      const refusal = this.#stage(invocation, step, value);
      if (refusal !== undefined) {
        this.#fail(invocation, step, attempt, received, refusal);
        return;
      }
    }
    this.#settle(invocation, step, attempt, eventType, payload);
  }

  /** What a handler emits is not looked at any more, and a compensation must not emit anything. */
  #returnedWhileUndoing(
    undoing: Undoing,
    invocation: number,
    step: number,
    attempt: number,
    received: number,
    value: unknown,
  ): void {
    const refusal = undoing.refusalOf(invocation, this.#stepOf(step), value);
    if (refusal === undefined) this.#settle(invocation, step, attempt, NO_EVENT, 0);
    else this.#fail(invocation, step, attempt, received, refusal);
  }

  #settle(invocation: number, step: number, attempt: number, eventType: number, payload: number): void {
    const hasTime = takeTime();
    const words =
      eventType !== NO_EVENT && this.#isHandedOver(eventType)
        ? settleStored(this.#key, invocation, eventType, payload, hasTime, this.payloads.get(payload) as string)
        : settle(this.#key, invocation, eventType, payload, hasTime);
    if (words === PANICKED) {
      this.#run.broken(new InternalError("the engine panicked while it settled an invocation"));
    } else if (words === NOT_SETTLED) {
      if (eventType !== NO_EVENT) this.payloads.release(payload);
      this.#explainNotSettled(invocation);
    } else {
      this.#run.taken(invocation);
      if (this.lifecycle !== undefined) {
        const what = this.#run.undoing?.compensates(invocation) === true ? "compensation" : "step";
        this.lifecycle.stepCompleted(what, step, invocation, attempt);
      }
      if (hasTime) this.#act(words);
      else this.comeBack();
    }
  }

  #threw(invocation: number, step: number, attempt: number, payload: number, error: unknown): void {
    if (this.#stopped) return;
    this.#isOver(invocation);
    this.#fail(invocation, step, attempt, payload, new StepError(this.#nameOf(step), error));
  }

  #isOver(invocation: number): void {
    this.#bounds?.forget(invocation);
    this.#run.settled(invocation);
  }

  #fail(invocation: number, step: number, attempt: number, payload: number, error: BlazenError): void {
    this.#run.failed({ invocation, step, attempt, payload, error });
  }

  /** Hands over what the number of a type does not say, or several events; gives the error if it cannot. */
  #stage(invocation: number, step: number, value: unknown): BlazenError | undefined {
    const source = `step ${JSON.stringify(this.#nameOf(step))} returned`;
    const emissions: Emission[] = [];
    try {
      const values: readonly unknown[] = Array.isArray(value) ? value : [value];
      // All are checked before the first is handed over: an array is taken whole or not at all. It is read by index,
      // as long as it was: a hole is refused where it is met, and a getter may not make it longer.
      for (let index = 0, { length } = values; index < length; index += 1) {
        emissions.push(emissionOf(values[index], this.#definition, source));
      }
    } catch (error) {
      return this.#whyNotTaken(step, error);
    }
    const kept: KeptEmission[] = [];
    try {
      for (const emission of emissions) kept.push(this.keepEmission(emission));
    } catch (error) {
      for (const emission of kept) this.release(emission);
      return this.#whyNotTaken(step, error);
    }
    for (const emission of kept) {
      observe(this.#stepOf(step), emission);
      this.#stageOne(invocation, emission);
    }
    return undefined;
  }

  /** What fails the run when what a handler returned is not taken. */
  #whyNotTaken(step: number, error: unknown): BlazenError {
    const isOurs = isBlazenError(error) && NOT_TAKEN.has(error.code);
    return isOurs ? error : new StepError(this.#nameOf(step), error);
  }

  #stageOne(invocation: number, emission: KeptEmission): void {
    const { eventType, name, payload, until } = emission;
    try {
      if (until === undefined) stage(this.#key, invocation, eventType, payload, name);
      else this.#native.stageRequest(invocation, payload, name as string, until);
    } catch (error) {
      this.release(emission);
      const reason = fromNative(error);
      if (!isLate(reason)) this.#run.broken(reason);
    }
  }

  /** A handler that a pause did not wait for may still return; what it returns is not taken. */
  #explainNotSettled(invocation: number): void {
    let reason: unknown = new InternalError("the engine failed to settle an invocation");
    try {
      native.expectInFlight(this.#key, invocation);
    } catch (error) {
      reason = fromNative(error);
    }
    if (!isLate(reason)) this.#run.broken(reason);
  }

  #nameOf(step: number): string {
    return this.#stepOf(step).name;
  }

  #stepOf(step: number): Step {
    return this.#definition.steps[step] as Step;
  }
}

export function isLate(error: unknown): boolean {
  return (
    isBlazenError(error) && (error.code === "ERR_BLAZEN_DELIVERY_SETTLED" || error.code === "ERR_BLAZEN_RUN_ENDED")
  );
}
