// What each of the stand-ins does and undoes, when it is busy, and what it refuses. All of it depends on the order alone,
// so that the same happens each time.

/**
 * @typedef {object} Trade
 * @property {string} does as its book has it
 * @property {string} [undoes]
 * @property {(order: object) => boolean} [isBusyToDo] whether it answers 503 when it is asked first
 * @property {(order: object) => boolean} [isBusyToUndo]
 * @property {(order: object) => string | false} [refuses] why it never does that
 */

/** @type {Record<string, Trade>} */
export const TRADES = {
  warehouse: {
    does: "reserved",
    undoes: "released",
    refuses: ({ product }) => product === "unicorns" && "unicorns are out of stock",
  },
  bank: {
    does: "charged",
    undoes: "refunded",
    isBusyToDo: ({ number }) => number % 2 === 0,
    isBusyToUndo: ({ number }) => number % 5 === 0,
    refuses: ({ card }) => card.endsWith("0") && "the card is declined",
  },
  carrier: {
    does: "taken",
    undoes: "recalled",
    isBusyToDo: ({ number }) => number % 3 === 0,
    refuses: ({ town }) => town === "Atlantis" && "nobody goes to Atlantis",
  },
  post: { does: "sent" },
};

/** It takes a parcel to anywhere else in no time. */
export function isLostOnTheWay({ town }) {
  return town === "Bermuda";
}
