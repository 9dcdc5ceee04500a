// The agent of the examples, as somebody at a terminal meets it: answered by its stand-in, and by servers that are busy,
// break off, hang, or ask for what there is not; killed and started again.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after } from "node:test";
import { ChatModel } from "../examples/agent/chat_model.mjs";
import { dataOf } from "../examples/agent/server_sent_events.mjs";
import { answerAsModel } from "../examples/agent/stand_in_model.mjs";
import { emptyDirectory, exampleProgram, refusesInOneLine, test } from "./examples/program.mjs";

const agent = exampleProgram("agent");
const TASKS = `- [ ] Sow the beans
- [ ] Mend the fence before the hens find out
- [ ] Ask Ada for her tent
- [ ] Answer Grace about the compiler
- [ ] Book the room for Friday
`;

const servers = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

const standIn = answerAsModel({ pieceMs: 0 });

/** A server of the protocol that notes what it is asked, and answers the question with that number by `odd[number]`. */
async function modelServer(odd = {}) {
  const questions = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const { url, headers } = request;
    questions.push({ url, headers, ...JSON.parse(body) });
    const answer = odd[questions.length] ?? odd.each ?? standIn;
    await answer(Readable.from([body]), response);
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { url: `http://127.0.0.1:${server.address().port}/v1`, questions };
}

const refusing =
  (status, headers = {}) =>
  (_request, response) =>
    response.writeHead(status, headers).end("not now");

/** Sends the chunks of one choice, and ends. */
const sending =
  (...chunks) =>
  (_request, response) => {
    for (const choice of chunks) response.write(`data: ${JSON.stringify({ choices: [choice] })}\n\n`);
    response.end("data: [DONE]\n\n");
  };

const calling = (...calls) =>
  sending(
    ...calls.map(([name, given], index) => ({
      delta: { tool_calls: [{ index, id: `id-${index}`, function: { name, arguments: given } }] },
    })),
    { delta: {}, finish_reason: "tool_calls" },
  );

const resultsIn = ({ messages }) =>
  messages.filter(({ role }) => role === "tool").map(({ tool_call_id: id, content }) => [id, content]);

const todo = (cwd) => readFileSync(join(cwd, "agent-notes/todo.md"), "utf8");

test("without a server a stand-in answers, and what it may do it does", async () => {
  const cwd = emptyDirectory();
  const { code, output } = await agent.piped(cwd, "--yes").ended();
  assert.equal(code, 0, output);
  assert.match(output, /^Let me see which notes there are\.$/m);
  assert.match(output, /^ {2}calls read_note {"name":"trip\.md"}$/m);
  assert.match(output, /^May I call write_note with {"name":"todo\.md",.*}\? \[yes\/no\] yes$/m);
  assert.match(output, /^Answer, after 4 rounds: Your open tasks are in todo\.md\.$/m);
  assert.equal(todo(cwd), TASKS);
  assert.deepEqual(readdirSync(cwd), ["agent-notes", "agent.db", "agent.db-lock"]);
});

test("a person who says no is obeyed, and the model is told", async () => {
  const cwd = emptyDirectory();
  const program = agent.piped(cwd);
  await program.wrote(/\[yes\/no\] $/);
  program.type("perhaps\nno\n");
  const { code, output } = await program.ended();
  assert.equal(code, 0, output);
  assert.match(output, /Please answer yes or no: /);
  assert.match(output, / {2}write_note: refused by the user$/m);
  assert.match(output, /^Answer, after 4 rounds: I have changed nothing\.$/m);
  assert.ok(!existsSync(join(cwd, "agent-notes/todo.md")));
});

test("where nobody is there to answer, the question waits for the next start", async () => {
  const cwd = emptyDirectory();
  const first = agent.piped(cwd);
  first.hangUp();
  const waiting = await first.ended();
  assert.equal(waiting.code, 0, waiting.output);
  assert.match(waiting.output, /^Nobody is there to answer: the next start asks again\.$/m);

  const { code, output } = await agent.piped(cwd, "--yes").ended();
  assert.equal(code, 0, output);
  assert.match(output, /^Going on with: Collect the open tasks .*\n3 rounds were done already, and not again\.$/m);
  assert.match(output, /^Answer, after 4 rounds: Your open tasks are in todo\.md\.$/m);
  assert.equal(todo(cwd), TASKS);
});

