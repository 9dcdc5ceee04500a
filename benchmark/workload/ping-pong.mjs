// The work of every hop: two async handlers that hand a counter to each other, one new event a hop.
//
// These very functions run bare and under blazen. The peers whose handlers have another shape (a typed event, a state
// update, a promise actor) spell the same two in their own subject file: async, one allocation, one addition.

export const PING = "Ping";
export const PONG = "Pong";
export const START = "blazen::StartEvent";
export const STOP = "blazen::StopEvent";

/** Handlers of a run that ends after `hops` invocations (an even number, since only `pong` may end it). */
export function pingPong(hops) {
  return {
    ping: async (event) => ({ type: PONG, n: event.n + 1 }),
    pong: async (event) => {
      const n = event.n + 1;
      return n < hops ? { type: PING, n } : { type: STOP, result: n };
    },
  };
}

/** The same handlers, calling `atHop(n)` (which may return a promise) at each hop of `marks`, ascending even numbers. */
export function markedPingPong(hops, marks, atHop) {
  const plain = pingPong(hops);
  let upcoming = 0;
  return {
    ping: plain.ping,
    pong: async (event) => {
      if (event.n + 1 === marks[upcoming]) {
        upcoming += 1;
        await atHop(event.n + 1);
      }
      const n = event.n + 1;
      return n < hops ? { type: PING, n } : { type: STOP, result: n };
    },
  };
}
