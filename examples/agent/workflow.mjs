// The agent: a model is asked, the tools that it calls are run, and it is told what came of them, until it has an answer.
//
//     start -> begin -> Round -> ask -> stop
//                                 |
//                                 Call (many) -> permit -> PermittedCall -> work -> CallDone (many) -> collect -> Round
//                                                  |             |            |         |
//                                                  (a person) -> decide       CallFailed -> tell
//
// What has settled is in the store: a crash in the third round costs no question of the first two, and no tool that had
// run is run again. The whole conversation is one list in `ctx.state`.

import { Workflow } from "blazen";

const MOST_ROUNDS = 8;
const TOOLS_AT_ONCE = 4;
const ASK = { retry: { maxAttempts: 5, initialDelayMs: 500, jitter: 0.2 }, timeout: 120_000 };
const WORK = { concurrency: TOOLS_AT_ONCE, timeout: 60_000, onFailure: "CallFailed" };

const INSTRUCTIONS =
  "You look after a folder of notes. Use the tools, call several at once where you can, and be brief.";

/**
 * @param {object} options
 * @param {import("./chat_model.mjs").ChatModel} options.model
 * @param {import("./toolbox.mjs").Toolbox} options.toolbox
 * @param {import("blazen").SqliteStore} [options.store] where runs are kept
 */
export function agentWorkflow({ model, toolbox, store }) {
  return (
    new Workflow("agent", { store })
      .addStep("begin", ["blazen::StartEvent"], async ({ task }, ctx) => {
        const conversation = [
          { role: "system", content: INSTRUCTIONS },
          { role: "user", content: task },
        ];
        await ctx.state.append("messages", ...conversation);
        return { type: "Round", round: 1 };
      })

      // The message and the calls in it are one commit: either the model is asked again, or never.
      .addStep(
        "ask",
        ["Round"],
        async ({ round }, ctx) => {
          const isLast = round === MOST_ROUNDS;
          await ctx.writeEventToStream({ type: "RoundBegun", round, attempt: ctx.attempt });
          const message = await model.answer(await ctx.state.get("messages"), {
            tools: toolbox.descriptions,
            mayCall: !isLast,
            signal: ctx.signal,
            onText: (text) => ctx.writeEventToStream({ type: "Text", text }),
          });
          await ctx.state.append("messages", message);

          const calls = message.tool_calls ?? [];
          if (calls.length === 0 || isLast) {
            return { type: "blazen::StopEvent", result: { answer: message.content, rounds: round } };
          }
          return calls.map((call, index) => ({ type: "Call", call, index, of: calls.length, round }));
        },
        ASK,
      )

      // What could do harm waits for a person, and the other calls of the round do not wait for that.
      .addStep("permit", ["Call"], async (event, ctx) => {
        const { name, arguments: given } = event.call.function;
        if (!toolbox.isDangerous(name)) return { ...event, type: "PermittedCall" };
        const request_id = `round ${event.round}, call ${event.index}`;
        await ctx.state.set(request_id, event);
        return { type: "blazen::InputRequestEvent", request_id, prompt: `May I call ${name} with ${given}?` };
      })

      .addStep("decide", ["blazen::InputResponseEvent"], async ({ request_id, response }, ctx) => {
        const event = await ctx.state.get(request_id);
        await ctx.state.remove(request_id);
        if (response === true) return { ...event, type: "PermittedCall" };
        return { ...event, type: "CallDone", content: "refused by the user" };
      })

      // A crash after the tool and before the commit runs it once more, so tools must be safe to repeat.
      .addStep(
        "work",
        ["PermittedCall"],
        async (event, ctx) => {
          const { name, arguments: given } = event.call.function;
          await ctx.writeEventToStream({ type: "CallBegun", name, given, attempt: ctx.attempt });
          return { ...event, type: "CallDone", content: await toolbox.call(name, given, { signal: ctx.signal }) };
        },
        WORK,
      )

      // A tool that fails is no reason to give up: the model is told, and may find another way.
      .addStep("tell", ["CallFailed"], ({ error, event }) => ({
        ...event,
        type: "CallDone",
        content: `failed: ${error.message}`,
      }))

      // Calls are done in any order, and told of in the order in which the model made them.
      .addStep("collect", ["CallDone"], async (event, ctx) => {
        const { call, content, of, round } = event;
        await ctx.writeEventToStream({ type: "CallDone", name: call.function.name, content });
        const done = await ctx.collectEvents(event, { CallDone: of }, { key: `round ${round}` });
        if (done === null) return null;

        const results = done
          .sort((one, other) => one.index - other.index)
          .map(({ call, content }) => ({ role: "tool", tool_call_id: call.id, content }));
        await ctx.state.append("messages", ...results);
        return { type: "Round", round: round + 1 };
      })
  );
}

/**
 * The task of a stored run, and how many rounds it has behind it.
 *
 * @param {import("blazen").StoredRun} stored
 */
export function progressOf({ state, pending }) {
  const messages = state.get("messages") ?? [];
  const asked = messages.find(({ role }) => role === "user");
  return {
    task: asked === undefined ? pending[0].event.task : asked.content,
    rounds: messages.filter(({ role }) => role === "assistant").length,
  };
}
