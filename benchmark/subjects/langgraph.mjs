// LangGraph.js in memory: nodes return state updates, the counter is a last-value channel. No checkpointer where none is
// needed, so that its cost is not charged to the hop; MemorySaver where a run has to wait, since an interrupt needs one.

import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph";

const Counter = Annotation.Root({ n: Annotation() });

/** Each node names its successor itself: a `Command` does what a returned event does, and costs less than an edge. */
function loop(hops) {
  const graph = new StateGraph(Counter)
    .addNode("ping", async (state) => new Command({ goto: "pong", update: { n: state.n + 1 } }), { ends: ["pong"] })
    .addNode(
      "pong",
      async (state) => {
        const n = state.n + 1;
        return new Command({ goto: n < hops ? "ping" : END, update: { n } });
      },
      { ends: ["ping", END] },
    )
    .addEdge(START, "ping")
    .compile();
  return async () => (await graph.invoke({ n: 0 }, { recursionLimit: hops + 1 })).n;
}

export default {
  entry: "@langchain/langgraph",
  loop,

  /** A sequence needs no choice: plain edges, as anybody would write it. */
  twoStep() {
    const increment = async (state) => ({ n: state.n + 1 });
    const graph = new StateGraph(Counter)
      .addNode("ping", increment)
      .addNode("pong", increment)
      .addEdge(START, "ping")
      .addEdge("ping", "pong")
      .addEdge("pong", END)
      .compile();
    return async () => (await graph.invoke({ n: 0 })).n;
  },

  parking() {
    const Approval = Annotation.Root({ order: Annotation(), approved: Annotation() });
    const graph = new StateGraph(Approval)
      .addNode("ask", async () => ({ approved: interrupt({ prompt: "Ship the order?", metadata: { order: 42 } }) }))
      .addNode("decide", async (state) => ({ approved: state.approved }))
      .addEdge(START, "ask")
      .addEdge("ask", "decide")
      .addEdge("decide", END)
      .compile({ checkpointer: new MemorySaver() });
    let threads = 0;
    return {
      async park() {
        threads += 1;
        const config = { configurable: { thread_id: `thread-${threads}` } };
        await graph.invoke({ order: 42 }, config);
        return config;
      },
      answer: async (config, value) => (await graph.invoke(new Command({ resume: value }), config)).approved,
    };
  },
};