test("killed while the model is thinking, it asks that again and nothing before it", async () => {
  const cwd = emptyDirectory();
  const { promise: asked, resolve } = withResolvers();
  const server = await modelServer({ 3: resolve }); // and never answers
  const first = agent.piped(cwd, "--yes", "--url", server.url);
  await asked;
  await first.wrote(/^round 3$/m);
  first.kill("SIGKILL");
  assert.equal((await first.ended()).code, null);

  const { code, output } = await agent.piped(cwd, "--yes", "--url", server.url).ended();
  assert.equal(code, 0, output);
  assert.match(output, /^2 rounds were done already, and not again\.\nround 3, attempt 2$/m);
  assert.doesNotMatch(output, /calls (list|read)_note/);
  assert.equal(todo(cwd), TASKS);
  assert.deepEqual(
    server.questions.map(({ messages }) => messages.length),
    [2, 4, 8, 8, 10],
  );
  assert.deepEqual(server.questions[3], { ...server.questions[2], headers: server.questions[3].headers });
});

test("killed at the question, it asks the person again and not the model", async () => {
  const cwd = emptyDirectory();
  const server = await modelServer();
  const first = agent.piped(cwd, "--url", server.url);
  await first.wrote(/\[yes\/no\] $/);
  first.kill("SIGKILL");
  await first.ended();
  assert.equal(server.questions.length, 3);

  const { code, output } = await agent.piped(cwd, "--yes", "--url", server.url).ended();
  assert.equal(code, 0, output);
  assert.equal(server.questions.length, 4);
  assert.equal(todo(cwd), TASKS);
});

test("a server gets the protocol: its path, the model, the key, the tools, and results in the order of the calls", async () => {
  const cwd = emptyDirectory();
  const server = await modelServer();
  const { code, output } = await agent
    .piped(cwd, "--no", "--model", "m-1", "--url", `${server.url}/`, "Tidy", "up.")
    .ended();
  assert.equal(code, 0, output);
  const [{ url, model, stream, tool_choice, messages, tools }] = server.questions;
  assert.deepEqual([url, model, stream, tool_choice], ["/v1/chat/completions", "m-1", true, "auto"]);
  assert.deepEqual(messages[1], { role: "user", content: "Tidy up." });
  assert.deepEqual(
    tools.map(({ function: { name } }) => name),
    ["list_notes", "read_note", "write_note"],
  );
  const [, , { messages: third }] = server.questions;
  assert.deepEqual(
    third.slice(4).map(({ role, tool_call_id: id, content }) => [role, id, content.split("\n")[0]]),
    [
      ["assistant", undefined, "I read all 3."],
      ["tool", "call_read_note_0", "# Garden"],
      ["tool", "call_read_note_1", "# Trip to Lisbon"],
      ["tool", "call_read_note_2", "# Work"],
    ],
  );
});

test("a server that is busy, fails or breaks off is asked again", async () => {
  const cwd = emptyDirectory();
  const server = await modelServer({
    1: refusing(429, { "retry-after": "0" }),
    2: refusing(503, { "retry-after": "0" }),
    3: sending({ delta: { content: "Let me " } }),
  });
  const { code, output } = await agent.piped(cwd, "--yes", "--url", server.url).ended();
  assert.equal(code, 0, output);
  assert.match(output, /^ {2}the model answered 429 Too Many Requests: not now; there will be another attempt$/m);
  assert.match(output, /^ {2}the model answered 503 .*; there will be another attempt\nround 1, attempt 3\nLet me $/m);
  assert.match(output, /^ {2}the model broke off in the middle of its answer; .*\nround 1, attempt 4$/m);
  assert.equal(server.questions.length, 7);
  assert.equal(todo(cwd), TASKS);
});

