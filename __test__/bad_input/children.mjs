// What is given to those who run another workflow.

import assert from "node:assert/strict";
import { Workflow } from "blazen";
import {
  CODED,
  codedOr,
  errorWithSymbolMessage,
  gives,
  hostileProxy,
  INVALID,
  inStep,
  notFunctions,
  notStrings,
  REQUEST,
  revoked,
  START,
  STOP,
  stop,
  workflowOf,
} from "./harness.mjs";

const child = () => workflowOf((event) => stop(event));
const parent = () => new Workflow("parent");

const noWorkflows = [
  ...notStrings().map(([name, value]) => [name, () => value]),
  ["a string", () => "rows"],
  ["an object like a workflow", () => ({ name: "rows", run: async () => ({}) })],
  ["its prototype", () => Workflow.prototype],
  ["what inherits from it", () => Object.create(Workflow.prototype)],
  ["a Proxy of one", () => new Proxy(child(), {})],
  ["the class", () => Workflow],
  ["a builder of one", () => Workflow.builder("rows")],
];

const workflows = noWorkflows.flatMap(([name, make]) => [
  [`runWorkflow(${name})`, () => inStep((ctx) => ctx.runWorkflow(make())), INVALID],
  [
    `addSubworkflowStep("a", [...], ${name}, ...)`,
    () => parent().addSubworkflowStep("a", [START], make(), { emits: "B" }),
    INVALID,
  ],
]);

const inputs = [
  ["undefined", () => undefined, gives({ type: START })],
  ["a number", () => 5, gives({ type: START, data: 5 })],
  ["an object", () => ({ a: 1 }), gives({ type: START, a: 1 })],
  ["an object with a type of its own", () => ({ type: "Mine" }), INVALID],
  ["a revoked Proxy", () => revoked(), CODED],
  ["a Proxy that throws", () => hostileProxy(), codedOr(() => {})],
].map(([name, make, expected]) => [
  `runWorkflow(..., ${name})`,
  () => inStep(async (ctx) => (await ctx.runWorkflow(child(), make())).data),
  expected,
]);

const names = [
  ...notStrings().map(([name, value]) => [name, value, [START]]),
  ["an empty text", "", [START]],
  ["no types", "a", []],
  ["a type that is none", "a", [5]],
].map(([name, step, types]) => [
  `addSubworkflowStep(${name})`,
  () => parent().addSubworkflowStep(step, types, child(), { emits: "B" }),
  INVALID,
]);

const options = [
  ["undefined", undefined],
  ["null", null],
  ["nothing", {}],
  ["a function", () => {}],
  ["an unknown option", { emits: "B", result: "data" }],
  ["the options of a handler", { emits: ["B"] }],
  ["emits: an empty type", { emits: "" }],
  ["emits: an input request", { emits: REQUEST }],
  ["emits: the start event", { emits: START }],
  ["emits: a reserved name that is none", { emits: "blazen::Other" }],
  ["emits: half a surrogate pair", { emits: "\ud83d" }],
  ...notStrings().map(([name, value]) => [`emits: ${name}`, { emits: value }]),
  ...notFunctions()
    .filter(([name]) => name !== "undefined")
    .map(([name, value]) => [`input: ${name}`, { emits: "B", input: value }]),
  ["retry: a number", { emits: "B", retry: 5 }],
  ["timeout: 0", { emits: "B", timeout: 0 }],
  ["concurrency: 0", { emits: "B", concurrency: 0 }],
  ["onFailure: an event of the engine", { emits: "B", onFailure: STOP }],
].map(([name, value]) => [
  `addSubworkflowStep(..., ${name})`,
  () => parent().addSubworkflowStep("a", [START], child(), value),
  INVALID,
]);

const itself = [
  [
    "addSubworkflowStep() with the workflow itself",
    () => {
      const own = parent();
      return own.addSubworkflowStep("a", [START], own, { emits: "B" });
    },
    INVALID,
  ],
  [
    "a refused addSubworkflowStep() leaves the workflow as it was",
    async () => {
      const own = parent();
      assert.throws(() => own.addSubworkflowStep("a", [START], own, { emits: "B" }));
      assert.throws(() => own.addSubworkflowStep("a", [START], child(), { emits: "" }));
      return (await own.addSubworkflowStep("a", [START], child(), { emits: STOP }).run({ n: 1 })).data;
    },
    gives({ type: START, n: 1 }),
  ],
];

const failing = [
  ["throws", () => assert.fail("input")],
  [
    "throws what cannot be told",
    () => {
      throw errorWithSymbolMessage();
    },
  ],
  ["rejects", () => Promise.reject(new Error("input"))],
  ["gives what cannot be an input", () => ({ type: "Mine" })],
].map(([name, input]) => [
  `a step that runs a workflow, and whose input ${name},`,
  () => parent().addSubworkflowStep("a", [START], child(), { emits: STOP, input }).run(),
  "ERR_BLAZEN_STEP_FAILED",
]);

export default [...workflows, ...inputs, ...names, ...options, ...itself, ...failing];
