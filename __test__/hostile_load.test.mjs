// Handlers that do too much, and values made to blow up.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { REQUEST, RESPONSE, stop, workflowOf } from "./bad_input/harness.mjs";
import { assertPrints, HANG, IMPORTS, INDEX, quiet, SHORT, turn } from "./hostile/harness.mjs";

describe("a handler that does too much", () => {
  test("returns ten thousand events, which are all delivered in order", SHORT, async () => {
    const seen = [];
    await workflowOf(
      () => Array.from({ length: 10_000 }, (_, n) => ({ type: "Next", n })),
      ({ n }) => {
        seen.push(n);
        return seen.length === 10_000 ? stop() : null;
      },
    ).run();
    assert.deepEqual(seen, [...Array(10_000).keys()]);
  });

  test("sends ten thousand events, which are all delivered in order", SHORT, async () => {
    const seen = [];
    await workflowOf(
      async (_event, ctx) => {
        for (let n = 0; n < 10_000; n += 1) await ctx.sendEvent({ type: "Next", n });
      },
      ({ n }) => {
        seen.push(n);
        return seen.length === 10_000 ? stop() : null;
      },
    ).run();
    assert.deepEqual(seen, [...Array(10_000).keys()]);
  });

  test("asks ten thousand questions, which are all answered", SHORT, async () => {
    let heard = 0;
    const handler = await workflowOf(() =>
      Array.from({ length: 10_000 }, (_, n) => ({ type: REQUEST, request_id: `${n}` })),
    )
      .addStep("hear", [RESPONSE], () => {
        heard += 1;
        return heard === 10_000 ? stop() : null;
      })
      .runWithHandler();
    await quiet();
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => handler.respondToInput(`${n}`, n)));
    await handler.result();
    assert.equal(heard, 10_000);
  });

  for (const kind of ["synchronous", "asynchronous"]) {
    test(`goes a hundred thousand ${kind} hops without overflowing the stack`, SHORT, async () => {
      const hop = ({ n }) => (n === 100_000 ? stop(n) : { type: "Next", n: n + 1 });
      const { data } = await workflowOf(
        () => ({ type: "Next", n: 0 }),
        kind === "synchronous" ? hop : async (event) => hop(event),
      ).run();
      assert.equal(data, 100_000);
    });
  }

  test("starts a run within a run, a thousand deep", SHORT, async () => {
    const workflow = workflowOf(async ({ n }) =>
      n === 0 ? stop(0) : stop((await workflow.run({ n: n - 1 })).data + 1),
    );
    assert.equal((await workflow.run({ n: 1_000 })).data, 1_000);
  });

  const endless = {
    "hops for ever": (goOn) =>
      workflowOf(
        () => ({ type: "Next" }),
        () => (goOn() ? { type: "Next" } : stop()),
      ).run(),
    "hops for ever and is asynchronous": (goOn) =>
      workflowOf(
        () => ({ type: "Next" }),
        async () => (goOn() ? { type: "Next" } : stop()),
      ).run(),
    "sends itself the next event for ever": (goOn) =>
      workflowOf(
        () => ({ type: "Next" }),
        async (_event, ctx) => {
          await ctx.sendEvent(goOn() ? { type: "Next" } : stop());
        },
      ).run(),
    "starts a run after another for ever": async (goOn) => {
      const workflow = workflowOf(() => stop());
      while (goOn()) await workflow.run();
    },
    "is in a hundred runs at once": (goOn) =>
      Promise.all(
        Array.from({ length: 100 }, () =>
          workflowOf(
            () => ({ type: "Next" }),
            () => (goOn() ? { type: "Next" } : stop()),
          ).run(),
        ),
      ),
    "forks into a hundred that each hop for ever": (goOn) =>
      workflowOf(
        () => Array.from({ length: 100 }, () => ({ type: "Next" })),
        () => (goOn() ? { type: "Next" } : stop()),
      ).run(),
  };
  for (const [what, run] of Object.entries(endless)) {
    test(`${what}: timers, immediates and I/O get their turns`, SHORT, async () => {
      const got = { timers: 0, immediates: 0, files: 0 };
      const timer = setInterval(() => {
        got.timers += 1;
      }, 1);
      const immediate = async () => {
        while (got.immediates < 20) {
          await turn();
          got.immediates += 1;
        }
      };
      const files = async () => {
        while (got.files < 5) {
          await readFile(INDEX);
          got.files += 1;
        }
      };
      let hops = 0;
      const enough = () => got.timers >= 5 && got.immediates >= 20 && got.files >= 5;
      // The number of hops is bounded so that starvation fails instead of hanging.
      await Promise.all([run(() => ++hops < 3_000_000 && !enough()), immediate(), files()]);
      clearInterval(timer);
      assert.ok(hops < 3_000_000, `starved: ${JSON.stringify(got)}`);
    });
  }

  test("does not starve a time limit: a run that hops for ever is timed out", SHORT, async () => {
    const workflow = workflowOf(
      () => ({ type: "Next" }),
      () => ({ type: "Next" }),
    );
    workflow.setTimeout(0.05);
    await assert.rejects(workflow.run(), { code: "ERR_BLAZEN_TIMEOUT" });
  });

  test("does not starve abort(): a run that hops for ever can be aborted from a timer", SHORT, async () => {
    const handler = await workflowOf(
      () => ({ type: "Next" }),
      () => ({ type: "Next" }),
    ).runWithHandler();
    setTimeout(() => handler.abort(), 5);
    await assert.rejects(handler.result(), { code: "ERR_BLAZEN_ABORTED" });
  });
});

describe("values made to blow up", { concurrency: 4 }, () => {
  const blowUps = {
    "an array of 2^32 - 1 holes returned by a handler": "await one(() => new Array(2 ** 32 - 1)).run()",
    "an array of 2^32 - 1 holes as event types": 'new Workflow("w").addStep("s", new Array(2 ** 32 - 1), () => {})',
    "an array of 2^32 - 1 holes set in the state":
      'await one(async (e, ctx) => { await ctx.set("k", new Array(2 ** 32 - 1)); }).run()',
    "a value of 2^64 leaves made of sixty-four arrays":
      'await one(async (e, ctx) => { let v = 1; for (let n = 0; n < 64; n += 1) v = [v, v]; await ctx.set("k", v); }).run()',
    "such a value set in the session":
      'await one(async (e, ctx) => { let v = 1; for (let n = 0; n < 64; n += 1) v = { a: v, b: v }; await ctx.session.set("k", v); }).run()',
    "a Proxy that says it is an array of 2^53 - 1 items":
      'await one(() => new Proxy([], { get: (t, key) => (key === "length" ? 2 ** 53 - 1 : t[key]) })).run()',
    "an array that grows while it is read":
      'await one(() => { const a = []; Object.defineProperty(a, 0, { enumerable: true, get() { a.push({ type: "x" }); return { type: "x" }; } }); return a; }).run()',
  };
  for (const [what, code] of Object.entries(blowUps)) {
    test(`${what}: refused with an error of ours, and the process lives`, { timeout: HANG }, async () => {
      await assertPrints(
        "refused",
        `${IMPORTS}
        try { ${code}; console.log("taken"); }
        catch (error) { console.log(error instanceof BlazenError ? "refused" : "another error: " + error); }`,
        ["--max-old-space-size=1024"],
        HANG,
      );
    });
  }
});
