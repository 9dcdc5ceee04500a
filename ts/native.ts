// The native binding, or a clear word on why there is none.

import type * as Native from "../native.js";
import { NativeBindingError } from "./errors.js";

function load(): typeof Native {
  try {
    return require("../native.js") as typeof Native;
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    throw new NativeBindingError(
      `The native part of blazen for ${platform} cannot be loaded. It is the optional dependency whose name begins with ` +
        `"blazen-${platform}": install with optional dependencies enabled, on the platform that runs the program (a ` +
        "lockfile or node_modules folder made on another platform may lack it: remove both and install again), or set " +
        "NAPI_RS_NATIVE_LIBRARY_PATH to a .node file that you built.",
      { cause },
    );
  }
}

export const native = load();
