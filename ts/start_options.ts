// What may be said of a run when it is begun.

import { readOptions } from "./arguments.js";
import { checkSignal } from "./run_signal.js";
import { checkRunId } from "./store.js";
import { checkBoolean } from "./stream_options.js";

/** How a run is begun. */
export interface StartOptions {
  /** The id of the run, a UUID. A run of this id is begun once, however often that is asked for. */
  runId?: string;
  /**
   * Whether what happens to the run and its steps is noted from its beginning on, for whoever reads its stream with
   * `{ lifecycle: true }`; the callback of `runStreaming` is told of it. See `LifecycleEvent`.
   */
  lifecycle?: boolean;
  /**
   * Aborts the run when it is aborted: `result()` rejects with `ERR_BLAZEN_ABORTED` and the reason of the signal as its
   * `cause`. If it is aborted already, no run begins and the call rejects so. One signal may be given to any number of
   * runs. With a `runId`, it concerns the run of that id, whoever has begun it.
   */
  signal?: AbortSignal;
}

interface Start {
  readonly runId: string | undefined;
  readonly lifecycle: boolean;
  readonly signal: AbortSignal | undefined;
}

/** @throws InvalidArgumentError if an option is not what it must be */
export function readStartOptions(options: StartOptions | undefined): Start {
  if (options === undefined) return { runId: undefined, lifecycle: false, signal: undefined };
  const what = "the options of a run";
  const { runId, lifecycle, signal } = readOptions(options, what, ["runId", "lifecycle", "signal"]);
  if (runId !== undefined) checkRunId(runId);
  if (lifecycle !== undefined) checkBoolean(lifecycle, `"lifecycle" of ${what}`);
  if (signal !== undefined) checkSignal(signal, `"signal" of ${what}`);
  return { runId: runId?.toLowerCase(), lifecycle: lifecycle === true, signal };
}
