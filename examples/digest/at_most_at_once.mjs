// A limit to how much is at work at the same time.

/**
 * @param {number} places
 * @returns {<Result>(work: () => Promise<Result>) => Promise<Result>} calls `work` as soon as there is a place for it
 */
export function atMostAtOnce(places) {
  let free = places;
  const waiting = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes from hand to hand, so that nobody who comes later can take it in between.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
