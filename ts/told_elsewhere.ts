// Rejections that nobody need handle.

/** Keeps a rejection from counting as unhandled: whoever it concerns is told in another way. */
export function toldElsewhere(promise: Promise<unknown>): void {
  promise.catch(nothing);
}

function nothing(): void {}
