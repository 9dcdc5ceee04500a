// What was stored comes back as it was.

import type { ModelRun } from "./model.js";
import { after, first, full, opened, queued, runId, set, settled, takenOut } from "./samples.js";
import type { Checks } from "./store_under_test.js";

/** Strings that something on the way may change, or take for one another, or for something else. */
const STRINGS = [
  "",
  "\0",
  "a",
  "A",
  "a ",
  "a\0b",
  "a\ud800b",
  "a\ufffdb",
  "\udc00\ud800",
  "\u{1F600}",
  "e\u0301",
  "\u00e9",
  "__proto__",
  "constructor",
  "'\"\\%_$1",
  "NULL",
];
/** JSON texts that are other texts when they have been read and written again. */
const TEXTS = [
  '{"b":1,"a":1.50}',
  '{"a":1,"a":2}',
  " [ 1e2,\n\t12345678901234567890 ] ",
  '"\\u0000\\ud800\\/é"',
  "null",
  '""',
];

export const KEEPING: Checks = {
  "a run comes back with everything that was in it": async (store) => {
    const commit = full(1);
    await store.takes(commit);
    const run = {
      runId: runId(1),
      workflow: "orders",
      version: 1,
      status: "running" as const,
      result: undefined,
      error: undefined,
      createdAt: 1_000,
      updatedAt: 1_000,
      finishedAt: undefined,
      lastDelivery: 2,
      timeRemaining: 60_000,
      pending: commit.queued,
      waits: commit.opened,
      state: [
        { key: "n", place: 0, value: '{ "n" : 1e2 }' },
        { key: "blob", place: 1, value: Buffer.from([0, 255, 10]) },
      ],
    } satisfies Partial<ModelRun>;
    await store.has(runId(1), run, " after the first commit");
    const { timeRemaining: _, ...paused } = after(commit, { status: "paused" });
    await store.takes(paused);
    const changed = { version: 2, status: "paused", updatedAt: 1_010, timeRemaining: undefined } as const;
    await store.has(runId(1), { ...run, ...changed }, " after a commit that pauses it and takes its limit away");
  },

  "strings come back unit by unit": async (store) => {
    const workflow = 'naïve \0 "workflow"';
    const commit = first(1, {
      creates: workflow,
      written: STRINGS.map((key, place) => set(key, place, JSON.stringify(key))),
      opened: STRINGS.map(opened),
      queued: [queued(1, ""), { ...queued(2, "sté\0p"), eventType: "Chargé\0" }],
    });
    await store.takes(commit);
    const state = STRINGS.map((key, place) => ({ key, place, value: JSON.stringify(key) }));
    await store.has(runId(1), { workflow, pending: commit.queued, waits: commit.opened, state });
    // Each can be named alone.
    let last = commit;
    for (const [at, key] of STRINGS.entries()) {
      last = after(last, { closed: key, written: [takenOut(key, at, JSON.stringify(key))] });
      await store.takes(last);
      const left = { waits: commit.opened.slice(at + 1), state: state.slice(at + 1) };
      await store.has(runId(1), left, ` after ${JSON.stringify(key)} was closed and taken out`);
    }
  },

  "texts come back character by character": async (store) => {
    const commit = first(1, {
      queued: TEXTS.map((text, at) => queued(at + 1, "charge", text)),
      opened: TEXTS.map((event, at) => ({ ...opened(`${at}`), event, expiry: event })),
      written: TEXTS.map((text, place) => set(`${place}`, place, text)),
    });
    await store.takes(commit);
    const state = TEXTS.map((value, place) => ({ key: `${place}`, place, value }));
    await store.has(runId(1), { pending: commit.queued, waits: commit.opened, state });
    for (const [at, text] of TEXTS.entries()) {
      await store.takes(first(at + 10, { status: "completed", result: text }));
      await store.has(runId(at + 10), { result: text, error: undefined });
      await store.takes(first(at + 20, { status: "failed", error: text }));
      await store.has(runId(at + 20), { error: text, result: undefined });
    }
  },

  "bytes come back as bytes, and texts as texts": async (store) => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const values = [every, Buffer.alloc(0), Buffer.from('"text"'), '"text"'];
    const commit = first(1, { written: values.map((value, place) => set(`${place}`, place, value)) });
    await store.takes(commit);
    const state = (kept: typeof values) => kept.map((value, place) => ({ key: `${place}`, place, value }));
    await store.has(runId(1), { state: state(values) });
    const turned = values.toReversed();
    await store.takes(after(commit, { written: turned.map((value, place) => set(`${place}`, place, value)) }));
    await store.has(runId(1), { state: state(turned) }, " after each key was given another value");
  },

  "large values come back": async (store) => {
    const text = JSON.stringify("é".repeat(500_000));
    const bytes = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => index % 251));
    const commit = first(1, {
      queued: [queued(1, "charge", text)],
      opened: [{ ...opened("large"), event: text }],
      written: [set("text", 0, text), set("bytes", 1, bytes)],
    });
    await store.takes(commit);
    await store.has(runId(1), {
      pending: commit.queued,
      waits: commit.opened,
      state: [
        { key: "text", place: 0, value: text },
        { key: "bytes", place: 1, value: bytes },
      ],
    });
    await store.takes(after(commit, { status: "completed", result: text }));
    await store.has(runId(1), { result: text });
  },

  "numbers come back over their whole range": async (store) => {
    const most = Number.MAX_SAFE_INTEGER;
    const commit = first(1, {
      at: -1,
      timeRemaining: most,
      lastDelivery: most,
      queued: [{ ...queued(most), attempt: 2 ** 32 - 1, sent: 2 ** 32 - 1 }],
      written: [set("last", most, "0")],
    });
    await store.takes(commit);
    await store.has(runId(1), {
      createdAt: -1,
      updatedAt: -1,
      timeRemaining: most,
      lastDelivery: most,
      pending: commit.queued,
      state: [{ key: "last", place: most, value: "0" }],
    });
    await store.takes(after(commit, { at: 0, timeRemaining: 0, status: "failed", error: "{}" }));
    await store.has(runId(1), { updatedAt: 0, timeRemaining: 0, finishedAt: 0 }, " after a commit at the time 0");
  },

  "a run that is not there is not there": async (store) => {
    await store.lacks(runId(1));
    await store.takes(first(1));
    await store.lacks(runId(2));
  },

  "a settled delivery is pending no more": async (store) => {
    const commit = full(1);
    await store.takes(commit, after(commit, { settled: settled(1), queued: [queued(3, "ship")], lastDelivery: 3 }));
    await store.has(runId(1), { pending: [...commit.queued.slice(1), queued(3, "ship")], lastDelivery: 3 });
  },

  "what a handler has sent is counted": async (store) => {
    const commit = full(1);
    const [charge, audit] = commit.queued;
    const sent = after(commit, { sent: { delivery: 1, count: 1 }, queued: [queued(3, "ship")] });
    await store.takes(commit, sent, after(sent, { sent: { delivery: 1, count: 2 } }));
    await store.has(runId(1), { pending: [{ ...charge, sent: 2 }, audit, queued(3, "ship")] as never });
  },

  "what a handler has added is kept until it settles": async (store) => {
    const commit = full(1, { lastDelivery: 3 });
    const [charge, audit] = commit.queued;
    const ship = { ...queued(3, "ship"), added: '[["k", [1]]]' };
    commit.queued.push(ship);
    const [one, other] = ["[]", '[["\\ud800",[{"json":"\u{1f600}"}]]]'];
    const added = [
      { delivery: 2, results: other },
      { delivery: 1, results: one },
      { delivery: 9, results: "[]" },
    ];
    const again = [{ delivery: 2, attempt: 4, sent: 0 }];
    const next = after(commit, { sent: { delivery: 1, count: 1 }, added, again });
    await store.takes(commit, next);
    const kept = { ...audit, attempt: 4, sent: 0, added: other };
    await store.has(runId(1), { pending: [{ ...charge, sent: 1, added: one }, kept, ship] as never });
    const more = after(next, { settled: settled(3), added: [{ delivery: 1, results: '[["",[2]]]' }] });
    await store.takes(more);
    await store.has(runId(1), { pending: [{ ...charge, sent: 1, added: '[["",[2]]]' }, kept] as never });
    const held = after(more, { settled: settled(1), held: "" });
    await store.takes(held, after(held, { settled: settled(2), done: 1 }));
    const left = [
      { ...charge, sent: 1, held: "", added: undefined },
      { ...audit, attempt: 1, sent: 0, done: 1, added: undefined },
    ];
    await store.has(runId(1), { pending: left as never });
  },

  "a delivery goes back to the queue": async (store) => {
    const commit = full(1);
    const again = [
      { delivery: 2, attempt: 4, sent: 0 },
      { delivery: 1, attempt: 2, sent: 7 },
    ];
    await store.takes(commit, after(commit, { again }));
    const [charge, audit] = commit.queued;
    await store.has(runId(1), {
      pending: [
        { ...charge, attempt: 2, sent: 7 },
        { ...audit, attempt: 4, sent: 0 },
      ] as never,
    });
  },

  "a delivery waits for its time until it is said to wait no more": async (store) => {
    const asleep = { ...queued(1), due: Number.MAX_SAFE_INTEGER };
    const commit = first(1, { queued: [asleep, queued(2)], lastDelivery: 2 });
    const later = after(commit, { again: [{ delivery: 2, attempt: 2, sent: 0, due: 0 }] });
    await store.takes(commit, later);
    await store.has(runId(1), { pending: [asleep, { ...queued(2), attempt: 2, due: 0 }] });
    await store.takes(after(later, { again: [{ delivery: 1, attempt: 1, sent: 0 }] }));
    const awake = { ...queued(1), due: undefined };
    await store.has(runId(1), { pending: [awake, { ...queued(2), attempt: 2, due: 0 }] as never });
  },

  "an event that waits for others stays until it is gathered": async (store) => {
    const commit = full(1);
    const [charge, audit] = commit.queued;
    const one = after(commit, { settled: settled(1), held: "\ud800\0" });
    const other = after(one, { settled: settled(2), held: "" });
    await store.takes(commit, one, other);
    const held = [
      { ...charge, held: "\ud800\0" },
      { ...audit, held: "" },
    ];
    await store.has(runId(1), { pending: held as never });
    const more = after(other, { queued: [queued(3), queued(4)], lastDelivery: 4, gathered: [1] });
    await store.takes(more, after(more, { settled: settled(3), gathered: [4] }));
    await store.has(runId(1), { pending: [held[1], { ...queued(4), gathered: true }] as never });
  },

  "a closed wait is open no more": async (store) => {
    const commit = full(1);
    await store.takes(commit, after(commit, { closed: "approve" }));
    await store.has(runId(1), { waits: [opened("sign")] });
  },

  "waits come back with their kind and their time": async (store) => {
    const waits = [
      opened("1"),
      { ...opened("2"), kind: "expected" as const, due: -1, expiry: '{"type":"Late"}' },
      { ...opened("3"), kind: "arrived" as const, due: 2 ** 40 },
    ];
    const commit = first(1, { opened: waits });
    await store.takes(commit);
    await store.has(runId(1), { waits: waits as never });
    await store.takes(after(commit, { closed: "2" }));
    await store.has(runId(1), { waits: [waits[0], waits[2]] as never });
  },

  "what is done stays, until it is undone or the run ends": async (store) => {
    const commit = full(1);
    const [charge, audit] = commit.queued;
    const settling = after(commit, { settled: settled(2), done: 7 });
    await store.takes(commit, settling);
    const done = { ...audit, done: 7, attempt: 1, sent: 0 };
    await store.has(runId(1), { pending: [charge, done] as never });
    const again = [{ delivery: 2, attempt: 2, sent: 0, due: 5 }];
    const ending = after(settling, { ending: '{"code":"E"}', again });
    await store.takes(ending);
    const undoing = { ...done, attempt: 2, due: 5 };
    await store.has(runId(1), { status: "running", ending: '{"code":"E"}', pending: [charge, undoing] as never });
    const paused = after(ending, { status: "paused", ending: "{}" });
    await store.takes(paused);
    await store.has(runId(1), { ending: "{}" });
    await store.takes(
      after(paused, { status: "failed", error: "{}", ending: undefined as never, settled: settled(2) }),
    );
    await store.has(runId(1), { ending: undefined, pending: [] });
  },

  "a run keeps its parent, and the code that it was given last": async (store) => {
    const parent = { runId: runId(9), depth: 3 };
    const commit = first(1, { parent });
    await store.takes(commit);
    await store.has(runId(1), { parent, code: undefined });
    const code = { version: "2", steps: '["\\u0000"]' };
    const migrated = after(commit, { code, replaces: true });
    await store.takes(migrated, after(migrated), first(2, { code: { version: "", steps: "[]" } }));
    await store.has(runId(1), { parent, code, version: 3 });
    await store.has(runId(2), { parent: undefined, code: { version: "", steps: "[]" } });
  },

  "a key that is taken out is gone": async (store) => {
    const commit = full(1);
    const written = [takenOut("n", 0, '{ "n" : 1e2 }'), takenOut("never", 9, "0")];
    await store.takes(commit, after(commit, { written }));
    await store.has(runId(1), { state: [{ key: "blob", place: 1, value: Buffer.from([0, 255, 10]) }] });
  },

  "a commit that replaces leaves nothing of what was": async (store) => {
    const commit = full(1);
    const whole = after(commit, {
      replaces: true,
      settled: settled(1),
      queued: [queued(2, "audit", "2"), queued(9, "ship", "9")],
      opened: [opened("other"), opened("sign")],
      written: [set("n", 3, "7")],
    });
    await store.takes(commit, whole);
    const state = [{ key: "n", place: 3, value: "7" }];
    await store.has(runId(1), { pending: whole.queued, waits: whole.opened, state, version: 2, createdAt: 1_000 });
  },

  "runs do not meet": async (store) => {
    const other = full(2);
    const one = full(1);
    const end = after(one, { status: "completed", written: [takenOut("n", 0, "0")] });
    await store.takes(one, other, end, first(3, { replaces: true }));
    const state = other.written.map(({ key, place, after }) => ({ key, place, value: after ?? "" }));
    await store.has(runId(2), { version: 1, pending: other.queued, waits: other.opened, state });
  },
};
