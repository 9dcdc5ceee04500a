// Methods and getters called on what they do not belong to, and classes made with `new` that are not for that.

import assert from "node:assert/strict";
import {
  BlazenState,
  CallbackFieldStore,
  Context,
  SessionNamespace,
  StateNamespace,
  Workflow,
  WorkflowBuilder,
  WorkflowHandler,
} from "blazen";
import { assertCoded, CODED, gives, INVALID, inStep, outcomeOf, parked, START, stop } from "./harness.mjs";

const CLASSES = [
  Workflow,
  WorkflowBuilder,
  WorkflowHandler,
  Context,
  StateNamespace,
  SessionNamespace,
  CallbackFieldStore,
];
/** Good arguments, so that the receiver is all that is wrong. */
const ARGUMENTS = {
  addStep: ["a", [START], () => {}],
  addSubworkflowStep: ["a", [START], new Workflow("child"), { emits: "B" }],
  runWorkflow: [new Workflow("child")],
  setTimeout: [5],
  timeout: [5],
  setSessionPausePolicy: ["warn_drop"],
  sessionPausePolicy: ["warn_drop"],
  runStreaming: [{}, () => {}],
  streamEvents: [() => {}],
  sendEvent: [stop()],
  writeEventToStream: [stop()],
  setBytes: ["key", Buffer.of(1)],
  update: ["key", () => 1],
  resume: ["{}"],
};
const argumentsOf = (name) => ARGUMENTS[name] ?? ["key", 1];

const receivers = (owner) => [
  ["undefined", () => undefined],
  ["an empty object", () => ({})],
  ["its own prototype", () => owner.prototype],
  ["an object that inherits from the prototype", () => Object.create(owner.prototype)],
];

function methodRows(owner) {
  return Object.entries(Object.getOwnPropertyDescriptors(owner.prototype))
    .filter(([name, { value, get }]) => name !== "constructor" && (get ?? value) !== undefined)
    .map(([name, { value, get }]) => [
      `${owner.name}.prototype.${name} on what is no ${owner.name}`,
      async () => {
        for (const [what, receiver] of receivers(owner)) {
          const { error } = await outcomeOf(() => (get ?? value).apply(receiver(), argumentsOf(name)));
          assert.ok(error !== undefined, `taken on ${what}`);
          assertCoded(error);
        }
      },
      gives(undefined),
    ]);
}

const mixed = [
  ["Context.prototype.get on a Workflow", () => Context.prototype.get.call(new Workflow("a"), "k"), CODED],
  [
    "StateNamespace.prototype.get on a session",
    () => inStep((ctx) => StateNamespace.prototype.get.call(ctx.session, "k")),
    CODED,
  ],
  [
    "SessionNamespace.prototype.get on a state",
    () => inStep((ctx) => SessionNamespace.prototype.get.call(ctx.state, "k")),
    CODED,
  ],
  [
    "StateNamespace.prototype.get on a context",
    () => inStep((ctx) => StateNamespace.prototype.get.call(ctx, "k")),
    CODED,
  ],
  ["Workflow.prototype.run on a handler", async () => Workflow.prototype.run.call(await parked()), CODED],
  ["a Proxy of a workflow", () => new Proxy(new Workflow("a"), {}).addStep("a", [START], stop), CODED],
  ["a Proxy of a context", () => inStep((ctx) => new Proxy(ctx, {}).get("k")), CODED],
  ["ctx.set taken off the context", () => inStep(({ set }) => set("k", 1)), CODED],
  ["ctx.sendEvent taken off the context", () => inStep(({ sendEvent }) => sendEvent(stop())), CODED],
  [
    "BlazenState.prototype.saveTo on undefined",
    () => inStep((ctx) => BlazenState.prototype.saveTo.call(undefined, ctx, "k")),
    CODED,
  ],
  [
    "BlazenState.prototype.saveTo on a plain object",
    () => inStep((ctx) => BlazenState.prototype.saveTo.call({ a: 1 }, ctx, "k")),
    CODED,
  ],
  [
    "BlazenState.prototype.saveTo on an object without a class",
    () => inStep((ctx) => BlazenState.prototype.saveTo.call(Object.create(null), ctx, "k")),
    CODED,
  ],
  ["BlazenState.loadFrom on undefined", () => inStep((ctx) => BlazenState.loadFrom.call(undefined, ctx, "k")), CODED],
  ["BlazenState.loadFrom on another class", () => inStep((ctx) => BlazenState.loadFrom.call(Map, ctx, "k")), CODED],
  [
    "BlazenState.loadFrom on an arrow function",
    () => inStep((ctx) => BlazenState.loadFrom.call(() => {}, ctx, "k")),
    CODED,
  ],
];

const constructed = [Context, StateNamespace, SessionNamespace, WorkflowHandler, WorkflowBuilder].flatMap((owner) => [
  [`new ${owner.name}()`, () => new owner(), INVALID],
  [`new ${owner.name}(undefined, undefined, undefined)`, () => new owner(undefined, undefined, undefined), INVALID],
  [`new ${owner.name}({}, 1, 1)`, () => new owner({}, 1, 1), INVALID],
  [`new ${owner.name}(null, 1, 1)`, () => new owner(null, 1, 1), INVALID],
  [`Reflect.construct(${owner.name}, [], Map)`, () => Reflect.construct(owner, [], Map), INVALID],
]);

const NATIVE = [Workflow, Context, StateNamespace, SessionNamespace];

/** The native classes are reached along the prototype chain; they may refuse, but must not take one for another. */
function nativeRows() {
  const natives = NATIVE.map((owner) => [owner.name, Object.getPrototypeOf(owner)]);
  const NativeWorkflow = Object.getPrototypeOf(Workflow);
  const instances = () => {
    const workflow = new NativeWorkflow("native");
    const context = workflow.start(0, 0);
    return [
      workflow,
      context,
      context.openState(),
      context.openSession(),
      new Workflow("a"),
      {},
      Buffer.alloc(8),
      undefined,
    ];
  };
  return natives.flatMap(([name, owner]) =>
    Object.entries(Object.getOwnPropertyDescriptors(owner.prototype))
      .filter(([method]) => method !== "constructor")
      .map(([method, { value, get }]) => [
        `the native ${name}.${method} on everything else`,
        () => {
          let refused = 0;
          for (const instance of instances()) {
            if (instance instanceof owner && !(instance instanceof Workflow)) continue;
            try {
              (get ?? value).apply(instance, ["a", 1, 2, 3]);
            } catch (error) {
              if (!(error instanceof Error)) throw error;
              refused += 1;
            }
          }
          return refused >= instances().length - 1;
        },
        gives(true),
      ]),
  );
}

/** What the native classes offer is not to be seen through the public ones. */
const hidden = [
  ["workflow.start", () => new Workflow("a").start, gives(undefined)],
  ["workflow.defineStep", () => new Workflow("a").defineStep, gives(undefined)],
  ["ctx.abort", () => inStep((ctx) => ctx.abort), gives(undefined)],
  ["ctx.pause", () => inStep((ctx) => ctx.pause), gives(undefined)],
  ["ctx.id", () => inStep((ctx) => ctx.id), gives(undefined)],
  ["ctx.key", () => inStep((ctx) => ctx.key), gives(undefined)],
  ["ctx.state.listKeys", () => inStep((ctx) => ctx.state.listKeys), gives(undefined)],
  ["ctx.session.write", () => inStep((ctx) => ctx.session.write), gives(undefined)],
];

export default [...CLASSES.flatMap(methodRows), ...mixed, ...constructed, ...nativeRows(), ...hidden];
