// Says what `require` throws.

try {
  require("blazen");
} catch ({ name, code, message }) {
  console.log(JSON.stringify({ name, code, message }));
}
