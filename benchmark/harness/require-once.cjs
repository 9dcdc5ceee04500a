// Prints how many milliseconds `require` of the first argument took. CommonJS, so that nothing else is loaded before it.

const start = process.hrtime.bigint();
require(process.argv[2]);
const end = process.hrtime.bigint();
process.stdout.write(String(Number(end - start) / 1e6));
