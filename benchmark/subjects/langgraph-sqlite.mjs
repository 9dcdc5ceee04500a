// LangGraph.js with its SQLite checkpointer, promising what blazen does: each checkpoint is on the disk before the next
// step. For that, SQLite must sync every transaction (the checkpointer's build of it does not by default), and the graph
// must wait for its checkpointer (by default it runs ahead of it).

import { join } from "node:path";
import { Annotation, Command, END, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { firstEvent, isLast, nextEvent, writeProgress } from "../workload/durable-step.mjs";

const Durable = Annotation.Root({
  event: Annotation(),
  keys: Annotation({ reducer: (keys, written) => ({ ...keys, ...written }), default: () => ({}) }),
});

/** Its SQLite is a native addon, which is downloaded or compiled when it is installed; either can fail. */
async function missing() {
  try {
    SqliteSaver.fromConnString(":memory:").db.close();
    return undefined;
  } catch (error) {
    const [reason] = String(error.message).split(/ Tried:|\n/);
    return `better-sqlite3 does not load here: ${reason}`;
  }
}

async function openRuns(folder, { write = writeProgress, before } = {}) {
  const checkpointer = SqliteSaver.fromConnString(join(folder, "checkpoints.db"));
  checkpointer.setup();
  checkpointer.db.pragma("synchronous = FULL");
  const graph = new StateGraph(Durable)
    .addNode(
      "step",
      async ({ event }) => {
        await before?.(event.n, event.last);
        return new Command({
          goto: isLast(event) ? END : "step",
          update: { event: nextEvent(event), keys: write(event.n) },
        });
      },
      { ends: ["step", END] },
    )
    .addEdge(START, "step")
    .compile({ checkpointer });

  let threads = 0;
  async function run(last) {
    threads += 1;
    const { event } = await graph.invoke(
      { event: firstEvent(last) },
      { configurable: { thread_id: `thread-${threads}` }, durability: "sync", recursionLimit: last + 1 },
    );
    return event.n;
  }
  return {
    run,

    /** A thread that has ended keeps all it has written, as one that waits does. */
    async park(count, last) {
      await Promise.all(Array.from({ length: count }, () => run(last)));
    },

    close: async () => checkpointer.db.close(),
  };
}

export default { missing, openRuns };
