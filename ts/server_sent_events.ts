// The stream of a run as a response of server-sent events, for `EventSource` and whoever reads the same format.
//
// The id of an event is its offset, so a client that comes back says where it was. The end of the run is told as an
// event whose id is the offset that another event would have had: a client that has had it and comes back all the same
// is answered with 204, which tells it to stop.

import type { EventStream, StreamEnd } from "./event_stream.js";
import { eventText } from "./event_text.js";
import { StreamIterator } from "./stream_iterator.js";
import type { ResponseSettings } from "./stream_options.js";
import type { LifecycleEntry, StreamEntry } from "./stream_place.js";

/** Longer than that is never, for a timer. */
const LONGEST_WAIT = 2 ** 31 - 1;
/** Sent at once, so that the headers are as well. */
const BEGUN = ": begun\n\n";
const STILL_THERE = ": still there\n\n";

/** @throws StreamGoneError or InvalidArgumentError if the client asks for what is not there */
export function responseOf(stream: EventStream, settings: ResponseSettings): Response {
  const { init, headers, lastOffset, lifecycle } = settings;
  const hadTheEnd = stream.ended !== undefined && stream.ended !== "lost" && lastOffset === stream.events.next;
  if (hadTheEnd) return new Response(null, { ...init, headers, status: 204 });
  const from = lastOffset === undefined ? settings.from : lastOffset + 1;
  stream.placeFor({ from });
  const events = new StreamIterator(stream, { from, lifecycle }, (entry) => entry);
  return new Response(bodyOf(stream, events, settings.keepAliveMs), { ...init, headers });
}

function bodyOf(
  stream: EventStream,
  events: StreamIterator<StreamEntry | LifecycleEntry>,
  keepAliveMs: number,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(BEGUN));
      },
      async pull(controller) {
        // A timer is there while somebody waits, and only then.
        const beat = keepAliveMs > LONGEST_WAIT ? undefined : setInterval(stillThere, keepAliveMs);
        beat?.unref();
        function stillThere(): void {
          if (controller.desiredSize === 0) controller.enqueue(encoder.encode(STILL_THERE));
        }
        try {
          const { done, value } = await events.next();
          if (done !== true) {
            controller.enqueue(encoder.encode(frameOf(value)));
            return;
          }
          if (stream.ended !== undefined && stream.ended !== "lost") {
            controller.enqueue(encoder.encode(lastFrame(stream.events.next, stream.ended)));
          }
          controller.close();
        } catch (error) {
          await events.return();
          throw error;
        } finally {
          clearInterval(beat);
        }
      },
      async cancel() {
        await events.return();
      },
    },
    { highWaterMark: 0 },
  );
}

/** @throws SerializationError if the event cannot be JSON */
function frameOf({ offset, event }: StreamEntry | LifecycleEntry): string {
  const data = eventText(event);
  return frame(offset, String(event.type), data);
}

function lastFrame(offset: number, how: Exclude<StreamEnd, "lost">): string {
  return frame(offset, "blazen::end", JSON.stringify({ type: "blazen::end", ...how }));
}

function frame(offset: number | null, type: string, data: string): string {
  const id = offset === null ? "" : `id: ${offset}\n`;
  // A line break would end the field; the type in the data has it.
  return `${id}event: ${type.replace(/[\r\n]/g, " ")}\ndata: ${data}\n\n`;
}
