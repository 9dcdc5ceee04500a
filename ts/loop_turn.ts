// How much of one turn of the event loop runs may use.
//
// Handlers that are always ready follow each other in microtasks, which the event loop never interrupts: timers and
// I/O would wait for ever. So after some hops, or some milliseconds, what is ready waits for the next turn. The loop
// belongs to the thread, so this is shared by all runs of the thread. The clock is looked at every few hops.

// As they are now: a test that puts mocks in their place must not stop the runs of the process.
const { setImmediate } = globalThis;
const now = performance.now.bind(performance);

const MOST_HOPS = 512;
const MOST_MILLISECONDS = 10;
const HOPS_BETWEEN_LOOKS_AT_THE_CLOCK = 8;

/** In this turn. */
let hops = 0;
let turnBegan = 0;
let waiting: (() => void)[] = [];

/** Counts one hop, and says whether there is time for it in this turn. If not, `waitForNextTurn` must follow. */
export function takeTime(): boolean {
  if (hops === 0) {
    turnBegan = now();
    setImmediate(beginTurn);
  }
  hops += 1;
  if (waiting.length > 0 || hops > MOST_HOPS) return false;
  return hops % HOPS_BETWEEN_LOOKS_AT_THE_CLOCK !== 0 || now() - turnBegan < MOST_MILLISECONDS;
}

/** Calls `goOn` in the next turn, after those that asked before. */
export function waitForNextTurn(goOn: () => void): void {
  waiting.push(goOn);
}

function beginTurn(): void {
  const ready = waiting;
  waiting = [];
  hops = 0;
  for (const goOn of ready) goOn();
}
