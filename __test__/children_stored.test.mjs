// What a store knows of children: whose they are, and what becomes of them when only their parents have ended.

import assert from "node:assert/strict";
import { SqliteStore, Workflow } from "blazen";
import { around, MapStore } from "./conformance/map_store.mjs";
import { gate, NOBODY, newFile, quiet, rejectionOf, START, stop, test, turn } from "./stores/harness.mjs";

const never = () => new Promise(() => {});

/** A workflow with one step, and another one whose only handler runs it. */
function family(store, only, options) {
  const child = new Workflow("child", { store, ...options }).addStep("only", [START], only);
  const parent = new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) =>
    stop((await ctx.runWorkflow(child)).data),
  );
  return { parent, child };
}

/** A parent and a child that were at work when their process was lost; `called` tells whether the child is called later. */
async function lost(path) {
  const store = SqliteStore.open(path);
  const begun = gate();
  const { parent } = family(store, async (_event, ctx) => {
    begun.open(await ctx.runId());
    await never();
  });
  const { runId: parentId } = await parent.runWithHandler();
  const childId = await begun.opened;
  await store.close();
  return { parentId, childId };
}

/** The same workflows in the next process, where the child would complete. */
function next(store) {
  let called = 0;
  const flows = family(store, () => {
    called += 1;
    return stop("done");
  });
  return { ...flows, called: () => called };
}

test("a stored child knows its parent", async () => {
  const path = newFile();
  const { parentId, childId } = await lost(path);
  const store = SqliteStore.open(path, { readOnly: true });
  assert.equal((await store.run(childId)).parent, parentId);
  assert.equal((await store.run(parentId)).parent, undefined);
  await store.close();
});

test("a child whose parent was cancelled where it was not known is cancelled when it is taken up", async () => {
  const path = newFile();
  const { parentId, childId } = await lost(path);
  const store = SqliteStore.open(path);
  const { parent, child, called } = next(store);
  assert.equal(await parent.cancel(parentId, "enough"), true);
  const [handler] = await child.recover();
  assert.equal(handler.runId, childId);
  const failure = await rejectionOf(handler.result());
  assert.equal(failure.code, "ERR_BLAZEN_ABORTED");
  assert.equal(failure.cause.code, "ERR_BLAZEN_RUN_ENDED");
  assert.equal((await store.run(childId)).status, "cancelled");
  assert.equal(called(), 0);
  await store.close();
});

test("a paused child whose parent was cancelled elsewhere is undone when its workflow recovers, and one whose parent rests, rests", async () => {
  const path = newFile();
  const undone = [];
  const flows = (store, paid) => {
    const child = new Workflow("child", { store })
      .addStep("pay", [START], async ({ order }) => ({ type: "Paid", order }), {
        compensate: ({ order }) => void undone.push(order),
      })
      .addStep("ship", ["Paid"], async ({ order }) => {
        paid?.get(order).open();
        await never();
      });
    const parent = new Workflow("parent", { store }).addStep("only", [START], async ({ order }, ctx) =>
      stop(await ctx.runWorkflow(child, { order })),
    );
    return { parent, child };
  };

  const first = SqliteStore.open(path);
  const paid = new Map(["a", "b"].map((order) => [order, gate()]));
  const { parent: before } = flows(first, paid);
  const handlers = await Promise.all([...paid.keys()].map((order) => before.runWithHandler({ order })));
  await Promise.all([...paid.values()].map(({ opened }) => opened));
  for (const handler of handlers) await handler.pause({ graceMs: 0 });
  const children = (await first.runs({ workflow: "child", status: "paused" })).runs;
  assert.deepEqual(children.map(({ parent }) => parent).sort(), handlers.map(({ runId }) => runId).sort());
  await first.close();

  const store = SqliteStore.open(path);
  const { parent, child } = flows(store);
  const [cancelled] = handlers;
  assert.equal(await parent.cancel(cancelled.runId), true);
  assert.deepEqual(await child.recover(), []);
  const ended = children.find(({ parent }) => parent === cancelled.runId).runId;
  while ((await store.run(ended)).status !== "cancelled") await turn();
  await quiet();
  assert.deepEqual(undone, ["a"]);
  assert.equal((await store.run(ended)).error.cause.code, "ERR_BLAZEN_RUN_ENDED");
  assert.equal((await store.runs({ workflow: "child", status: "paused" })).runs.length, 1);
  await store.close();
});

