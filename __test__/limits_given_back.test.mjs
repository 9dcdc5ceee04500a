// What becomes of the slots of a limit, and of those that wait for them, when an attempt, a run or a pause comes to its end.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { MemoryStore, SqliteStore, Workflow } from "blazen";
import { atWork, Desk, waitingFor, working } from "./limits/harness.mjs";
import { gate, newFile, quiet, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";

const ONE = { limit: { concurrency: 1 } };
const NEVER = new Promise(() => {});
const ID = "11111111-1111-4111-8111-111111111111";

/** A desk whose handlers return by themselves, and fail if two are at work. */
class OneAtATime extends Desk {
  #atWork = 0;
  #handler;

  /** @param handler of those that are not counted; of others it gives nothing */
  constructor(handler) {
    super();
    this.#handler = handler;
    const enter = this.handler;
    this.handler = async (event, ctx) => {
      this.letGo(event.name);
      const done = await enter(event, ctx);
      const own = this.#handler(event, ctx);
      if (own !== undefined) return own;
      this.#atWork += 1;
      assert.equal(this.#atWork, 1);
      // Long enough for another to be called, and no time at all: the step may have a timeout.
      for (let ticks = 0; ticks < 100; ticks += 1) await null;
      this.#atWork -= 1;
      return done;
    };
  }
}

/** A store of which the run `ID` is taken away: somebody else has written it. */
const taking = () => ({
  commit: async (commits) =>
    commits.map(({ runId, version }) => (runId === ID && version > 3 ? { storedVersion: 9 } : null)),
  load: async () => null,
  runs: async () => ({ runs: [] }),
});

describe("a slot is given back when its attempt", () => {
  const ends = {
    returns: { handler: ({ name }) => ({ type: "Done", name }) },
    throws: { handler: () => Promise.reject(new Error("thrown")) },
    "throws at once": {
      handler: () => {
        throw new Error("thrown");
      },
    },
    "returns what is no event": { handler: () => 5 },
    "returns an event that nobody accepts": { handler: () => ({ type: "Unknown" }) },
    "fails and is to be called again in a day": {
      handler: () => Promise.reject(new Error("thrown")),
      options: { retry: { initialDelayMs: 24 * 3_600_000 } },
    },
    "fails for good and tells of it by an event": {
      handler: () => Promise.reject(new Error("thrown")),
      options: { onFailure: "Done" },
    },
    "takes too long": { handler: () => NEVER, options: { timeout: 10 } },
    "takes too long and is to be called again in a day": {
      handler: () => NEVER,
      options: { timeout: 10, retry: { initialDelayMs: 24 * 3_600_000 } },
    },
    "ends its run and stays at work": {
      handler: async (_event, ctx) => {
        await ctx.sendEvent(stop("ended"));
        await NEVER;
      },
    },
    "is of a run that is aborted": { handler: () => NEVER, then: (run) => run.abort() },
    "is of a run whose time is over": { handler: () => NEVER, timeLimit: 0.02 },
    "is of a run that is lost": {
      handler: async (_event, ctx) => {
        await ctx.sendEvent({ type: "Beside" });
        await NEVER;
      },
      store: taking,
    },
    "is cut short by a pause": { handler: () => NEVER, then: (run) => run.pause({ graceMs: 0 }) },
    "has not come to its end when the grace of a pause has": {
      handler: () => NEVER,
      then: (run) => run.pause({ graceMs: 10 }),
    },
  };

  for (const [end, { handler, options, store, timeLimit = 0, then }] of Object.entries(ends)) {
    test(end, async () => {
      const one = new OneAtATime((event, ctx) => (event.name === "first" ? handler(event, ctx) : undefined));
      const workflow = working(one.handler, { ...ONE, ...options }, { store: store?.() });
      workflow.addStep("beside", ["Beside"], () => null);
      workflow.setTimeout(timeLimit);
      const first = await workflow.runWithHandler({ names: ["first"] }, { runId: ID });
      workflow.setTimeout(0);
      const second = await workflow.runWithHandler({ names: ["second"] });
      const third = await workflow.runWithHandler({ names: ["third"] });
      await one.begun("first");
      await then?.(first);
      await Promise.all([second.result(), third.result()]);
      // Mostly in this order, but a turn of the event loop may end between two of them.
      assert.deepEqual(one.calls.toSorted(), ["first", "second", "third"]);
      await first.abort();
    });
  }

  test("takes too long, and not once more when its handler returns after all", async () => {
    const one = new OneAtATime(({ name }) => {
      if (name === "late") return hold.opened;
      if (name === "second") hold.open();
    });
    const hold = gate();
    const workflow = working(one.handler, { ...ONE, timeout: 20 });
    const late = await workflow.runWithHandler({ names: ["late"] });
    await one.begun("late");
    await Promise.all(["second", "third"].map((name) => workflow.run({ names: [name] })));
    await rejectionOf(late.result());
    assert.deepEqual(one.calls, ["late", "second", "third"]);
  });
});

describe("a run that waits", () => {
  for (const [end, leave] of Object.entries({
    "is aborted": (run) => run.abort(),
    "is paused": (run) => run.pause(),
  })) {
    test(`and ${end} is called no more, and holds up nobody`, async () => {
      const desk = new Desk();
      const workflow = working(desk.handler, ONE);
      const first = await atWork(workflow, desk, "first");
      const [gone, last] = await waitingFor(workflow, ["gone", "gone too"], "last");
      await leave(gone);
      desk.letGo("first", "last");
      await Promise.all([first.result(), last.result()]);
      assert.deepEqual(desk.calls, ["first", "last"]);
      await gone.abort();
    });
  }

  test("and whose time is over is called no more, and holds up nobody", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    const first = await atWork(workflow, desk, "first");
    workflow.setTimeout(0.02);
    const gone = await workflow.runWithHandler({ names: ["gone"] });
    workflow.setTimeout(0);
    assert.equal((await rejectionOf(gone.result())).code, "ERR_BLAZEN_TIMEOUT");
    desk.letGo("first", "last");
    await Promise.all([first.result(), workflow.run({ names: ["last"] })]);
    assert.deepEqual(desk.calls, ["first", "last"]);
  });

  test("and is lost with its store is called no more here, and goes on where it is recovered", async () => {
    const path = newFile();
    const before = SqliteStore.open(path);
    const desk = new Desk();
    const workflow = working(desk.handler, ONE, { store: before });
    const first = await atWork(workflow, desk, "first");
    const [waiting] = await waitingFor(workflow, "waiting");
    await before.close();
    for (const run of [first, waiting]) assert.equal((await rejectionOf(run.result())).code, "ERR_BLAZEN_STORE_CLOSED");
    await quiet();
    assert.deepEqual(desk.calls, ["first"]);

    const store = SqliteStore.open(path);
    const there = new Desk();
    const recovered = await working(there.handler, ONE, { store }).recover();
    await there.begun("first");
    await quiet();
    assert.deepEqual(there.calls, ["first again"], "by the same limit");
    there.letGo("first", "waiting");
    for (const run of recovered) await run.result();
    assert.equal(there.calls.length, 2);
    await store.close();
  });

  test("and ends while it has slots too leaves both to others", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, { limit: { concurrency: 2 } });
    const [large, small] = await waitingFor(workflow, ["a1", "a2", "a3", "a4"], ["b1", "b2"]);
    await large.abort();
    await Promise.all([desk.begun("b1"), desk.begun("b2")]);
    desk.letGo("b1", "b2");
    await small.result();
    assert.deepEqual(desk.calls, ["a1", "a2", "b1", "b2"]);
  });
});

