// Some orders. Each has an id from whoever placed it: an order that is sent again, since nobody knows whether it had come,
// is the same order.

export const SAMPLE_ORDERS = [
  order(1, "pears", 1_200, "Lisbon"),
  order(2, "figs", 800, "Porto"), // the bank is busy
  order(3, "quinces", 1_900, "Bermuda"), // the carrier is busy, and then loses it
  order(4, "unicorns", 9_900, "Faro"), // out of stock
  order(5, "apples", 450, "Atlantis"), // the carrier refuses, and the bank is busy when it is to pay back
  order(6, "pears", 600, "Braga"), // the bank and the carrier are busy
  order(7, "figs", 1_600, "Lisbon", "card-70"), // declined
  order(8, "apples", 900, "Coimbra"),
];

function order(number, product, cents, town, card = `card-${number}`) {
  return { id: `0dde7000-0000-4000-8000-${String(number).padStart(12, "0")}`, number, product, cents, town, card };
}
