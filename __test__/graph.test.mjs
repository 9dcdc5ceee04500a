// A workflow as a graph: what its steps declare, what its runs have shown, and what is wrong with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore, Workflow } from "blazen";

const START = "blazen::StartEvent";
const STOP = "blazen::StopEvent";
const REQUEST = "blazen::InputRequestEvent";
const RESPONSE = "blazen::InputResponseEvent";
const silent = async () => null;

/** A workflow of steps that are written as `name: [accepts, emits, handler]`. */
function workflowOf(steps, options) {
  const workflow = new Workflow("orders", options);
  for (const [name, [accepts, emits, handler]] of Object.entries(steps)) {
    workflow.addStep(name, accepts, handler ?? silent, emits === undefined ? {} : { emits });
  }
  return workflow;
}

const edgesOf = (workflow) =>
  workflow
    .graph()
    .edges.map(({ from, to, event, source }) => `${from} ${source === "declared" ? "->" : ".>"} ${to}: ${event}`);
const problemsOf = (workflow) => workflow.graph().problems.map(({ kind, event, steps }) => [kind, event, steps]);

test("declared events are edges between the steps that emit and those that accept them", () => {
  const workflow = workflowOf({
    charge: [[START], ["Charged", "Declined"]],
    ship: [["Charged"], [STOP]],
    bill: [["Charged", "Declined"], []],
  });
  const graph = workflow.graph();
  assert.equal(graph.workflow, "orders");
  assert.deepEqual(
    graph.nodes.map(({ id, kind }) => [id, kind]),
    [
      [START, "start"],
      ["charge", "step"],
      ["ship", "step"],
      ["bill", "step"],
      [STOP, "stop"],
    ],
  );
  assert.deepEqual(graph.nodes[3], {
    id: "bill",
    kind: "step",
    name: "bill",
    accepts: ["Charged", "Declined"],
    emits: [],
  });
  assert.deepEqual(edgesOf(workflow), [
    `${START} -> charge: ${START}`,
    "charge -> ship: Charged",
    "charge -> bill: Charged",
    "charge -> bill: Declined",
    `ship -> ${STOP}: ${STOP}`,
  ]);
  assert.deepEqual(graph.problems, []);
  assert.deepEqual(graph.undeclared, []);
  assert.deepEqual(JSON.parse(JSON.stringify(graph)), graph);
});

test("a graph that was given is the caller's: the next is made anew", () => {
  const workflow = workflowOf({ only: [[START], [STOP]] });
  const graph = workflow.graph();
  graph.nodes[1].emits.push("Other");
  graph.nodes[1].accepts.push("Other");
  assert.deepEqual(workflow.graph().nodes[1].emits, [STOP]);
  assert.deepEqual(workflow.graph().nodes[1].accepts, [START]);
});

test("a person who is asked stands between the step that asks and those that hear", () => {
  const workflow = workflowOf({ ask: [[START], [REQUEST]], hear: [[RESPONSE], [STOP]] });
  assert.deepEqual(edgesOf(workflow), [
    `${START} -> ask: ${START}`,
    `${REQUEST} -> hear: ${RESPONSE}`,
    `ask -> ${REQUEST}: ${REQUEST}`,
    `hear -> ${STOP}: ${STOP}`,
  ]);
  assert.deepEqual(problemsOf(workflow), []);
});

for (const [where, options] of [
  ["in memory", () => ({})],
  ["with a store", () => ({ store: new MemoryStore() })],
  ["with a store that is written at the end", () => ({ store: new MemoryStore(), durability: "exit" })],
]) {
  test(`what handlers return, fan out and send is observed ${where}`, async () => {
    const workflow = workflowOf(
      {
        split: [
          [START],
          undefined,
          async (_event, ctx) => {
            await ctx.sendEvent({ type: "Sent" });
            return [{ type: "Part" }, { type: "Part" }, { type: "Last" }];
          },
        ],
        sent: [["Sent", "Part"], [], silent],
        last: [["Last"], undefined, async () => ({ type: STOP, result: 1 })],
      },
      options(),
    );
    assert.deepEqual(edgesOf(workflow), [`${START} -> split: ${START}`]);
    await workflow.run();
    await workflow.run();
    assert.deepEqual(edgesOf(workflow).sort(), [
      `${START} -> split: ${START}`,
      `last .> ${STOP}: ${STOP}`,
      "split .> last: Last",
      "split .> sent: Part",
      "split .> sent: Sent",
    ]);
    assert.deepEqual(workflow.graph().undeclared, ["split", "last"]);
  });
}