for (const first of ["child", "grandchild"]) {
  test(`and so do paused children of such a child, also if the ${first} recovers first`, async () => {
    const path = newFile();
    const flows = (store, reached) => {
      const grandchild = new Workflow("grandchild", { store }).addStep("only", [START], () => {
        reached?.open();
        return never();
      });
      const running = (name, below) =>
        new Workflow(name, { store }).addStep("only", [START], async (_event, ctx) =>
          stop(await ctx.runWorkflow(below)),
        );
      const child = running("child", grandchild);
      return { parent: running("parent", child), child, grandchild };
    };
    const reached = gate();
    const before = SqliteStore.open(path);
    const handler = await flows(before, reached).parent.runWithHandler();
    await reached.opened;
    await handler.pause({ graceMs: 0 });
    await before.close();

    const store = SqliteStore.open(path);
    const { parent, child, grandchild } = flows(store);
    assert.equal(await parent.cancel(handler.runId), true);
    for (const workflow of first === "child" ? [child, grandchild] : [grandchild, child]) await workflow.recover();
    while ((await store.runs({ status: "cancelled" })).runs.length < 3) await turn();
    await store.close();
  });
}

for (const status of ["running", "paused"]) {
  test(`a ${status} child whose parent was cancelled elsewhere ends when somebody begins it by its id`, async () => {
    const kept = new MapStore();
    const reached = gate();
    const { parent } = family(around(kept), async (_event, ctx) => {
      reached.open(await ctx.runId());
      await never();
    });
    const handler = await parent.runWithHandler();
    const childId = await reached.opened;
    if (status === "paused") await handler.pause({ graceMs: 0 });
    assert.equal((await kept.load(childId)).status, status);

    const next = family(around(kept), () => assert.fail("it was called"));
    assert.equal(await next.parent.cancel(handler.runId), true);
    const again = await next.child.runWithHandler({}, { runId: childId });
    assert.equal((await rejectionOf(again.result())).code, "ERR_BLAZEN_ABORTED");
    assert.equal((await kept.load(childId)).status, "cancelled");
  });
}

test("however many paused children have a parent, it is loaded once to see how it stands", async () => {
  const kept = new MapStore();
  const flows = (store, only) => {
    const child = new Workflow("child", { store }).addStep("only", [START], only);
    const parent = new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) =>
      stop(await Promise.all([1, 2, 3, 4].map(() => ctx.runWorkflow(child)))),
    );
    return { parent, child };
  };
  const reached = gate();
  let called = 0;
  const handler = await flows(around(kept), () => {
    called += 1;
    if (called === 4) reached.open();
    return never();
  }).parent.runWithHandler();
  await reached.opened;
  await handler.pause({ graceMs: 0 });

  const loaded = [];
  const load = (runId) => {
    loaded.push(runId);
    return kept.load(runId);
  };
  await flows(around(kept, { load }), () => assert.fail("it was called")).child.recover();
  while (loaded.length === 0) await turn();
  await quiet();
  assert.deepEqual(loaded, [handler.runId]);
});

test("a child whose parent goes on is taken up before it, and found by it", async () => {
  const path = newFile();
  await lost(path);
  const store = SqliteStore.open(path);
  const { parent, child, called } = next(store);
  const [ofChild] = await child.recover();
  assert.equal((await ofChild.result()).data, "done");
  const [handler] = await parent.recover();
  assert.equal((await handler.result()).data, "done");
  assert.equal(called(), 1);
  await store.close();
});

test("a child that has completed is not pruned before its parent has ended, and so not begun again", async () => {
  const path = newFile();
  const before = SqliteStore.open(path);
  const waits = gate();
  const child = (store, begun) =>
    new Workflow("child", { store }).addStep("only", [START], () => {
      begun();
      return stop("paid");
    });
  const parent = (store, charge, then) =>
    new Workflow("parent", { store }).addStep("only", [START], async (_event, ctx) => {
      const { data } = await ctx.runWorkflow(charge);
      await then();
      return stop(data);
    });
  const standingStill = parent(
    before,
    child(before, () => {}),
    () => {
      waits.open();
      return never();
    },
  );
  await standingStill.runWithHandler();
  await waits.opened;
  await before.close();
  const store = SqliteStore.open(path);
  const tomorrow = { finishedBefore: new Date(Date.now() + 24 * 3_600_000) };
  assert.equal(await store.prune(tomorrow), 0);
  const again = child(store, () => assert.fail("begun again"));
  const [handler] = await parent(store, again, () => {}).recover();
  assert.equal((await handler.result()).data, "paid");
  assert.equal(await store.prune(tomorrow), 2);
  await store.close();
});

