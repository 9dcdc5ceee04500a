// Processes that are killed at work, and go on as if nothing had happened. See `crash/kill.mjs` for any number of them.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { tell } from "./crash/story.mjs";
import { openReader } from "./crash/tables.mjs";

/** How many processes are killed for each durability. */
const KILLS = { sync: 300, async: 200 };
const KILLS_IN_A_STORY = 20;

const reader = await openReader();
const skip = reader === undefined && "there is no SQLite to look with: neither in Node (22.5 or later) nor in Python";
after(() => reader?.close());

describe("runs whose process is killed at random instants end as if nothing had happened", {
  skip,
  concurrency: 2,
}, () => {
  for (const [durability, kills] of Object.entries(KILLS)) {
    test(`with the durability ${durability}`, async () => {
      for (let story = 0, killed = 0; killed < kills; story += 1) {
        const seed = `test ${durability} ${story}`;
        const most = Math.min(KILLS_IN_A_STORY, kills - killed);
        const outcome = await tell(reader, { seed, kills: most, runs: 15, durability });
        assert.deepEqual(outcome.complaints, [], `seed ${JSON.stringify(seed)}, see ${outcome.folder}`);
        killed += outcome.killed;
      }
    });
  }
});

/** What the program that is killed can do wrong, and a word of what the checker says then. */
const FAULTS = {
  unlogged: ["tells nothing of an invocation", /was never invoked/],
  attempt: ["tells the same attempt after every crash", /attempt 1 once more/],
  again: ["invokes a settled delivery again", /invoked begin\/start, which had settled/],
  lost: ["loses an event that it should send", /ended with|it is failed/],
  doubled: ["sends an event twice", /settles .*, which had settled or is there twice|is so twice/],
  count: ["counts something twice", /the count is/],
  added: ["adds something up twice", /the sum of works is/],
  result: ["ends a run with another result", /instead of/],
  early: ["reports an end before it has come", /was reported to have ended/],
  unsent: ["says that an event is acknowledged before it is", /was acknowledged, and the store does not have it/],
  forgotten: ["loses what is stored", /the store does not have it|once more|which had settled/],
};

describe("the checker complains of a program that", { skip, concurrency: 2 }, () => {
  for (const [fault, [what, says]] of Object.entries(FAULTS)) {
    test(what, async () => {
      const { complaints } = await tell(reader, {
        seed: `fault ${fault}`,
        kills: 4,
        runs: 6,
        durability: "sync",
        fault,
      });
      assert.ok(
        complaints.some((complaint) => says.test(complaint)),
        `complaints: ${complaints.join("\n")}`,
      );
    });
  }

  test("does nothing wrong of nothing", async () => {
    const { complaints } = await tell(reader, { seed: "no fault", kills: 4, runs: 6, durability: "sync" });
    assert.deepEqual(complaints, []);
  });
});
