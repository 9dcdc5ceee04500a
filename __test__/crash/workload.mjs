// What the runs of a crash test do: fan out, send in mid-handler, count in the state, come together by state, ask a
// person, sleep. Each ends with the same result however often it is interrupted, and tells of every invocation.
//
// A delivery is known by its step and the key of its event. Every event names the delivery that emitted it (`from`),
// whether that had settled by then (`how`), and the process that made it (`made`).

import { createHash } from "node:crypto";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { between, uuid } from "./random.mjs";

const SHAPES = ["fan", "chain", "ask", "nap"];

/** The inputs of the runs, by their ids. */
export function inputsOf(seed, runs) {
  return Array.from({ length: runs }, (_, number) => {
    const input = { number, shape: SHAPES[number % SHAPES.length], size: between(2, 6, seed, "size", number) };
    return [uuid(seed, "run", number), input];
  });
}

/** How many events come together before a run ends. */
const awaited = { fan: (size) => 4 * size, chain: (size) => size + 1, ask: () => 1, nap: () => 1 };

/** What the state holds, whatever the order in which it came to hold it. */
export function digestOf(entries) {
  const canonical = [...entries]
    .map(([key, value]) => [
      key,
      value instanceof Uint8Array ? { bytes: Buffer.from(value).toString("hex") } : sorted(value),
    ])
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(canonical)).digest("hex");
}

