// Medians and timed rounds. A median shrugs off the rounds in which the machine did something else; a mean would not.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Microseconds that one of `count` operations takes when `work` does them all. */
export async function microsecondsEach(count, work) {
  const start = performance.now();
  await work();
  return ((performance.now() - start) * 1000) / count;
}

/** The median of each figure over many objects that carry the same figures. */
export function medianOfEach(samples) {
  const figures = {};
  for (const name of Object.keys(samples[0] ?? {})) {
    figures[name] = median(samples.map((sample) => sample[name]));
  }
  return figures;
}

/** Runs `sample` once unseen for the warm-up, then `rounds` times, and takes the median of each figure it returns. */
export async function medianOfRounds(rounds, sample) {
  await sample();
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    samples.push(await sample());
  }
  return medianOfEach(samples);
}
