// What a workflow is told of where its runs are written to, checked once.

import { checkCheckpointStore } from "./checkpoint_store.js";
import { connectionTo } from "./connection_to_javascript.js";
import { checkDurability, type Durability } from "./durability.js";
import { InvalidArgumentError } from "./errors.js";
import type { Writing } from "./run_writing.js";
import { connectionOf, isStore } from "./store.js";
import type { StoreConnection } from "./store_connection.js";
import { checkBoolean } from "./stream_options.js";

/** @throws InvalidArgumentError */
export function readWriting(store: unknown, durability: unknown, persistStream: unknown): Writing | undefined {
  if (durability !== undefined) checkDurability(durability);
  if (persistStream !== undefined) checkBoolean(persistStream, '"persistStream" of the options of a workflow');
  const keepsStreams = persistStream === true;
  if (store === undefined) {
    if (keepsStreams) throw new InvalidArgumentError("persistStream needs a store, and none was given");
    if (durability === undefined) return undefined;
    throw new InvalidArgumentError("a durability was given without a store that it could be about");
  }
  const connection = connect(store);
  if (keepsStreams) checkKeepsStreams(connection, durability);
  return { connection, durability: durability ?? "sync", keepsStreams };
}

/** @throws InvalidArgumentError if streams cannot be kept so */
function checkKeepsStreams(connection: StoreConnection, durability: Durability | undefined): void {
  if (durability === "exit") {
    throw new InvalidArgumentError(
      'persistStream cannot be combined with the durability "exit": readers have an event when the store has it, and that would be when the run is paused or has ended',
    );
  }
  if (!connection.keepsStreams) {
    throw new InvalidArgumentError(
      "persistStream needs a store that keeps streams, and this one has no method stream()",
    );
  }
}

export function connect(store: unknown): StoreConnection {
  if (isStore(store)) return connectionOf(store);
  checkCheckpointStore(store);
  return connectionTo(store);
}
