// The active context of OpenTelemetry reaches every handler, as its users have it: with the context manager for Node.js and
// a tracer, and nothing done by this package for it. It is the context of whoever started, resumed or recovered the run.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { context, createContextKey, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { MemoryStore, SqliteStore, Workflow } from "blazen";
import { ask, gate, newFile, RESPONSE, START, stop, test } from "./stores/harness.mjs";
import { atRest } from "./ways/harness.mjs";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer("test");

const WHOSE = createContextKey("whose context it is");
const inContextOf = (name, work) => context.with(ROOT_CONTEXT.setValue(WHOSE, name), work);
const whose = () => context.active().getValue(WHOSE);

const SOON = { maxAttempts: 3, initialDelayMs: 1 };
const KINDS = {
  "in memory": () => undefined,
  "in a MemoryStore": () => new MemoryStore(),
  "in a SqliteStore": () => SqliteStore.open(newFile()),
};

/**
 * A run whose first step is attempted three times; it sends a delayed event, and asks a person. Its result is whose context
 * each of its handlers saw, in the order of their names.
 *
 * @param begun is called by the first attempt, which then does not return; it throws unless given
 * @param passed is called before the person is asked
 */
function everywhere({ store, begun, passed = () => {} } = {}) {
  const note = (ctx, where) => ctx.state.append("seen", `${where}: ${whose()}`);
  return new Workflow("everywhere", { store })
    .addStep(
      "first",
      [START],
      async (_event, ctx) => {
        if (ctx.attempt === 1 && begun !== undefined) {
          begun();
          await new Promise(() => {});
        }
        const before = whose();
        await ctx.state.get("seen");
        if (ctx.attempt < 3) throw new Error(before);
        await note(ctx, "retried");
        await ctx.sendEvent({ type: "Delayed" }, { delayMs: 1 });
        await note(ctx, "after sending");
      },
      { retry: { ...SOON, when: (error) => error.message === whose() } },
    )
    .addStep("delayed", ["Delayed"], async (_event, ctx) => {
      await note(ctx, "delayed");
      return { type: "Returned" };
    })
    .addStep("returned", ["Returned"], async (_event, ctx) => {
      await note(ctx, "returned");
      passed();
      return ask("question");
    })
    .addStep("answered", [RESPONSE], async (_event, ctx) => {
      await note(ctx, "answered");
      return stop((await ctx.state.get("seen")).sort());
    });
}

const seenBy = (before, after = before) => [
  `after sending: ${before}`,
  `answered: ${after}`,
  `delayed: ${before}`,
  `retried: ${before}`,
  `returned: ${before}`,
];

async function answered(handler) {
  for await (const { request_id } of handler) {
    await inContextOf("who answers", () => handler.respondToInput(request_id, true));
  }
  return (await handler.result()).data;
}

describe("the active context", () => {
  for (const [where, open] of Object.entries(KINDS)) {
    test(`of whoever started a run reaches every handler and every attempt, ${where}`, async () => {
      const wf = everywhere({ store: open() });
      const [one, other] = await Promise.all(
        ["one", "other"].map((name) => inContextOf(name, () => wf.runWithHandler())),
      );
      assert.deepEqual(await Promise.all([answered(one), answered(other)]), [seenBy("one"), seenBy("other")]);
      assert.equal(whose(), undefined);
    });
  }

  test("stays that of whoever started the run when it is resumed in place", async () => {
    const { open: pass, opened } = gate();
    const handler = await inContextOf("who starts", () => everywhere({ passed: pass }).runWithHandler());
    await opened;
    await inContextOf("who pauses", () => handler.pause());
    await inContextOf("who resumes", () => handler.resumeInPlace());
    assert.deepEqual(await answered(handler), seenBy("who starts"));
  });

  test("is that of whoever resumes a snapshot", async () => {
    const { open: pass, opened } = gate();
    const handler = await inContextOf("who starts", () => everywhere({ passed: pass }).runWithHandler());
    await opened;
    const snapshot = await handler.pause();
    const resumed = await inContextOf("who resumes", () => everywhere().resume(snapshot));
    assert.deepEqual(await answered(resumed), seenBy("who starts", "who resumes"));
  });

  for (const [how, takenUp] of [
    ["recovers", async (wf) => (await wf.recover())[0]],
    ["attaches", (wf, runId) => wf.attach(runId)],
  ]) {
    test(`is that of whoever ${how} a run that was at work, after a crash`, async () => {
      const path = newFile();
      const { open: begun, opened } = gate();
      const before = SqliteStore.open(path);
      const workflow = everywhere({ store: before, begun });
      const { runId } = await inContextOf("who starts", () => workflow.runWithHandler());
      await opened;
      await before.close();

      const store = SqliteStore.open(path);
      const handler = await inContextOf(`who ${how}`, () => takenUp(everywhere({ store }), runId));
      assert.deepEqual(await answered(handler), seenBy(`who ${how}`));
      await store.close();
    });

    test(`is that of whoever ${how} a run that waits for an answer, and not of who answers`, async () => {
      const path = newFile();
      const before = SqliteStore.open(path);
      const { open: passed, opened } = gate();
      const workflow = everywhere({ store: before, passed });
      const { runId } = await inContextOf("who starts", () => workflow.runWithHandler());
      await opened;
      await atRest(before, runId);
      await before.close();

      const store = SqliteStore.open(path);
      const handler = await inContextOf(`who ${how}`, () => takenUp(everywhere({ store }), runId));
      await inContextOf("who answers", () => handler.respondToInput("question", true));
      assert.deepEqual((await handler.result()).data, seenBy("who starts", `who ${how}`));
      await store.close();
    });
  }
});

describe("spans", () => {
  for (const [where, open] of Object.entries(KINDS)) {
    test(`of handlers stand beside each other under the one that started the run, with theirs inside, ${where}`, async () => {
      exporter.reset();
      const inSpan = (name, work) =>
        tracer.startActiveSpan(name, async (span) => {
          try {
            return await work();
          } finally {
            span.end();
          }
        });
      const wf = new Workflow("traced", { store: open() })
        .addStep(
          "split",
          [START],
          (_event, ctx) =>
            inSpan(`split ${ctx.attempt}`, async () => {
              await ctx.set("n", 1);
              await inSpan("query", async () => {});
              if (ctx.attempt === 1) throw new Error("not yet");
              await ctx.sendEvent({ type: "Part", n: 1 });
              await inSpan("query after sending", async () => {});
              return { type: "Part", n: 2 };
            }),
          { retry: SOON },
        )
        .addStep("part", ["Part"], (event, ctx) =>
          inSpan(`part ${event.n}`, async () => {
            const all = await ctx.collectEvents(event, { Part: 2 });
            return all && stop();
          }),
        );
      await inSpan("request", () => wf.run());

      const spans = exporter.getFinishedSpans();
      const nameOf = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
      const parents = spans.map(({ name, parentSpanContext: parent }) => `${name} in ${nameOf.get(parent?.spanId)}`);
      assert.deepEqual(parents.sort(), [
        "part 1 in request",
        "part 2 in request",
        "query after sending in split 2",
        "query in split 1",
        "query in split 2",
        "request in undefined",
        "split 1 in request",
        "split 2 in request",
      ]);
      assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);
      assert.equal(trace.getActiveSpan(), undefined);
    });
  }
});
