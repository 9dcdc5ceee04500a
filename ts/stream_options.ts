// What may be said by whoever reads the stream of a run, checked once.

import { checkDuration, reading, readOptions, refuse } from "./arguments.js";
import { InvalidArgumentError } from "./errors.js";
import { DEFAULT_STREAM_BUFFER, type ReadingOptions } from "./event_stream.js";
import { readLimit } from "./page_limit.js";
import type { LifecycleEntry, StreamEntry } from "./stream_place.js";
import type { AnyEvent } from "./types.js";

/** How the stream of a run is read. */
export interface StreamOptions {
  /**
   * The offset of the first event to read: how many events came before it. The oldest that is kept unless given, 0 of a
   * workflow with `persistStream`, where all are kept. One that is not kept any more is refused with `ERR_BLAZEN_STREAM_GONE`, and one that is further than the next event with
   * `ERR_BLAZEN_INVALID_ARGUMENT`.
   */
  from?: number;
  /**
   * Whether what happens to the run and its steps is told among its events, from here on; or from the beginning of the
   * run, if it was begun with `{ lifecycle: true }`.
   */
  lifecycle?: boolean;
  /** Whether each event comes with its offset, as `{ offset, event }`. */
  withOffsets?: boolean;
}

/** Which events of a stream. */
export interface StreamQuery {
  /** The offset of the first: how many events came before it; 0 unless given. */
  from?: number;
  /** How many at most: 100 unless given, 10,000 at most. */
  limit?: number;
}

type Entries<Options> =
  Required<Options> extends { lifecycle: infer Lifecycle }
    ? Lifecycle extends false
      ? StreamEntry
      : StreamEntry | LifecycleEntry
    : StreamEntry;

/** What a stream that is read with such options gives. */
export type Streamed<Options> =
  Required<Options> extends { withOffsets: infer With } ? (With extends true ? Entries<Options> : AnyEvent) : AnyEvent;

/** The request of a client, in whichever way the server has it: of fetch, or of `node:http`. */
export interface StreamRequest {
  headers: { get(name: string): string | null } | { [name: string]: string | string[] | undefined };
}

/** How a stream is sent to a client. */
export interface StreamResponseOptions {
  /** As in `StreamOptions`, for a client that says nothing else. */
  from?: number;
  /** As in `StreamOptions`. */
  lifecycle?: boolean;
  /** The request of the client: if it has a `Last-Event-ID`, the stream is sent from the event after that on. */
  request?: StreamRequest;
  /** The same, as a value: the last offset that the client has had. */
  lastEventId?: string | number | null;
  /** Headers of the response, beside and in place of its own. */
  headers?: NonNullable<ResponseInit["headers"]>;
  /** What else the response has: its status, and headers as well. */
  init?: ResponseInit;
  /** How long nothing is sent before a comment is, in milliseconds; 15,000 unless given, never if infinite. */
  keepAliveMs?: number;
}

/** The options of a response, checked. */
export interface ResponseSettings extends ReadingOptions {
  /** The last offset that the client has had. */
  readonly lastOffset: number | undefined;
  readonly headers: Headers;
  readonly init: ResponseInit;
  readonly keepAliveMs: number;
}

/** @throws InvalidArgumentError */
export function readStreamOptions(options: StreamOptions, what: string): StreamOptions {
  const read = readOptions(options, what, ["from", "lifecycle", "withOffsets"]);
  if (read.from !== undefined) checkOffset(read.from, `"from" of ${what}`);
  if (read.lifecycle !== undefined) checkBoolean(read.lifecycle, `"lifecycle" of ${what}`);
  if (read.withOffsets !== undefined) checkBoolean(read.withOffsets, `"withOffsets" of ${what}`);
  return read;
}

/** @throws InvalidArgumentError */
export function readStreamQuery(query: StreamQuery): { from: number; limit: number } {
  const { from = 0, limit } = readOptions(query, "the query", ["from", "limit"]);
  checkOffset(from, "the offset to read from");
  return { from, limit: readLimit(limit) };
}

/** @throws InvalidArgumentError */
export function readResponseOptions(options: StreamResponseOptions): ResponseSettings {
  const what = "the options of toResponse()";
  const known = ["from", "lifecycle", "request", "lastEventId", "headers", "init", "keepAliveMs"] as const;
  const { from, lifecycle, request, lastEventId, headers, init, keepAliveMs } = readOptions(options, what, known);
  if (from !== undefined) checkOffset(from, `"from" of ${what}`);
  if (lifecycle !== undefined) checkBoolean(lifecycle, `"lifecycle" of ${what}`);
  if (keepAliveMs !== undefined) {
    checkDuration(keepAliveMs, `"keepAliveMs" of ${what}`, "milliseconds");
    if (keepAliveMs <= 0) refuse(`"keepAliveMs" of ${what}`, "more than 0 milliseconds", keepAliveMs);
  }
  if (init !== undefined && (typeof init !== "object" || init === null)) refuse(`"init" of ${what}`, "an object", init);
  return {
    from,
    lifecycle,
    lastOffset: readLastOffset(lastEventId ?? (request === undefined ? undefined : lastEventIdOf(request))),
    headers: reading(`"headers" of ${what}`, () => responseHeaders(init?.headers, headers)),
    init: reading(`"init" of ${what}`, () => checkedInit({ ...init })),
    keepAliveMs: keepAliveMs ?? 15_000,
  };
}

/** @throws InvalidArgumentError */
export function readStreamBuffer(streamBuffer: unknown): number {
  if (streamBuffer === undefined) return DEFAULT_STREAM_BUFFER;
  if (streamBuffer === Number.POSITIVE_INFINITY) return streamBuffer;
  if (!Number.isSafeInteger(streamBuffer) || (streamBuffer as number) < 1) {
    refuse('"streamBuffer"', "a whole number of events, 1 or more, or Infinity", streamBuffer);
  }
  return streamBuffer as number;
}

export function checkBoolean(value: unknown, what: string): asserts value is boolean {
  if (typeof value !== "boolean") refuse(what, "true or false", value);
}

function checkOffset(value: unknown, what: string): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(what, "a whole number, 0 or more", value);
}

function lastEventIdOf(request: unknown): unknown {
  return reading('"request" of the options of toResponse()', () => {
    const headers = (request as StreamRequest).headers as { get?: unknown; "last-event-id"?: unknown };
    if (typeof headers.get !== "function") return headers["last-event-id"];
    return (headers as { get(name: string): string | null }).get("last-event-id") ?? undefined;
  });
}

/** A client that has had nothing sends no id, or an empty one. */
function readLastOffset(id: unknown): number | undefined {
  if (id === undefined || id === null || id === "") return undefined;
  const offset = typeof id === "string" && /^\d{1,16}$/.test(id) ? Number(id) : id;
  if (Number.isSafeInteger(offset) && (offset as number) >= 0) return offset as number;
  throw new InvalidArgumentError(
    `the last event id must be the offset of an event, and is ${JSON.stringify(String(id))}`,
  );
}

/** Only a response knows what it takes. */
function checkedInit(init: ResponseInit): ResponseInit {
  new Response(null, init);
  return init;
}

function responseHeaders(...given: ResponseInit["headers"][]): Headers {
  const headers = new Headers({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  for (const init of given) {
    for (const [name, value] of new Headers(init)) headers.set(name, value);
  }
  return headers;
}
