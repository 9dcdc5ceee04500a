// What is waited for, and what comes from outside.

import { MemoryStore, Workflow } from "blazen";
import { ended, INVALID, inStep, notStrings, parked, RESPONSE, revoked, START, stop, workflowOf } from "./harness.mjs";

const INVALID_EVENT = "ERR_BLAZEN_INVALID_EVENT";
const RUN = "01900000-0000-7000-8000-000000000000";

/** Expects something in a workflow that accepts `Next`. */
async function expecting(...args) {
  let refusal;
  const workflow = workflowOf(
    async (_event, ctx) => {
      await ctx.expectEvent(...args).catch((error) => {
        refusal = error;
      });
      return stop();
    },
    () => stop(),
  );
  await workflow.run();
  if (refusal !== undefined) throw refusal;
}

const stored = () => {
  const workflow = new Workflow("rows", { store: new MemoryStore() });
  return workflow.addStep("begin", [START], () => stop()).addStep("hear", [RESPONSE], () => stop());
};

const notOptions = [
  ["null", null],
  ["a number", 5],
  ["a string", "1s"],
  ["an array", [5]],
  ["an unknown option", { expires: 5 }],
  ["a revoked Proxy", revoked()],
];

export default [
  ...notStrings().map(([name, type]) => [`expectEvent(${name})`, () => expecting(type), INVALID]),
  ["expectEvent('')", () => expecting(""), INVALID],
  ["expectEvent(half a surrogate pair)", () => expecting("\ud800"), INVALID],
  ["expectEvent(a type that no step accepts)", () => expecting("Nxet"), INVALID],
  ["expectEvent(blazen::StartEvent)", () => expecting(START), INVALID],
  ["expectEvent(blazen::InputResponseEvent)", () => expecting(RESPONSE), INVALID],
  ...notOptions.map(([name, options]) => [`expectEvent(type, ${name})`, () => expecting("Next", options), INVALID]),
  ...[
    ["zero", 0],
    ["less than zero", -1],
    ["NaN", Number.NaN],
    ["infinite", Number.POSITIVE_INFINITY],
    ["a string", "5"],
    ["a BigInt", 5n],
    ["null", null],
    ["a Date", new Date(0)],
  ].map(([name, expiresMs]) => [`expiresMs: ${name}`, () => expecting("Next", { expiresMs }), INVALID]),
  ...notStrings()
    .filter(([name]) => name !== "undefined")
    .map(([name, onExpire]) => [`onExpire: ${name}`, () => expecting("Next", { expiresMs: 5, onExpire }), INVALID]),
  ["onExpire: ''", () => expecting("Next", { expiresMs: 5, onExpire: "" }), INVALID],
  ["onExpire that no step accepts", () => expecting("Next", { expiresMs: 5, onExpire: "Nobody" }), INVALID],
  ["onExpire: blazen::StopEvent", () => expecting("Next", { expiresMs: 5, onExpire: "blazen::StopEvent" }), INVALID],
  ["onExpire without expiresMs", () => expecting("Next", { onExpire: "Next" }), INVALID],
  [
    "expectEvent() after its handler has returned",
    async () => {
      let late;
      await inStep((ctx) => {
        late = ctx;
      });
      return late.expectEvent("Next");
    },
    [INVALID, "ERR_BLAZEN_DELIVERY_SETTLED", "ERR_BLAZEN_RUN_ENDED"],
  ],

  ...[
    ["undefined", undefined],
    ["null", null],
    ["a string", "Next"],
    ["an array", []],
    ["an event without a type", {}],
    ["an event whose type is empty", { type: "" }],
    ["an event that nobody accepts", { type: "Nobody" }],
    ["a stop event", stop()],
    ["an input request", { type: "blazen::InputRequestEvent" }],
    ["a start event", { type: START }],
    ["an answer", { type: RESPONSE, request_id: "question" }],
    ["a revoked Proxy", revoked()],
  ].map(([name, event]) => [`sendEvent(${name})`, async () => (await parked()).sendEvent(event), INVALID_EVENT]),
  ...[
    ...notOptions,
    ["unexpected: an unknown word", { unexpected: "drop" }],
    ["unexpected: true", { unexpected: true }],
  ].map(([name, options]) => [
    `sendEvent(event, ${name})`,
    async () => (await parked()).sendEvent({ type: "Next" }, options),
    INVALID,
  ]),
  [
    "sendEvent() to a run that has ended",
    async () => (await ended()).sendEvent({ type: "Next" }),
    [INVALID_EVENT, "ERR_BLAZEN_RUN_ENDED"],
  ],
  ...notStrings().map(([name, runId]) => [
    `workflow.sendEvent(${name})`,
    () => stored().sendEvent(runId, { type: "Next" }),
    INVALID,
  ]),
  ["workflow.sendEvent(no UUID)", () => stored().sendEvent("run 1", { type: "Next" }), INVALID],
  ["workflow.sendEvent(an unknown run)", () => stored().sendEvent(RUN, { type: "Next" }), "ERR_BLAZEN_UNKNOWN_RUN"],
  ["workflow.respondToInput(an unknown run)", () => stored().respondToInput(RUN, "q", 1), "ERR_BLAZEN_UNKNOWN_RUN"],
  ...notStrings().map(([name, id]) => [
    `workflow.respondToInput(id, ${name})`,
    () => stored().respondToInput(RUN, id, 1),
    INVALID,
  ]),
];
