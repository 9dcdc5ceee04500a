// The workflow: a text is cut into pieces, the pieces are analysed a few at a time, what comes of them is collected,
// and a person has the last word before the digest is published.
//
//     start -> split -> Piece (many) -> analyse -> PieceAnalysed (many) -> collect -> AllCollected
//           -> summarise -> (somebody answers) -> publish -> stop
//
// It knows nothing of terminals and files. Everything that must survive is in an event or in `ctx.state`: with a store,
// what a handler has written and returned is on disk, as one, before any of it is acted on.

import { setTimeout as delay } from "node:timers/promises";
import { Workflow } from "blazen";
import { digestOf, merged, piecesOf, sentencesOf, statisticsOf } from "./text.mjs";

/** Pieces that are worked on at the same time, as a service with a rate limit would have it. */
const AT_ONCE = 3;
const PIECES = { atLeast: 300, atMost: 96 };

// Counting words takes microseconds. What stands in its place in earnest, such as a call of a language model, takes
// its time, and so does this example: as long as this for a piece, and no more than that for a text.
const PIECE_MS = 150;
const TEXT_MS = 2_500;

/**
 * @param {object} [options]
 * @param {number} [options.pieceMs] how long to dwell on a piece, instead of what suits the length of the text
 * @param {import("blazen").SqliteStore} [options.store] where runs are kept
 */
export function digestWorkflow({ pieceMs, store } = {}) {
  return (
    new Workflow("digest", { store })
      // A returned array is a fan-out: every event in it is delivered on its own.
      .addStep("split", ["blazen::StartEvent"], async ({ name, text }, ctx) => {
        const pieces = piecesOf(sentencesOf(text), PIECES);
        await ctx.state.set("name", name);
        await ctx.state.set("total", pieces.length);
        await ctx.writeEventToStream({ type: "Progress", done: 0, total: pieces.length });
        return pieces.map((sentences, index) => ({ type: "Piece", index, of: pieces.length, sentences }));
      })

      // Changes nothing but what it returns. So it may be cut short, by a crash or by a pause that does not wait for it,
      // which its signal tells, and be called again with `ctx.attempt` raised.
      // No more than a few are at work at a time, in all runs: the others wait, and are begun when one of them is done.
      .addStep(
        "analyse",
        ["Piece"],
        async ({ index, of, sentences }, ctx) => {
          const { signal, attempt } = ctx;
          await ctx.writeEventToStream({ type: "PieceBegun", index, attempt });
          await delay(pieceMs ?? Math.min(PIECE_MS, (TEXT_MS * AT_ONCE) / of), undefined, { signal });
          return { type: "PieceAnalysed", index, statistics: statisticsOf(sentences) };
        },
        { limit: { concurrency: AT_ONCE } },
      )

      // The fan-in. Every piece has a key of its own, and only the list of those that are there is updated by all:
      // in one go, so that two that arrive together cannot both be the last one, or neither.
      .addStep("collect", ["PieceAnalysed"], async ({ index, statistics }, ctx) => {
        await ctx.state.set(`piece ${index}`, statistics);
        const total = await ctx.state.get("total");
        const collected = await ctx.state.update("collected", (indexes) => [...new Set(indexes).add(index)]);
        await ctx.writeEventToStream({ type: "Progress", index, done: collected.length, total });
        return collected.length === total ? { type: "AllCollected" } : null;
      })

      // Pieces arrive in any order and are put together in the order of the text, so the digest of a text is the same
      // however often its run was stopped. A returned input request parks the run until somebody answers.
      .addStep("summarise", ["AllCollected"], async (_event, ctx) => {
        const total = await ctx.state.get("total");
        const parts = [];
        for (let index = 0; index < total; index++) parts.push(await ctx.state.get(`piece ${index}`));
        const digest = { name: await ctx.state.get("name"), pieces: total, ...digestOf(merged(parts)) };
        await ctx.state.set("digest", digest);
        return {
          type: "blazen::InputRequestEvent",
          request_id: "publish",
          prompt: `Publish the digest of ${digest.name} (${digest.words} words in ${digest.sentences} sentences)?`,
        };
      })

      .addStep("publish", ["blazen::InputResponseEvent"], async ({ response }, ctx) => ({
        type: "blazen::StopEvent",
        result: response === true ? await ctx.state.get("digest") : null,
      }))
  );
}

/**
 * How far a stored run has come. A piece is done when the step that analyses it has returned: then it is no more on
 * its way there, and is not done again.
 *
 * @param {import("blazen").StoredRun} stored
 */
export function progressOf({ state, pending }) {
  const total = state.get("total") ?? 0;
  return { done: total - pending.filter(({ step }) => step === "analyse").length, total };
}
