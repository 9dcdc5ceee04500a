// The object of the state measures: an order as an application would keep it, 2 KB as JSON.

const BYTES = 2_048;

function orderOf(lines, note) {
  return {
    id: "ord_01J9ZK4T7Q",
    customer: { name: "Ada Lovelace", email: "ada@example.com", since: 1842, vip: true },
    address: { street: "12 St James's Square", city: "London", postcode: "SW1Y 4JH", country: "GB" },
    lines,
    discount: null,
    total: 1234.56,
    note,
  };
}

function lineOf(position) {
  return {
    sku: `SKU-${1000 + position}`,
    title: "A difference engine's brass gear",
    quantity: position + 1,
    price: 19.99,
    tags: ["brass", "gear"],
  };
}

const lines = Array.from({ length: 14 }, (_, position) => lineOf(position));
const missing = BYTES - JSON.stringify(orderOf(lines, "")).length;

export const order = orderOf(lines, "n".repeat(missing));
export const orderText = JSON.stringify(order);
