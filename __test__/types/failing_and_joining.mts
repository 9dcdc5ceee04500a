// Steps that are attempted again, events that wait, and handlers that wait for several: what compiles, and what must not.

import {
  type BlazenError,
  type FailureEvent,
  type LimitOptions,
  NonRetryableError,
  type StepOptions,
  StepTimeoutError,
  Workflow,
} from "blazen";

interface Events {
  "blazen::StartEvent": { pages: string[] };
  "blazen::StopEvent": { result: number };
  Page: { text: string };
  Outline: { of: number };
  Failed: Omit<FailureEvent, "type">;
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the two types are one. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ["these types differ"]): void {}

const review = new Workflow<Events>("review");
const start = async () => ({ type: "Outline", of: 1 }) as const;

review.addStep("split", ["blazen::StartEvent"], start, {
  retry: {
    maxAttempts: 5,
    initialDelayMs: 10,
    factor: 2,
    maxDelayMs: 100,
    jitter: 0.5,
    when: (error) => error !== null,
  },
  timeout: 1_000,
  limit: { concurrency: 2 },
  onFailure: "Failed",
});
// @ts-expect-error a step tells of its failure by an event that can hold it
review.addStep("wrong", ["blazen::StartEvent"], start, { onFailure: "Page" });
// @ts-expect-error no such event
review.addStep("unknown", ["blazen::StartEvent"], start, { onFailure: "Broken" });
// @ts-expect-error no such option
review.addStep("misspelt", ["blazen::StartEvent"], start, { retry: { attempts: 5 } });
// @ts-expect-error milliseconds are a number
review.addStep("text", ["blazen::StartEvent"], start, { timeout: "1s" });

review.addStep("limited", ["Page"], start, { limit: { key: ({ text }) => text, concurrency: 2 } });
review.addStep("either", ["Outline", "Page"], start, {
  limit: {
    key: (event) => {
      same<typeof event.type, "Outline" | "Page">();
      return event.type === "Page" ? event.text : String(event.of);
    },
    concurrency: 1,
  },
});
// @ts-expect-error a key is a string
review.addStep("numbered", ["Outline"], start, { limit: { key: ({ of }) => of, concurrency: 2 } });
// @ts-expect-error and is given at once
review.addStep("promised", ["Page"], start, { limit: { key: async ({ text }) => text, concurrency: 2 } });
// @ts-expect-error the events have no such field
review.addStep("foreign", ["Page"], start, { limit: { key: ({ tenant }) => tenant, concurrency: 2 } });
// @ts-expect-error how many must be said
review.addStep("unbounded", ["Page"], start, { limit: { key: ({ text }) => text } });

/** Options that are made elsewhere, for any step. */
const byType: StepOptions<Events> = { limit: { key: ({ type }) => type, concurrency: 1 } };
review.addStep("elsewhere", ["Page"], start, byType);
const byTenant: LimitOptions = { key: (event) => event["tenant"], concurrency: 1 };

review.addStep("mend", ["Failed"], async ({ error, event }) => {
  same<typeof error.code, string | number | null>();
  same<typeof error.step, string>();
  return { type: "Page", text: String(event.text) };
});

review.addStep("undone", ["Page", "Outline"], async () => null, {
  compensate: async (event, ctx) => {
    same<typeof event.type, "Page" | "Outline">();
    if (event.type === "Page") event.text.trim();
    await ctx.set("undone", true);
  },
});
// @ts-expect-error a compensation emits nothing
review.addStep("emits", ["Page"], async () => null, { compensate: async () => ({ type: "Page", text: "" }) });
// @ts-expect-error it is called with what its step accepts
review.addStep("other", ["Page"], async () => null, { compensate: async ({ of }) => void of });
// @ts-expect-error a function
review.addStep("none", ["Page"], async () => null, { compensate: true });

async function undone(failure: BlazenError): Promise<void> {
  for (const { step, error } of failure.compensationErrors ?? []) {
    same<typeof step, string>();
    same<typeof error, unknown>();
  }
}
void undone;

review.addStep("join", ["Outline", "Page"], async (event, ctx) => {
  await ctx.sendEvent({ type: "Page", text: "late" }, { delayMs: 5 });
  await ctx.sendEvent({ type: "Page", text: "later" }, { at: new Date() });
  // @ts-expect-error no such option
  await ctx.sendEvent({ type: "Page", text: "never" }, { delay: 5 });
  // @ts-expect-error a time is a Date
  await ctx.sendEvent({ type: "Page", text: "never" }, { at: 5 });

  const some = await ctx.collectEvents(event, { Page: 2, Outline: 1 }, { key: "k" });
  if (some !== null) same<(typeof some)[number]["type"], "Page" | "Outline">();
  // @ts-expect-error no such event
  await ctx.collectEvents(event, ["Pages"]);
  // @ts-expect-error no such event
  await ctx.collectEvents(event, { Pages: 2 });

  const all = await ctx.collectEvents(event, ["Outline", "Page", "Page"]);
  if (all === null) return null;
  const [outline, first, second] = all;
  same<typeof outline.of, number>();
  same<typeof first.text, string>();
  return { type: "blazen::StopEvent", result: outline.of + second.text.length };
});

const free = new Workflow("free");
free.addStep("join", ["A"], async (event, ctx) => {
  const all = await ctx.collectEvents(event, { A: 2 });
  return all && { type: "B", n: all.length, first: all[0]?.["n"] };
});
free.addStep("limited", ["A"], () => null, { limit: byTenant });
free.addStep("keyed", ["A"], () => null, { limit: { key: (event) => event["tenant"], concurrency: 1 } });
free.addStep("fail", ["B"], () => Promise.reject(new NonRetryableError("no", { cause: 1 })), { onFailure: "Any" });

const late = new StepTimeoutError("step", 5);
same<typeof late.code, import("blazen").BlazenErrorCode>();
same<NonRetryableError["retryable"], false>();
