// Steps that run a workflow instead of a handler.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { Workflow } from "blazen";
import { gate, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";
import { inEveryWay } from "./ways/harness.mjs";

const only = (name, handler, options) => new Workflow(name, options).addStep("only", [START], handler);

/** Doubles `n`, in two steps. */
const doubling = (store, begun = () => {}) =>
  new Workflow("doubling", { store })
    .addStep("begin", [START], async ({ n }) => {
      begun(n);
      await turn();
      return { type: "Double", n };
    })
    .addStep("double", ["Double"], ({ n }) => stop(n * 2));

describe("a step that runs a workflow", () => {
  inEveryWay("gives its result as an event, for each event that it receives", {
    restless: true,
    build: ({ store, pass }) =>
      new Workflow("parent", { store })
        .addStep("split", [START], () => [1, 2, 3].map((n) => ({ type: "Number", n })))
        .addSubworkflowStep(
          "double",
          ["Number"],
          doubling(store, (n) => n === 2 && pass()),
          { emits: "Doubled" },
        )
        .addStep("join", ["Doubled"], async (event, ctx) => {
          const all = await ctx.collectEvents(event, { Doubled: 3 });
          return all && stop(all.map(({ result }) => result).sort());
        }),
    expect: [2, 4, 6],
  });

  inEveryWay("can end the run with the result", {
    restless: true,
    build: ({ store, pass }) =>
      new Workflow("parent", { store }).addSubworkflowStep("double", [START], doubling(store, pass), {
        emits: "blazen::StopEvent",
      }),
    input: { n: 21 },
    expect: 42,
  });

  inEveryWay("gives the input that it is told to", {
    restless: true,
    build: ({ store, pass }) =>
      new Workflow("parent", { store }).addSubworkflowStep("double", [START], doubling(store, pass), {
        emits: "blazen::StopEvent",
        input: async ({ data }) => ({ n: data.length }),
      }),
    input: ["a", "b"],
    expect: 4,
  });

  inEveryWay("is attempted again, each time with another run", {
    restless: true,
    build: ({ store, pass }) => {
      const ids = [];
      const child = only(
        "shaky",
        async (_event, ctx) => {
          const id = await ctx.runId();
          if (ids.includes(id) || ids.push(id) < 3) throw new Error("shaken");
          pass();
          await turn();
          return { type: "Steady" };
        },
        { store },
      ).addStep("end", ["Steady"], () => stop("at last"));
      return new Workflow("parent", { store }).addSubworkflowStep("try", [START], child, {
        emits: "blazen::StopEvent",
        retry: { maxAttempts: 9, initialDelayMs: 0 },
      });
    },
    expect: "at last",
  });

  test("tells which run it was, and of no result by leaving it out", async () => {
    const child = only("child", () => stop());
    const events = [];
    const parent = new Workflow("parent")
      .addSubworkflowStep("run", [START], child, { emits: "Ran" })
      .addStep("hear", ["Ran"], (event) => {
        events.push(event);
        return stop();
      });
    await parent.run();
    assert.deepEqual(Object.keys(events[0]), ["type", "runId"]);
  });

  test("fails as a step does, or tells of it by an event", async () => {
    const child = only("child", () => Promise.reject(new Error("inner")));
    const parent = (options) =>
      new Workflow("parent")
        .addSubworkflowStep("run", [START], child, { emits: "blazen::StopEvent", ...options })
        .addStep("mend", ["Failed"], ({ error }) => stop([error.step, error.code]));
    const failure = await rejectionOf(parent().run());
    assert.equal(failure.step, "run");
    assert.equal(failure.cause.cause.message, "inner");
    assert.deepEqual((await parent({ onFailure: "Failed" }).run()).data, ["run", "ERR_BLAZEN_STEP_FAILED"]);
  });

  test("aborts a run that takes too long", async () => {
    const aborted = gate();
    const child = only("slow", (_event, ctx) => {
      ctx.signal.addEventListener("abort", () => aborted.open(ctx.signal.reason.code));
      return new Promise(() => {});
    });
    const parent = new Workflow("parent").addSubworkflowStep("run", [START], child, {
      emits: "blazen::StopEvent",
      timeout: 20,
    });
    assert.equal((await rejectionOf(parent.run())).cause.code, "ERR_BLAZEN_STEP_TIMEOUT");
    assert.equal(await aborted.opened, "ERR_BLAZEN_ABORTED");
  });

  test("runs so many at a time", async () => {
    let atWork = 0;
    let most = 0;
    const child = only("child", async () => {
      atWork += 1;
      most = Math.max(most, atWork);
      await turn();
      atWork -= 1;
      return stop();
    });
    const parent = new Workflow("parent")
      .addStep("split", [START], () => Array.from({ length: 10 }, () => ({ type: "Work" })))
      .addSubworkflowStep("work", ["Work"], child, { emits: "Done", concurrency: 3 })
      .addStep("join", ["Done"], async (event, ctx) => (await ctx.collectEvents(event, { Done: 10 })) && stop());
    await parent.run();
    assert.equal(most, 3);
  });

  test("is in the graph, with what it emits", () => {
    const graph = new Workflow("parent")
      .addSubworkflowStep("run", [START], doubling(), { emits: "Doubled" })
      .addStep("end", ["Doubled"], () => stop(), { emits: ["blazen::StopEvent"] })
      .graph();
    assert.deepEqual(graph.problems, []);
    assert.deepEqual(graph.undeclared, []);
    assert.ok(graph.edges.some(({ from, to, event }) => from === "run" && to === "end" && event === "Doubled"));
  });

  test("can be built in one expression", async () => {
    const built = Workflow.builder("parent")
      .addSubworkflowStep("double", [START], doubling(), { emits: "blazen::StopEvent" })
      .build();
    assert.equal((await built.run({ n: 2 })).data, 4);
  });
});
