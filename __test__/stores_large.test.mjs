// Runs that are large: what fits into memory fits into the store.

import assert from "node:assert/strict";
import { SqliteStore, Workflow } from "blazen";
import { newFile, START, stop, test } from "./stores/harness.mjs";

const LARGE = 100_000_000;

const large = (store, steps) => {
  const wf = new Workflow("large", { store });
  for (const [name, types, handler] of steps) wf.addStep(name, types, handler);
  return wf;
};

test("values of 100 MB, as JSON and as bytes, and an event and a result of 100 MB", async () => {
  const store = SqliteStore.open(newFile());
  const { runId } = await large(store, [
    [
      "write",
      [START],
      async (_event, ctx) => {
        await ctx.set("text", "x".repeat(LARGE));
        await ctx.setBytes("bytes", Buffer.alloc(LARGE, 7));
        return { type: "Written", data: "y".repeat(LARGE) };
      },
    ],
    ["read", ["Written"], (event) => stop(event.data)],
  ]).run();
  const { result, state } = await store.run(runId);
  assert.equal(result.length, LARGE);
  assert.equal(state.get("text").length, LARGE);
  assert.equal(state.get("bytes").length, LARGE);
  assert.equal(state.get("bytes").at(-1), 7);
  await store.close();
});

test("a hundred thousand keys", async () => {
  const store = SqliteStore.open(newFile());
  const keys = 100_000;
  const { runId } = await large(store, [
    [
      "write",
      [START],
      async (_event, ctx) => {
        for (let key = 0; key < keys; key += 1) await ctx.set(`key ${key}`, key);
        return stop();
      },
    ],
  ]).run();
  const { state } = await store.run(runId);
  assert.equal(state.size, keys);
  assert.deepEqual([...state].at(-1), [`key ${keys - 1}`, keys - 1]);
  await store.close();
});

test("many events at once, of which none is lost", async () => {
  const store = SqliteStore.open(newFile());
  const events = 200_000;
  let taken = 0;
  const { data } = await large(store, [
    ["send", [START], () => Array.from({ length: events }, (_, n) => ({ type: "Sent", n }))],
    [
      "take",
      ["Sent"],
      ({ n }) => {
        taken += 1;
        return n === events - 1 ? stop(taken) : null;
      },
    ],
  ]).run();
  assert.equal(data, events);
  await store.close();
});
