/// <reference types="node" />

export * from "./dist/conformance.js";