test("an input request is observed, and declared edges stay declared", async () => {
  const workflow = workflowOf({
    ask: [[START], undefined, async () => ({ type: REQUEST, request_id: "r" })],
    hear: [[RESPONSE], [STOP], async () => ({ type: STOP })],
  });
  const handler = await workflow.runWithHandler();
  await handler.streamEvents(() => handler.respondToInput("r", 1));
  await handler.result();
  assert.ok(edgesOf(workflow).includes(`ask .> ${REQUEST}: ${REQUEST}`));
  assert.ok(edgesOf(workflow).includes(`hear -> ${STOP}: ${STOP}`));
});

test("an emission that was not declared is no error, and is observed", async () => {
  const workflow = workflowOf({
    first: [[START], [STOP], async () => ({ type: "Aside" })],
    second: [["Aside"], [STOP], async () => ({ type: STOP, result: "ran" })],
  });
  assert.equal((await workflow.run()).data, "ran");
  assert.ok(edgesOf(workflow).includes("first .> second: Aside"));
  assert.deepEqual(problemsOf(workflow), []);
});

test("what a refused emission would have been is not observed", async () => {
  const workflow = workflowOf({ only: [[START], undefined, async () => [{ type: STOP }, 5]] });
  await assert.rejects(workflow.run(), { code: "ERR_BLAZEN_INVALID_EVENT" });
  assert.deepEqual(edgesOf(workflow), [`${START} -> only: ${START}`]);
});

test("an event that nobody accepted is observed, until a step accepts it", async () => {
  const workflow = workflowOf({ first: [[START], undefined, async () => ({ type: "Lost" })] });
  await assert.rejects(workflow.run(), { code: "ERR_BLAZEN_UNROUTED_EVENT" });
  assert.ok(edgesOf(workflow).includes("first .> blazen::nobody: Lost"));
  assert.deepEqual(problemsOf(workflow), [["nobody-accepts", "Lost", ["first"]]]);
  assert.match(workflow.graph().problems[0].message, /^no step accepts "Lost", which step "first" emitted/);

  workflow.addStep("found", ["Lost"], async () => ({ type: STOP }));
  await workflow.run();
  assert.deepEqual(edgesOf(workflow), [
    `${START} -> first: ${START}`,
    "first .> found: Lost",
    `found .> ${STOP}: ${STOP}`,
  ]);
});

test("what was observed before a step was added stays observed", async () => {
  const workflow = workflowOf({ first: [[START], undefined, async () => ({ type: STOP })] });
  await workflow.run();
  workflow.addStep("second", ["Other"], silent);
  assert.ok(edgesOf(workflow).includes(`first .> ${STOP}: ${STOP}`));
});

test("of event types that nobody accepts no more than a hundred are kept", async () => {
  let made = 0;
  const workflow = workflowOf({
    only: [
      [START],
      undefined,
      async () => {
        made += 1;
        return { type: `Made up ${made}` };
      },
    ],
  });
  for (let run = 0; run < 150; run += 1) await assert.rejects(workflow.run());
  assert.equal(workflow.graph().problems.length, 100);
});

test("what is wrong has a kind, the names and a sentence", () => {
  const workflow = workflowOf({ first: [["A"], ["B"]], second: [["C"], ["B", REQUEST]] });
  assert.deepEqual(workflow.graph().problems, [
    {
      kind: "nothing-starts",
      event: START,
      steps: [],
      message: `no step accepts "${START}", so every run fails as it begins`,
    },
    {
      kind: "nobody-accepts",
      event: "B",
      steps: ["first", "second"],
      message: 'no step accepts "B", which steps "first", "second" may emit: a run fails at it',
    },
    {
      kind: "nobody-answers",
      event: REQUEST,
      steps: ["second"],
      message: `no step accepts "${RESPONSE}", and step "second" may ask for input: a run fails at it`,
    },
    {
      kind: "nothing-feeds",
      event: null,
      steps: ["first"],
      message: 'nothing that a run can reach emits "A", so step "first" is never invoked',
    },
    {
      kind: "nothing-feeds",
      event: null,
      steps: ["second"],
      message: 'nothing that a run can reach emits "C", so step "second" is never invoked',
    },
    { kind: "nothing-stops", event: STOP, steps: [], message: `no step emits "${STOP}", so no run can have a result` },
  ]);
});

