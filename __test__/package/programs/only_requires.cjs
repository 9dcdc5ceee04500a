// Loads blazen and does nothing with it: that must hold the process open no longer than nothing at all.

const before = process.getActiveResourcesInfo();
require("blazen");
const after = process.getActiveResourcesInfo();
console.log(JSON.stringify({ before, after }));