test("a server that refuses is not asked again", async () => {
  const server = await modelServer({ 1: refusing(401) });
  const { code, output } = await agent.piped(emptyDirectory(), "--url", server.url).ended();
  assert.equal(code, 1, output);
  assert.match(output, /^agent: step "ask" failed: .*the model answered 401 Unauthorized: not now$/m);
  assert.equal(server.questions.length, 1);
});

test("the model is told of calls that fail, in the order in which it made them", async () => {
  const cwd = emptyDirectory();
  const server = await modelServer({
    1: calling(
      ["read_note", '{"name":"../agent.db"}'],
      ["format_disk", "{}"],
      ["read_note", '{"name":'],
      ["read_note", '{"name":"garden.md"}'],
      ["list_notes", ""],
    ),
    2: sending({ delta: { content: "Well." }, finish_reason: "stop" }),
  });
  const { code, output } = await agent.piped(cwd, "--yes", "--url", server.url).ended();
  assert.equal(code, 0, output);
  const [outside, unknown, cut, garden, list] = resultsIn(server.questions[1]);
  assert.deepEqual(outside, ["id-0", 'failed: "../agent.db" is not the name of a note, such as garden.md']);
  assert.match(unknown[1], /^failed: there is no tool "format_disk"; there are list_notes, read_note, write_note$/);
  assert.match(cut[1], /^failed: .*JSON/);
  assert.match(garden[1], /^# Garden\n/);
  assert.deepEqual(list, ["id-4", "garden.md\ntrip.md\nwork.md"]);
  assert.match(output, /^Answer, after 2 rounds: Well\.$/m);
});

test("a model that never comes to an end is given no more tools in the eighth round, and stopped", async () => {
  const server = await modelServer({ each: calling(["list_notes", "{}"]) });
  const { code, output } = await agent.piped(emptyDirectory(), "--url", server.url).ended();
  assert.equal(code, 0, output);
  assert.deepEqual(
    server.questions.map(({ tool_choice }) => tool_choice),
    [...Array(7).fill("auto"), "none"],
  );
});

test("an error says when the server wants to be asked again, and whether at all", async () => {
  const until = new Date(Date.now() + 3_600_000);
  const server = await modelServer({
    1: refusing(429, { "retry-after": "7" }),
    2: refusing(429, { "retry-after": until.toUTCString() }),
    3: refusing(500, { "retry-after": "soon" }),
    4: refusing(400, { "retry-after": "7" }),
  });
  const model = new ChatModel({ url: server.url, name: "m", apiKey: "secret" });
  const ask = () => model.answer([], { tools: [], mayCall: true, onText() {} }).catch((error) => error);
  assert.equal((await ask()).retryAfterMs, 7_000);
  const { retryAfterMs } = await ask();
  assert.ok(retryAfterMs > 0 && retryAfterMs <= 3_600_000, String(retryAfterMs));
  assert.equal((await ask()).retryAfterMs, undefined);
  assert.equal((await ask()).retryable, false);
  assert.equal(server.questions[0].headers.authorization, "Bearer secret");
});

test("server-sent events are the same wherever the network has cut them", async () => {
  const bytes = Buffer.from(
    '\ufeff: a comment\ndata: {"text":"käse 🧀"}\n\ndata:one\r\ndata: two\r\n\r\nevent: x\rdata:  three\r\r\n\ndata: cut off',
  );
  for (let at = 0; at <= bytes.length; at += 1) {
    const found = [];
    const body = ReadableStream.from([bytes.subarray(0, at), bytes.subarray(at)]);
    for await (const data of dataOf(body)) found.push(data);
    assert.deepEqual(found, ['{"text":"käse 🧀"}', "one\ntwo", " three"], `cut at ${at}`);
  }
});

test("what cannot be done is said in one line, with exit code 2", async () => {
  const cwd = emptyDirectory();
  await refusesInOneLine(agent, cwd, [
    [["--url=somewhere"], /^agent: --url takes a URL, and not "somewhere"\n$/],
    [["--no-such-option"], /^agent: Unknown option '--no-such-option'.*\n$/],
  ]);
  assert.deepEqual(readdirSync(cwd), []);
});

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve) => {
    parts.resolve = resolve;
  });
  return parts;
}