test("steps that only feed each other are fed by nothing", () => {
  const workflow = workflowOf({
    begin: [[START], [STOP, "Near"]],
    near: [["Near", "Ping"], ["Far"]],
    far: [["Far"], []],
    ping: [["Lost"], ["Pong"]],
    pong: [["Pong"], ["Lost"]],
    hear: [[RESPONSE], ["Heard"]],
    heard: [["Heard"], []],
  });
  assert.deepEqual(problemsOf(workflow), [
    ["nothing-feeds", null, ["ping"]],
    ["nothing-feeds", null, ["pong"]],
  ]);
});

test("what a step that declares nothing could refute is not told", () => {
  const workflow = workflowOf({ begin: [[START], []], lost: [["Lost"], []] });
  assert.deepEqual(problemsOf(workflow), [
    ["nothing-feeds", null, ["lost"]],
    ["nothing-stops", STOP, []],
  ]);
  workflow.addStep("open", ["Open"], silent);
  assert.deepEqual(problemsOf(workflow), []);
  assert.deepEqual(workflow.graph().undeclared, ["open"]);
});

test("a workflow without steps has nothing that starts or stops", () => {
  const { nodes, edges } = new Workflow("empty").graph();
  assert.deepEqual([nodes, edges], [[], []]);
  assert.deepEqual(problemsOf(new Workflow("empty")), [
    ["nothing-starts", START, []],
    ["nothing-stops", STOP, []],
  ]);
  assert.equal(new Workflow("empty").toMermaid(), "flowchart TD\n");
});

test("a step may have the name of an end", () => {
  const workflow = workflowOf({ [START]: [[START], [STOP]], [STOP]: [["A"], []] });
  assert.deepEqual(
    workflow.graph().nodes.map(({ id, kind }) => [id, kind]),
    [
      [`${START}'`, "start"],
      [START, "step"],
      [STOP, "step"],
      [`${STOP}'`, "stop"],
    ],
  );
  assert.deepEqual(edgesOf(workflow), [`${START}' -> ${START}: ${START}`, `${START} -> ${STOP}': ${STOP}`]);
});

test("a flowchart has solid edges for what is declared and dotted ones for what is observed", async () => {
  const workflow = workflowOf({
    charge: [[START], ["Charged", REQUEST, "Lost"], async () => ({ type: "Charged" })],
    ship: [["Charged", "Late"], undefined, async () => ({ type: STOP })],
    hear: [[RESPONSE], undefined],
  });
  await workflow.run();
  assert.equal(
    workflow.toMermaid(),
    [
      "flowchart TD",
      '  s0(["start"])',
      '  s1["charge"]',
      '  s2["ship"]',
      '  s3["hear"]',
      '  s4[/"somebody answers"/]',
      '  s5{{"nobody accepts"}}',
      '  s6(["stop"])',
      "  s0 --> s1",
      "  s4 --> s3",
      '  s1 -->|"Charged"| s2',
      "  s1 --> s4",
      '  s1 -->|"Lost"| s5',
      "  s2 -.-> s6",
      "",
    ].join("\n"),
  );
});

test("names in a flowchart are text, whatever is in them", () => {
  const labels = {
    "user_id order.paid-2": "user_id order.paid-2",
    "Größe 日本語 3": "Größe 日本語 3",
    'a "b" [c]': "a#32;#34;b#34;#32;#91;c#93;",
    "#35;&amp;": "#35;35#59;#38;amp#59;",
    "one\ntwo\r\nthree": "one<br/>two<br/>three",
    "style:x": "style#58;x",
    "%%{init}%%": "#37;#37;#123;init#125;#37;#37;",
    "1. - _x_ `y`": "1#46;#32;#45;#32;#95;x#95;#32;#96;y#96;",
    "<b>": "#60;b#62;",
    "www.x.y": "www#46;x.y",
    "🚀": "#128640;",
    "\0\u009f": "#65533;#65533;",
    end: "end",
    ["__proto__"]: "#95;#95;proto#95;#95;",
  };
  for (const [name, label] of Object.entries(labels)) {
    const text = workflowOf({ begin: [[START], [name]] })
      .addStep(name, [name], silent)
      .toMermaid();
    assert.ok(text.includes(`\n  s2["${label}"]\n`), text);
    assert.ok(text.includes(`\n  s1 -->|"${label}"| s2\n`), text);
  }
});

test("half a surrogate pair in an observed type is drawn as what stands for it", async () => {
  const workflow = workflowOf({ only: [[START], undefined, async () => ({ type: "\ud800" })] });
  await assert.rejects(workflow.run(), { code: "ERR_BLAZEN_UNROUTED_EVENT" });
  assert.ok(workflow.toMermaid().includes('s1 -.->|"#65533;"| s2'));
});
