// XState: a machine whose two states invoke a promise actor each, which is how XState awaits an async handler.

import { assign, createActor, fromPromise, setup, toPromise } from "xstate";

const increment = fromPromise(async ({ input }) => ({ n: input.n + 1 }));
const keepCounter = assign({ n: ({ event }) => event.output.n });
const counterAsInput = ({ context }) => ({ n: context.n });

function loop(hops) {
  const machine = setup({ actors: { increment } }).createMachine({
    context: { n: 0 },
    initial: "ping",
    states: {
      ping: { invoke: { src: "increment", input: counterAsInput, onDone: { target: "pong", actions: keepCounter } } },
      pong: {
        invoke: {
          src: "increment",
          input: counterAsInput,
          onDone: [
            { guard: ({ event }) => event.output.n < hops, target: "ping", actions: keepCounter },
            { target: "stop", actions: keepCounter },
          ],
        },
      },
      stop: { type: "final" },
    },
    output: ({ context }) => context.n,
  });
  return () => {
    const actor = createActor(machine);
    actor.start();
    return toPromise(actor);
  };
}

export default {
  entry: "xstate",
  loop,
  twoStep: () => loop(2),

  parking() {
    const machine = setup({}).createMachine({
      context: { prompt: "Ship the order?", metadata: { order: 42 }, approved: null },
      initial: "ask",
      states: {
        ask: { on: { ANSWER: { target: "stop", actions: assign({ approved: ({ event }) => event.value }) } } },
        stop: { type: "final" },
      },
      output: ({ context }) => context.approved,
    });
    return {
      park: async () => createActor(machine).start(),
      answer(actor, value) {
        actor.send({ type: "ANSWER", value });
        return toPromise(actor);
      },
    };
  },
};
