// The calls of every hop, and the room that they are bound to.

import { native } from "./native.js";

/** Where the engine writes its effects. No user code runs between a call and the reading, so one serves all runs. */
export const ROOM = new Float64Array(new ArrayBuffer(native.ROOM_WORDS * Float64Array.BYTES_PER_ELEMENT));

export const { drain, setState, settle, settleStored } = native.hopCalls(ROOM);
