// Stores with something wrong, each with the promise that must find it.

import { MapStore } from "./map_store.mjs";

const same = (value) => value;

/** A MapStore behind something that spoils what goes in or what comes out. */
function spoilt({ commit = same, run = same, query = same, page = same, answers = same, stream = same, asked = same }) {
  const store = new MapStore();
  return {
    commit: async (commits) => answers(await store.commit(commits.map(commit)), commits),
    load: async (runId) => run(await store.load(runId), runId),
    runs: async (asked) => page(await store.runs(query(asked)), asked),
    stream: async (runId, from, limit) => stream(await store.stream(runId, ...asked([from, limit])), runId),
  };
}

/** One that changes the fields of every commit. */
const takes = (change) => () => spoilt({ commit: (commit) => ({ ...commit, ...change(commit) }) });
/** One that changes the fields of every run that there is. */
const gives = (change) => () => spoilt({ run: (run) => run && { ...run, ...change(run) } });
/** One that changes what it says of runs. */
const lists = (change) => () => spoilt({ page: change });
/** The same, run by run. */
const listsRuns = (change) => lists((page) => ({ ...page, runs: page.runs.map(change) }));
/** One that changes the events of every stream that there is. */
const streams = (change) => () => spoilt({ stream: (events, runId) => events && change(events, runId) });
/** One that keeps streams in its own way: `next` is what a commit makes of one. */
const keepsStreams = (next) => () => {
  const kept = new Map();
  const store = spoilt({
    commit: (commit) => {
      kept.set(commit.runId, next(kept.get(commit.runId) ?? [], commit));
      return commit;
    },
  });
  return { ...store, stream: async (runId, from, limit) => kept.get(runId)?.slice(from, from + limit) ?? null };
};
/** One that handles batches in its own way. */
const commits = (commit) => () => {
  const store = new MapStore();
  return {
    commit: (batch) => commit(store, batch),
    load: (runId) => store.load(runId),
    runs: (query) => store.runs(query),
    stream: (runId, from, limit) => store.stream(runId, from, limit),
  };
};

const compare = (a, b) => (a < b ? -1 : 1);
const hasEnded = ({ status }) => status !== "running" && status !== "paused";

