// The same as `require("blazen/conformance")` gives.

import conformance from "./conformance.js";

export const { storePromises } = conformance;