test("nor is one whose parent is only stored when it is paused", async () => {
  const store = SqliteStore.open(newFile());
  const begun = [];
  const charge = new Workflow("charge", { store }).addStep("only", [START], () => {
    begun.push("charge");
    return stop("paid");
  });
  const reached = gate();
  const parent = new Workflow("parent", { store, durability: "exit" }).addStep("only", [START], async (_event, ctx) => {
    const { data } = await ctx.runWorkflow(charge);
    reached.open();
    if (ctx.attempt === 1) await never();
    return stop(data);
  });
  const handler = await parent.runWithHandler();
  await reached.opened;
  assert.equal(await store.prune({ finishedBefore: new Date(Date.now() + 24 * 3_600_000) }), 0);
  await handler.pause({ graceMs: 0 });
  await handler.resumeInPlace();
  assert.equal((await handler.result()).data, "paid");
  assert.deepEqual(begun, ["charge"]);
  await store.close();
});

/** A parent that has charged when it runs a child of two steps. `log` is told what is called. */
function charging(store, log, { hold, fails, steps = ["first", "second"] } = {}) {
  const child = new Workflow("child", { store })
    .addStep(steps[0], [START], () => ({ type: "Then" }))
    .addStep(steps[1], ["Then"], async (_event, ctx) => {
      log.push(`child ${ctx.attempt}`);
      await hold?.();
      return stop("done");
    });
  const parent = new Workflow("parent", { store })
    .addStep("charge", [START], () => [{ type: "Run" }, { type: "Beside" }], {
      compensate: () => {
        log.push("refund");
      },
    })
    .addStep("run", ["Run"], async (_event, ctx) => stop((await ctx.runWorkflow(child)).data))
    .addStep("beside", ["Beside"], async () => fails?.());
  return { parent, child };
}

const statuses = async (kept) =>
  (await kept.runs({ limit: 9, order: "oldest-first" })).runs.map(({ status }) => status);

for (const [what, fault] of Object.entries({
  "a commit": (kept, isOfChild, fail) => ({
    commit: (commits) =>
      commits.some(({ runId, settled }) => settled && isOfChild(runId)) ? fail() : kept.commit(commits),
  }),
  "to load it": (kept, isOfChild, fail) => ({ load: (runId) => (isOfChild(runId) ? fail() : kept.load(runId)) }),
})) {
  test(`a child that its store fails for ${what} stops its parent as well, and both go on later`, async () => {
    const kept = new MapStore();
    const log = [];
    const isOfChild = (runId) => runId !== NOBODY;
    const fail = async () => {
      throw new Error("connection reset");
    };
    const { parent } = charging(around(kept, fault(kept, isOfChild, fail)), log);
    const failure = await rejectionOf(parent.run({}, { runId: NOBODY }));
    assert.equal(failure.code, "ERR_BLAZEN_STORE_IO");
    assert.equal(failure.runId, NOBODY);
    await quiet(); // what was on its way to the store is there
    assert.ok((await statuses(kept)).every((status) => status === "running"));
    const again = charging(around(kept), log);
    const handler = await again.parent.attach(NOBODY);
    assert.equal((await handler.result()).data, "done");
    assert.deepEqual(log, ["child 1"]);
    assert.deepEqual(await statuses(kept), ["completed", "completed"]);
  });
}

test("a child that new code cannot finish stops its parent as well, and both go on with code that can", async () => {
  const path = newFile();
  const before = SqliteStore.open(path);
  const reached = gate();
  const log = [];
  const hold = () => {
    reached.open();
    return never();
  };
  const { runId } = await charging(before, log, { hold }).parent.runWithHandler();
  await reached.opened;
  await before.close();
  const store = SqliteStore.open(path);
  const renamed = charging(store, log, { steps: ["first", "renamed"] });
  const [handler] = await renamed.parent.recover();
  const failure = await rejectionOf(handler.result());
  assert.equal(failure.code, "ERR_BLAZEN_RUN_MISMATCH");
  assert.match(failure.message, /^a child of the run does not go on: .*"second"/);
  assert.equal((await store.run(runId)).status, "running");
  const good = charging(store, log);
  assert.equal((await (await good.parent.attach(runId)).result()).data, "done");
  assert.deepEqual(log, ["child 1", "child 2"]);
  await store.close();
});