describe("a pause", () => {
  test("does not wait for what waits, and that was no attempt: in place", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    const first = await atWork(workflow, desk, "first");
    const [paused] = await waitingFor(workflow, ["a", "b"]);
    await paused.pause();
    await paused.resumeInPlace();
    await quiet();
    assert.deepEqual(desk.calls, ["first"], "it waits again");
    desk.letGo("first", "a", "b");
    await Promise.all([first.result(), paused.result()]);
    assert.deepEqual(desk.calls, ["first", "a", "b"]);
  });

  test("does not wait for what waits, and that was no attempt: elsewhere", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    await atWork(workflow, desk, "first");
    const [paused] = await waitingFor(workflow, ["a", "b"]);
    const snapshot = await paused.pause();
    desk.letGo("a", "b");
    const resumed = await working(desk.handler, ONE).resume(snapshot);
    assert.deepEqual((await resumed.result()).data, ["a", "b"]);
    assert.deepEqual(desk.calls, ["first", "a", "b"]);
  });

  test("does not wait for what waits, and that was no attempt: in a store", async () => {
    const store = new MemoryStore();
    const desk = new Desk();
    const workflow = working(desk.handler, ONE, { store });
    const first = await atWork(workflow, desk, "first");
    const [paused] = await waitingFor(workflow, ["a", "b"]);
    await paused.pause();
    const { status, pending } = await store.run(paused.runId);
    assert.equal(status, "paused");
    assert.deepEqual(
      pending.map(({ step, attempt }) => [step, attempt]),
      [
        ["work", 1],
        ["work", 1],
      ],
    );
    desk.letGo("first", "a", "b");
    await first.result();
    await (await workflow.resume(paused.runId)).result();
    assert.deepEqual(desk.calls, ["first", "a", "b"]);
    await store.close();
  });

  test("waits for what is at work beside it, and calls nothing more", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, { limit: { concurrency: 2 } });
    const [run] = await waitingFor(workflow, ["a", "b", "c", "d"]);
    const pausing = run.pause();
    desk.letGo("a", "c", "d");
    await quiet();
    assert.deepEqual(desk.calls, ["a", "b"]);
    desk.letGo("b");
    await pausing;
    assert.deepEqual(desk.calls, ["a", "b"]);
    await run.resumeInPlace();
    assert.deepEqual((await run.result()).data, ["a", "b", "c", "d"]);
    assert.deepEqual(desk.calls, ["a", "b", "c", "d"]);
  });

  test("that is taken back while it waits lets what waited wait again", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, { limit: { concurrency: 2 } });
    const [run] = await waitingFor(workflow, ["a", "b", "c"]);
    const pausing = rejectionOf(run.pause());
    await run.resumeInPlace();
    assert.equal((await pausing).code, "ERR_BLAZEN_NOT_PAUSED");
    desk.letGo("a", "b", "c");
    await run.result();
    assert.deepEqual(desk.calls, ["a", "b", "c"]);
  });

  test("that is refused leaves what waits where it is", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE, { sessionPausePolicy: "hard_error" });
    workflow.addStep("keep", [START], (_event, ctx) => ctx.session.set("kept", 1).then(() => null));
    const first = await atWork(workflow, desk, "first");
    const [run] = await waitingFor(workflow, "a");
    assert.equal((await rejectionOf(run.pause())).code, "ERR_BLAZEN_SESSION_NOT_EMPTY");
    desk.letGo("first", "a");
    await Promise.all([first.result(), run.result()]);
  });

  test("that a handler asks for does not wait for what was to be called after it in the same breath", async () => {
    const desk = new Desk();
    let run;
    let pausing;
    const workflow = new Workflow("one breath")
      .addStep("begin", [START], async ({ name, asks }) => {
        await turn();
        return asks ? [{ type: "Ask" }, { type: "Work", name }] : { type: "Work", name };
      })
      .addStep("ask", ["Ask"], () => {
        pausing = run.pause();
      })
      .addStep("work", ["Work"], desk.handler, ONE)
      .addStep("end", ["Done"], ({ name }) => stop(name));
    const first = await workflow.runWithHandler({ name: "first" });
    await desk.begun("first");
    run = await workflow.runWithHandler({ name: "second", asks: true });
    await quiet();
    await pausing;
    await run.resumeInPlace();
    desk.letGo("first", "second");
    assert.deepEqual([(await first.result()).data, (await run.result()).data], ["first", "second"]);
    assert.deepEqual(desk.calls, ["first", "second"]);
  });

  for (const graceMs of [undefined, 0]) {
    test(`that the key function asks for, with a grace of ${graceMs}, does not wait for what has no slot`, async () => {
      const desk = new Desk();
      let run;
      let pausing;
      const key = ({ name }) => {
        if (name === "a") pausing ??= run.pause({ graceMs });
        return "one";
      };
      const workflow = working(desk.handler, { limit: { concurrency: 1, key } });
      const first = await atWork(workflow, desk, "first");
      run = await workflow.runWithHandler({ names: ["a"] });
      await quiet();
      await pausing;
      assert.deepEqual(desk.calls, ["first"]);
      await run.resumeInPlace();
      desk.letGo("first", "a", "a again");
      await Promise.all([first.result(), run.result()]);
      assert.equal(desk.calls.length, 2);
    });
  }

  for (const end of ["pause", "abort"]) {
    test(`that does not wait, or an end, that the key function asks for leaves the slot free: ${end}`, async () => {
      const desk = new Desk();
      let run;
      let ending;
      const key = ({ name }) => {
        if (name === "a") ending ??= run[end](end === "pause" ? { graceMs: 0 } : undefined);
        return "one";
      };
      const workflow = working(desk.handler, { limit: { concurrency: 1, key } });
      run = await workflow.runWithHandler({ names: ["a"] });
      await quiet();
      await ending;
      assert.deepEqual(desk.calls, []);
      desk.letGo("b");
      assert.deepEqual((await workflow.run({ names: ["b"] })).data, ["b"]);
      await run.abort();
    });
  }

  test("gives a slot on that it has just been given, and has not used", async () => {
    const desk = new Desk();
    const workflow = working(desk.handler, ONE);
    const first = await atWork(workflow, desk, "first");
    const [second, third] = await waitingFor(workflow, "second", "third");
    // Both in one breath: the slot has gone to the second run, whose handler would be called in a moment.
    first.abort();
    const pausing = second.pause();
    await desk.begun("third");
    await pausing;
    desk.letGo("third");
    await third.result();
    await second.resumeInPlace();
    desk.letGo("second");
    await second.result();
    assert.deepEqual(desk.calls, ["first", "third", "second"]);
  });
});
