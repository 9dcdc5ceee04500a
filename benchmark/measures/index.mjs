// Every measure, in the order of the report.

import age from "./age.mjs";
import durableAge from "./durable-age.mjs";
import durableMany from "./durable-many.mjs";
import durableOne from "./durable-one.mjs";
import durableParked from "./durable-parked.mjs";
import durableSize from "./durable-size.mjs";
import durableState from "./durable-state.mjs";
import fanOut from "./fan-out.mjs";
import hop from "./hop.mjs";
import memory from "./memory.mjs";
import parked from "./parked.mjs";
import requireTime from "./require.mjs";
import sleeping from "./sleeping.mjs";
import stateBytes from "./state-bytes.mjs";
import stateNumber from "./state-number.mjs";
import stateObject from "./state-object.mjs";
import twoStep from "./two-step.mjs";

/**
 * A measure has
 *   name       what `--only` takes
 *   title      what the report calls it
 *   subjects   files of subjects/, each probed in a process of its own
 *   processes  how many processes each subject gets; the report shows the median over them
 *   nodeFlags  flags those processes need
 *   onDisk     whether stores are written, so that the report has to say where
 *   probe      async (subject, subjectName) => { figure: number, ... }, in the child
 *   rows       ({ subjectName: figures }) => lines of the report; those with a `target` are judged by `judged`
 */
export const measures = [
  hop,
  fanOut,
  age,
  memory,
  twoStep,
  stateNumber,
  stateObject,
  stateBytes,
  parked,
  sleeping,
  requireTime,
  durableOne,
  durableMany,
  durableState,
  durableSize,
  durableAge,
  durableParked,
];

export function measureNamed(name) {
  const found = measures.find((measure) => measure.name === name);
  if (!found) {
    throw new Error(
      `No measure is called "${name}". There are: ${measures.map((measure) => measure.name).join(", ")}.`,
    );
  }
  return found;
}