test("a child goes on if its store has not taken that its parent undoes what it has done", async () => {
  const kept = new MapStore();
  const log = [];
  const reached = gate();
  const released = gate();
  const hold = () => {
    reached.open();
    return released.opened;
  };
  const fails = async () => {
    await reached.opened;
    throw new Error("beside");
  };
  const commit = async (commits) => {
    const lost = commits.filter(({ runId, ending }) => runId === NOBODY && ending !== undefined);
    if (lost.length === 0) return kept.commit(commits);
    await kept.commit(commits.filter((commit) => !lost.includes(commit)));
    throw new Error("connection reset");
  };
  const first = charging(around(kept, { commit }), log, { hold, fails });
  const failure = await rejectionOf(first.parent.run({}, { runId: NOBODY }));
  assert.equal(failure.code, "ERR_BLAZEN_STORE_IO");
  released.open();
  await quiet();
  const second = charging(around(kept), log);
  assert.equal((await (await second.parent.attach(NOBODY)).result()).data, "done");
  assert.deepEqual(log, ["child 1"]);
});

test('a parent with "exit" that has rested is unfinished in the store when its child does not go on', async () => {
  const kept = new MapStore();
  const flows = (store, hold, options) => {
    const child = new Workflow("child", { store, ...options }).addStep("only", [START], async () => {
      await hold();
      return stop("done");
    });
    const parent = new Workflow("parent", { store, durability: "exit" }).addStep("only", [START], async (_event, ctx) =>
      stop((await ctx.runWorkflow(child)).data),
    );
    return { child, parent };
  };
  const reached = gate();
  const first = flows(
    around(kept),
    () => {
      reached.open();
      return never();
    },
    { version: "1" },
  );
  const handler = await first.parent.runWithHandler();
  await reached.opened;
  await handler.pause({ graceMs: 0 });
  const fails = () => {
    throw new Error("no way");
  };
  const second = flows(around(kept), () => {}, { version: "2", migrate: fails });
  const failure = await rejectionOf((await second.parent.resume(handler.runId)).result());
  assert.equal(failure.code, "ERR_BLAZEN_RUN_MISMATCH");
  assert.equal((await kept.load(handler.runId)).status, "paused");
  const third = flows(around(kept), () => {}, { version: "3", migrate() {} });
  assert.equal((await (await third.parent.resume(handler.runId)).result()).data, "done");
});

for (const [how, ends] of Object.entries({
  "that is only in the store": async (parent, parentId) => void (await parent.cancel(parentId)),
  "whose handler has not asked for it yet": async (parent, parentId) => {
    const handler = await parent.attach(parentId);
    await parent.cancel(parentId);
    await rejectionOf(handler.result());
  },
})) {
  test(`a child that was recovered by itself ends with its parent, ${how}`, async () => {
    const path = newFile();
    const { parentId, childId } = await lost(path);
    const store = SqliteStore.open(path);
    const begun = gate();
    const child = new Workflow("child", { store }).addStep("only", [START], async (_event, ctx) => {
      begun.open();
      await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      ctx.signal.throwIfAborted();
    });
    const parent = new Workflow("parent", { store }).addStep("only", [START], never);
    const [ofChild] = await child.recover();
    await begun.opened;
    await ends(parent, parentId);
    assert.equal((await rejectionOf(ofChild.result())).code, "ERR_BLAZEN_ABORTED");
    assert.equal((await store.run(childId)).status, "cancelled");
    await store.close();
  });
}

test("a child that is being migrated ends with its parent, and is not called", async () => {
  const kept = new MapStore();
  const reached = gate();
  const only = () => {
    reached.open();
    return never();
  };
  const { runId } = await family(around(kept), only, { version: "1" }).parent.runWithHandler();
  await reached.opened;
  const [begun, migrated] = [gate(), gate()];
  const migrate = () => {
    begun.open();
    return migrated.opened;
  };
  const { parent } = family(around(kept), () => assert.fail("it was called"), { version: "2", migrate });
  const handler = await parent.attach(runId);
  await begun.opened;
  assert.equal(await parent.cancel(runId), true);
  migrated.open();
  assert.equal((await rejectionOf(handler.result())).code, "ERR_BLAZEN_ABORTED");
  await quiet();
  assert.deepEqual(await statuses(kept), ["cancelled", "cancelled"]);
});
