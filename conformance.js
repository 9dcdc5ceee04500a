"use strict";

module.exports = require("./dist/conformance.js");
