// Turns of the event loop.

export const turn = () => new Promise(setImmediate);

/**
 * Resolves when everything has been called that waits for no timer and no store. How much is called in one turn depends on
 * how fast the machine is, so this is more than one.
 */
export async function quiet() {
  for (let times = 0; times < 20; times += 1) await turn();
}