function sorted(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * Adds the steps to a workflow.
 *
 * @param tell is told of every invocation, and of every event that was acknowledged
 * @param lie tells what is not true, and dies of it
 * @param process the number of this process: 1 for the first, more after crashes
 * @param fault what this program does wrong, to prove the checker
 */
export function define(workflow, { tell, lie, process, seed, fault }) {
  /** Adds a step whose handler tells that it is invoked before it does anything. */
  const step = (name, types, work) => {
    workflow.addStep(name, types, async (event, ctx) => {
      const { number, key, from, how, made } = event.response ?? event;
      const me = `${name}/${key ?? "start"}`;
      const { attempt } = ctx;
      if (fault !== "unlogged" || me !== "audit/1") {
        tell({ tells: "invoked", number, me, attempt: fault === "attempt" ? 1 : attempt, from, how, made });
      }
      const emitted = (how) => (type, key, payload) => ({
        type,
        number,
        key,
        from: me,
        how,
        made: process,
        ...payload,
      });
      const send = async (type, key, payload, options) => {
        const acknowledgement = { tells: "acknowledged", number, name: `${type.toLowerCase()}/${key}`, made: process };
        if (fault === "unsent") lie(acknowledgement);
        await ctx.sendEvent(emitted("sent")(type, key, payload), options);
        tell(acknowledgement);
      };
      const pause = async () => {
        const length = between(0, 4, seed, process, number, me);
        if (length === 1) await turn();
        else if (length > 1) await sleep(length - 2);
      };
      return work({ event, ctx, number, attempt, emit: emitted("returned"), send, pause });
    });
  };

  step("begin", ["blazen::StartEvent"], async ({ event: { number, shape, size }, ctx, emit }) => {
    await ctx.set("plan", { shape, size });
    await ctx.setBytes("salt", Buffer.from([number, 0, 0xff]));
    if (shape === "fan") return Array.from({ length: size }, (_, item) => emit("Item", `${item}`, { item }));
    if (shape === "ask") return question(number, 0);
    return shape === "chain" ? emit("Link", "0", { link: 0 }) : emit("Nap", "0", { nap: 0 });
  });

  // A fan: each item goes to two steps, and one of them sends two notes before it returns.
  // All of them count at once, and before they send.
  step("work", ["Item"], async ({ event: { item }, ctx, emit, send, pause }) => {
    await ctx.state.increment("works");
    await pause();
    await send("Note", `${item}:0`);
    await pause();
    if (fault !== "lost" || item > 0) await send("Note", `${item}:1`);
    await ctx.state.append("worked", "once");
    if (fault === "added" && item === 0) await ctx.state.increment("works");
    if (fault === "doubled" && item === 0) await send("Note", `${item}:1`);
    await ctx.set(`part ${item}`, { item, square: item * item });
    return emit("Got", `work ${item}`);
  });
  step("audit", ["Item"], async ({ event: { item }, ctx, emit, pause }) => {
    await ctx.state.increment("audits");
    await ctx.setBytes(`audit ${item}`, Buffer.alloc(item, item));
    await pause();
    return emit("Got", `audit ${item}`);
  });
  step("note", ["Note"], async ({ event: { key }, ctx, emit, pause }) => {
    await ctx.state.update("notes", (notes) => (notes ?? 0) + 1);
    await pause();
    return emit("Got", `note ${key}`);
  });

  // A chain: one link after the other counts up, so that a link that is done twice or not at all shows.
  step("link", ["Link"], async ({ event: { link }, ctx, number, emit, send, pause }) => {
    await send("Aside", `${link}`);
    await pause();
    await ctx.state.update("count", (count) => (count ?? 0) + 1);
    await ctx.setBytes("trail", Buffer.concat([(await ctx.getBytes("trail")) ?? Buffer.alloc(0), Buffer.of(link)]));
    const { size } = await ctx.get("plan");
    if (fault === "count" && number === 1 && link === 0) await ctx.state.update("count", (count) => count + 1);
    return link + 1 < size ? emit("Link", `${link + 1}`, { link: link + 1 }) : emit("Got", "links");
  });
  step("aside", ["Aside"], async ({ event: { key }, emit, pause }) => {
    await pause();
    return emit("Got", `aside ${key}`);
  });

  // Naps: nothing of the run goes on until the next event is due.
  step("nap", ["Nap"], async ({ event: { nap }, ctx, number, emit, send }) => {
    await ctx.state.increment("naps");
    const { size } = await ctx.get("plan");
    if (nap + 1 === size) return emit("Got", "naps");
    await send("Nap", `${nap + 1}`, { nap: nap + 1 }, { delayMs: between(1, 20, seed, number, nap) });
    return null;
  });

  // A conversation.
  step("answer", ["blazen::InputResponseEvent"], async ({ event: { response }, ctx, number, emit, pause }) => {
    await pause();
    const { size } = await ctx.get("plan");
    await ctx.state.update("answers", (answers) => [...(answers ?? []), response.answer]);
    return response.answer + 1 < size ? question(number, response.answer + 1) : emit("Got", "answers");
  });

  // Together again. Whoever is the last to be noted goes on, and noting and going on are one commit.
  step("got", ["Got"], async ({ event: { key }, ctx, emit }) => {
    const { shape, size } = await ctx.get("plan");
    let isLast = false;
    await ctx.state.update("got", (got) => {
      const after = { ...got, [key]: true };
      isLast = !got?.[key] && Object.keys(after).length === awaited[shape](size);
      return after;
    });
    return isLast ? emit("Total", "total") : null;
  });
  step("total", ["Total"], async ({ ctx, number }) => {
    // A note whose process was killed when it had been counted and had not settled is invoked again beside this.
    await turn();
    await turn();
    const entries = [];
    for (const key of await ctx.state.keys()) {
      entries.push([key, await ctx.get(key)]);
    }
    const isWrong = fault === "result" && number === 0;
    return { type: "blazen::StopEvent", result: { number, state: isWrong ? "wrong" : digestOf(entries) } };
  });
}

function question(number, asked) {
  return { type: "blazen::InputRequestEvent", request_id: `${number}:${asked}`, number, asked };
}

/** Answers whatever the run asks. */
export async function converse(handler, { tell, process }) {
  await handler.streamEvents(async ({ type, request_id, number, asked }) => {
    if (type !== "blazen::InputRequestEvent") return;
    const key = `answer ${asked}`;
    await handler.respondToInput(request_id, { number, key, answer: asked, made: process });
    tell({ tells: "acknowledged", number, name: `answer/${key}`, made: process });
  });
}