export const FAULTS = {
  "a run comes back with everything that was in it": {
    "gives null for what is not there": gives(({ result = null }) => ({ result })),
    "forgets the limit": gives(() => ({ timeRemaining: undefined })),
    "keeps the limit that was taken away": () => {
      const limits = new Map();
      return spoilt({
        commit: (commit) => {
          if (commit.timeRemaining) limits.set(commit.runId, commit.timeRemaining);
          return commit;
        },
        run: (run, runId) => run && { ...run, timeRemaining: limits.get(runId) },
      });
    },
    "gives versions as a database gives large integers": gives(({ version }) => ({ version: BigInt(version) })),
    "gives times as Dates": gives(({ createdAt }) => ({ createdAt: new Date(createdAt) })),
  },
  "a delivery waits for its time until it is said to wait no more": {
    "forgets when a delivery is due": gives(({ pending }) => ({
      pending: pending.map(({ due: _, ...rest }) => rest),
    })),
    "takes the time 0 for none": gives(({ pending }) => ({
      pending: pending.map((delivery) => ({ ...delivery, due: delivery.due || undefined })),
    })),
    "keeps the time of a delivery that waits no more": () => {
      const due = new Map();
      return spoilt({
        commit: (commit) => {
          for (const one of [...commit.queued, ...commit.again])
            if (one.due !== undefined) due.set(one.delivery, one.due);
          return commit;
        },
        run: (run) => run && { ...run, pending: run.pending.map((one) => ({ ...one, due: due.get(one.delivery) })) },
      });
    },
  },
  "an event that waits for others stays until it is gathered": {
    "takes the empty key for none": takes(({ held }) => (held === "" ? { held: undefined } : {})),
    "keeps what was gathered": takes(() => ({ gathered: [] })),
    "forgets what is at work when it was gathered": gives(({ pending }) => ({
      pending: pending.filter(({ gathered }) => !gathered),
    })),
  },
  "strings come back unit by unit": {
    "makes keys well-formed": gives(({ state }) => ({
      state: state.map((kept) => ({ ...kept, key: kept.key.toWellFormed() })),
    })),
    "ends keys at NUL": gives(({ state }) => ({
      state: state.map((kept) => ({ ...kept, key: kept.key.split("\0")[0] })),
    })),
    "keeps the state in a plain object": gives(({ state }) => {
      const kept = {};
      for (const { key, ...rest } of state) kept[key] = rest;
      return { state: Object.entries(kept).map(([key, rest]) => ({ key, ...rest })) };
    }),
    "takes the empty key for none": gives(({ state }) => ({ state: state.filter(({ key }) => key) })),
    "normalizes the ids of waits": takes(({ opened }) => ({
      opened: opened.map((request) => ({ ...request, id: request.id.normalize() })),
    })),
    "cannot keep NUL in names": takes(({ queued }) => ({
      queued: queued.map((delivery) => ({ ...delivery, step: delivery.step.replaceAll("\0", "") })),
    })),
  },
  "texts come back character by character": {
    "reads and writes JSON anew": gives(({ state }) => ({
      state: state.map((kept) =>
        typeof kept.value === "string" ? { ...kept, value: JSON.stringify(JSON.parse(kept.value)) } : kept,
      ),
    })),
    "takes the text null for nothing": gives(({ result }) => ({ result: result === "null" ? undefined : result })),
  },
  "bytes come back as bytes, and texts as texts": {
    "gives bytes in base64": gives(({ state }) => ({
      state: state.map((kept) => ({
        ...kept,
        value: typeof kept.value === "string" ? kept.value : kept.value.toString("base64"),
      })),
    })),
    "takes no bytes for a key taken out": gives(({ state }) => ({ state: state.filter(({ value }) => value.length) })),
  },
  "large values come back": {
    "keeps 64 KB of an event": takes(({ queued }) => ({
      queued: queued.map((delivery) => ({ ...delivery, event: delivery.event.slice(0, 65_535) })),
    })),
    "keeps 1,000,000 bytes": gives(({ state }) => ({
      state: state.map((kept) => ({ ...kept, value: kept.value.slice(0, 1_000_000) })),
    })),
  },
  "numbers come back over their whole range": {
    "keeps 32 bits of a limit": takes(({ timeRemaining }) =>
      timeRemaining === undefined ? {} : { timeRemaining: timeRemaining | 0 },
    ),
    "takes the time 0 for none": gives(({ finishedAt }) => ({ finishedAt: finishedAt || undefined })),
  },
  "a run that is not there is not there": {
    "gives something for every id": () => spoilt({ run: (run, runId) => run ?? { runId, version: 0 } }),
    "gives undefined": () => spoilt({ run: (run) => run ?? undefined }),
  },
  "a settled delivery is pending no more": { "forgets what settled": takes(() => ({ settled: undefined })) },
  "what a handler has sent is counted": { "does not count": takes(() => ({ sent: undefined })) },
  "what a handler has added is kept until it settles": {
    "forgets what was added": takes(() => ({ added: [] })),
    "keeps only what comes with a delivery": takes(({ queued }) => ({
      added: [],
      queued: queued.map((delivery) => ({ ...delivery, added: delivery.added ?? "[]" })),
    })),
    "forgets what was added when it is attempted again": gives(({ pending }) => ({
      pending: pending.map((one) => (one.attempt > 3 ? { ...one, added: undefined } : one)),
    })),
    "keeps it for ever": () => {
      const kept = new Map();
      return spoilt({
        commit: (commit) => {
          for (const { delivery, results } of commit.added) kept.set(delivery, results);
          return commit;
        },
        run: (run) =>
          run && {
            ...run,
            pending: run.pending.map((one) => ({ ...one, added: kept.get(one.delivery) ?? one.added })),
          },
      });
    },
  },
  "a delivery goes back to the queue": {
    "forgets the attempts": takes(() => ({ again: [] })),
    "forgets what was sent": takes(({ again }) => ({ again: again.map(({ sent: _, ...rest }) => rest) })),
  },
  "a closed wait is open no more": { "waits for ever": takes(() => ({ closed: undefined })) },
  "waits come back with their kind and their time": {
    "takes all of them for questions": gives(({ waits }) => ({
      waits: waits.map((wait) => ({ ...wait, kind: "input" })),
    })),
    "keeps no time before 1970": gives(({ waits }) => ({
      waits: waits.map(({ due, ...wait }) => (due > 0 ? { ...wait, due } : wait)),
    })),
    "forgets what goes out in the end": takes(({ opened }) => ({
      opened: opened.map((wait) => ({ ...wait, expiry: undefined })),
    })),
  },
  "what is done stays, until it is undone or the run ends": {
    "forgets what is done": takes(() => ({ done: undefined })),
    "goes on counting attempts": gives(({ pending }) => ({
      pending: pending.map((one) => (one.done === undefined ? one : { ...one, attempt: one.attempt + 2 })),
    })),
    "forgets why": takes(() => ({ ending: undefined })),
  },
  "a run keeps its parent, and the code that it was given last": {
    "forgets the parent": takes(() => ({ parent: undefined })),
    "keeps the first code": takes(({ version }) => (version === 1 ? {} : { code: undefined })),
    "forgets the code with the next commit": gives(({ version, code }) => ({ code: version === 3 ? undefined : code })),
  },
  "a key that is taken out is gone": {
    "only ever sets keys": takes(({ written }) => ({ written: written.filter(({ after }) => after !== undefined) })),
  },
  "a commit that replaces leaves nothing of what was": { "only ever adds": takes(() => ({ replaces: false })) },
  "runs do not meet": {
    "settles, takes out and ends by number and name, whatever the run": () => {
      const takenOut = new Set();
      return spoilt({
        commit: (commit) => {
          for (const { key, after } of commit.written) after ?? takenOut.add(key);
          return commit;
        },
        run: (run) => run && { ...run, state: run.state.filter(({ key }) => !takenOut.has(key)) },
      });
    },
  },
  "what is pending comes in the order of the deliveries": {
    "orders numbers as texts": gives(({ pending }) => ({
      pending: pending.toSorted((a, b) => compare(String(a.delivery), String(b.delivery))),
    })),
  },
  "waits come in the order in which they were opened": {
    "orders them by id": gives(({ waits }) => ({ waits: waits.toSorted((a, b) => compare(a.id, b.id)) })),
  },
  "the state comes in the order of the places": {
    "orders it by key": gives(({ state }) => ({ state: state.toSorted((a, b) => compare(a.key, b.key)) })),
    "orders places as texts": gives(({ state }) => ({
      state: state.toSorted((a, b) => compare(String(a.place), String(b.place))),
    })),
  },
  "a run is created once": {
    "begins anew": commits(async (store, batch) => {
      const answers = await store.commit(batch);
      return answers.map((answer, at) => (batch[at].version === 1 ? null : answer));
    }),
    "says that nothing is stored": () =>
      spoilt({ answers: (answers) => answers.map((answer) => answer && { storedVersion: 0 }) }),
  },
  "only the next version is taken": {
    "takes what conflicts": commits(async (store, batch) => {
      const answers = [];
      for (const commit of batch) {
        const [refusal] = await store.commit([commit]);
        if (refusal) await store.commit([{ creates: "orders", ...commit, version: refusal.storedVersion + 1 }]);
        answers.push(null);
      }
      return answers;
    }),
    "refuses without a word": () =>
      spoilt({ answers: (answers) => answers.map((answer) => answer && { reason: "conflict" }) }),
    "leaves gaps": commits(async (store, batch) => {
      const [refusal] = await store.commit(batch);
      return refusal && batch[0].version > refusal.storedVersion + 1 ? [null] : [refusal];
    }),
  },
  "a refused commit changes nothing, and the others are taken": {
    "stops where it refuses": commits(async (store, batch) => {
      const answers = await store.commit(batch);
      const refused = answers.findIndex((answer) => answer !== null);
      return refused < 0
        ? answers
        : answers.map((answer, at) => (at < refused ? null : (answer ?? { storedVersion: 1 })));
    }),
    "takes all back when it refuses one": commits(async (store, batch) => {
      const before = await Promise.all(batch.map(({ runId }) => store.load(runId)));
      const storedVersions = before.map((run) => run?.version ?? 0);
      const fits = batch.every(({ version }, at) => version === storedVersions[at] + 1 || batch.length > 3);
      return fits ? store.commit(batch) : storedVersions.map((storedVersion) => ({ storedVersion }));
    }),
    "tells only of what it refuses": () =>
      spoilt({ answers: (answers) => answers.filter((answer) => answer !== null) }),
    "writes the state before it looks at the version": () => {
      const late = new Map();
      return spoilt({
        commit: (commit) => {
          for (const { key, after } of commit.written) late.set(commit.runId + key, after);
          return commit;
        },
        run: (run) =>
          run && {
            ...run,
            state: run.state.map((kept) => ({ ...kept, value: late.get(run.runId + kept.key) ?? kept.value })),
          },
      });
    },
  },
  "a batch can have many commits of one run": {
    "looks at versions before it takes any": commits(async (store, batch) => {
      const before = await Promise.all(batch.map(({ runId }) => store.load(runId)));
      const answers = await store.commit(batch);
      return answers.map((answer, at) => {
        const storedVersion = before[at]?.version ?? 0;
        return batch[at].version === storedVersion + 1 ? answer : { storedVersion };
      });
    }),
  },
  "a batch can have commits of many runs": {
    "takes half a batch": commits(async (store, batch) => {
      await store.commit(batch.slice(0, Math.ceil(batch.length / 2)));
    }),
    "takes as many as its database has parameters": commits(async (store, batch) => {
      if (batch.length > 500) throw new Error("too many SQL variables");
      return store.commit(batch);
    }),
  },
  "a batch can be empty": {
    fails: commits(async (store, batch) => {
      if (batch.length === 0) throw new SyntaxError('near ")": syntax error');
      return store.commit(batch);
    }),
  },
  "an ended run has nothing pending and nothing open": {
    "never empties it": () => {
      const last = new Map();
      return spoilt({
        commit: (commit) => {
          last.set(commit.runId, commit.queued);
          return commit;
        },
        run: (run, runId) => run && { ...run, pending: hasEnded(run) ? last.get(runId) : run.pending },
      });
    },
  },
  "an ended run keeps its state and how it ended": {
    "empties everything": gives((run) => (hasEnded(run) ? { state: [] } : {})),
    "forgets the result": takes(() => ({ result: undefined })),
    "forgets when": gives(() => ({ finishedAt: undefined })),
    "keeps no writes of the last commit": takes((commit) => (hasEnded(commit) ? { written: [] } : {})),
  },
  "a run that goes on after its end is unfinished again": {
    "ends for ever": () => {
      const ends = new Map();
      return spoilt({
        run: (run, runId) => {
          if (run?.finishedAt !== undefined) ends.set(runId, run.finishedAt);
          return run && { ...run, finishedAt: ends.get(runId) };
        },
      });
    },
    "ends with the last commit": gives((run) => (hasEnded(run) ? { finishedAt: run.updatedAt } : {})),
  },
  "runs are found by workflow and status, in both orders": {
    "does not look at the status": () => spoilt({ query: ({ status: _, ...query }) => query }),
    "does not look at the workflow": () => spoilt({ query: ({ workflow: _, ...query }) => query }),
    "knows one order": () => spoilt({ query: (query) => ({ ...query, order: "oldest-first" }) }),
    "orders by id": lists(({ runs, ...page }) => ({
      ...page,
      runs: runs.toSorted((a, b) => compare(a.runId, b.runId)),
    })),
    "looks for the status after it has cut the page": () =>
      spoilt({
        query: ({ status: _, ...query }) => query,
        page: ({ runs, ...page }, { status }) => ({
          ...page,
          runs: runs.filter((run) => status === undefined || run.status === status || run.status === "paused"),
        }),
      }),
  },
  "pages meet without gaps, also while runs are added": {
    "has a page after the last": lists((page, { limit }) =>
      page.runs.length === limit ? { next: page.runs.at(-1).row, ...page } : page,
    ),
    "always begins at the first page": () => spoilt({ query: ({ after: _, ...query }) => query }),
    "gives one more than was asked for": () => spoilt({ query: (query) => ({ ...query, limit: query.limit + 1 }) }),
    "never has a next page": lists(({ runs }) => ({ runs })),
    "gives what it keeps in the row": lists((page) => (page.next ? { ...page, next: `${page.next}` } : page)),
    "counts how many were given": () => {
      // As OFFSET does: a run that is added moves all the others.
      const store = new MapStore();
      return {
        commit: (batch) => store.commit(batch),
        load: (runId) => store.load(runId),
        runs: async ({ after = 0, limit, ...query }) => {
          const { runs } = await store.runs({ ...query, limit: 1_000 });
          const rest = runs.slice(after);
          return rest.length > limit ? { runs: rest.slice(0, limit), next: after + limit } : { runs: rest };
        },
      };
    },
  },
  "a run is listed as it rests with its last commit": {
    "says that all wait": listsRuns((run) => ({ ...run, waiting: true })),
    "knows no time to wake": listsRuns((run) => ({ ...run, wakesAt: undefined })),
    "keeps the time of an earlier commit": () => {
      const wakesAt = new Map();
      return spoilt({
        commit: (commit) => {
          if (commit.wakesAt !== undefined) wakesAt.set(commit.runId, commit.wakesAt);
          return commit;
        },
        page: (page) => ({ ...page, runs: page.runs.map((run) => ({ ...run, wakesAt: wakesAt.get(run.runId) })) }),
      });
    },
  },
  "a summary says what the run says": {
    "gives times as texts": listsRuns((run) => ({ ...run, updatedAt: new Date(run.updatedAt).toISOString() })),
    "knows no parents": listsRuns((run) => ({ ...run, parent: undefined })),
    "knows no ends": listsRuns((run) => ({ ...run, finishedAt: undefined })),
  },
  "a stream comes in the order in which it was written": {
    "gives the newest first": streams((events) => events.toReversed()),
    "orders events as texts": streams((events) => events.toSorted()),
    "has an empty stream for every id": () => spoilt({ stream: (events) => events ?? [] }),
    "keeps the last commit's": keepsStreams((events, { streamed }) => (streamed.length > 0 ? streamed : events)),
  },
  "a stream is read from any offset, a page at a time": {
    "always begins at the first event": () => spoilt({ asked: ([, limit]) => [0, limit] }),
    "gives one more than was asked for": () => spoilt({ asked: ([from, limit]) => [from, limit + 1] }),
    "begins behind the offset": () => spoilt({ asked: ([from, limit]) => [from + 1, limit] }),
    "takes the end for a run that is not there": () =>
      spoilt({ stream: (events) => (events?.length === 0 ? null : events) }),
  },
  "the events of a stream come back character by character": {
    "reads and writes JSON anew": streams((events) => events.map((event) => JSON.stringify(JSON.parse(event)))),
    "gives what the texts say": streams((events) => events.map((event) => JSON.parse(event))),
  },
  "a stream grows with the commits that are taken, and only then": {
    "appends before it looks at the version": keepsStreams((events, { streamed }) => [...events, ...streamed]),
  },
  "a stream outlasts what is replaced, and the end of its run": {
    "replaces it as well": keepsStreams((events, { replaces, streamed }) => [...(replaces ? [] : events), ...streamed]),
    "streams nothing with the end": takes((commit) => (hasEnded(commit) ? { streamed: [] } : {})),
  },
  "a run says how many events its stream has": {
    "does not say": gives(() => ({ streamed: undefined })),
    "gives what it counts in as a text": gives(({ streamed }) => ({ streamed: String(streamed) })),
  },
  "a stream is there when the store is opened again": { "keeps nothing": () => new MapStore() },
  "what was taken is there when the store is opened again": {
    "keeps nothing": () => new MapStore(),
  },
  "a long random schedule is answered as by the model": {
    "forgets how often a large delivery was attempted": takes(({ queued }) => ({
      queued: queued.map((delivery) => (delivery.event.length > 9_000 ? { ...delivery, attempt: 1 } : delivery)),
    })),
    "does not replace a state with an end": takes((commit) => (hasEnded(commit) ? { replaces: false } : {})),
    "takes a delivery to be one of those that it queues": gives(({ pending }) => ({
      pending: pending.filter(({ delivery }, at) => at < 6 || delivery % 2 === 0),
    })),
  },
};

/** Opens a store that keeps nothing. */
export const reopenEmpty = () => new MapStore();
