// The floor: the same handlers awaited in a plain loop. No routing, no run, no state; nothing that awaits them can cost less.

import { PING, pingPong, STOP } from "../workload/ping-pong.mjs";

function loopOver({ ping, pong }) {
  return async () => {
    let event = { type: PING, n: 0 };
    while (event.type !== STOP) {
      event = await (event.type === PING ? ping : pong)(event);
    }
    return event.result;
  };
}

export default {
  loopOver,
  loop: (hops) => loopOver(pingPong(hops)),
  twoStep: () => loopOver(pingPong(2)),

  /** A run that waits is here one pending promise behind one async function. */
  parking: () => ({
    async park() {
      let resolve;
      const answered = new Promise((settle) => {
        resolve = settle;
      });
      const result = (async () => await answered)();
      return { resolve, result };
    },
    answer(run, value) {
      run.resolve(value);
      return run.result;
    },
  }),
};
