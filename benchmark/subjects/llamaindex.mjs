// LlamaIndex workflow-core: events are made by `Event.with(data)`, a run is a context, its end is read off its stream.

import { createWorkflow, workflowEvent } from "@llamaindex/workflow-core";

function loop(hops) {
  const ping = workflowEvent();
  const pong = workflowEvent();
  const stop = workflowEvent();
  const workflow = createWorkflow();
  workflow.handle([ping], async (_context, event) => pong.with({ n: event.data.n + 1 }));
  workflow.handle([pong], async (_context, event) => {
    const n = event.data.n + 1;
    return n < hops ? ping.with({ n }) : stop.with(n);
  });
  return async () => {
    const { stream, sendEvent } = workflow.createContext();
    sendEvent(ping.with({ n: 0 }));
    return (await stream.untilEvent(stop)).data;
  };
}

export default {
  entry: "@llamaindex/workflow-core",
  loop,
  twoStep: () => loop(2),

  parking() {
    const order = workflowEvent();
    const request = workflowEvent();
    const response = workflowEvent();
    const stop = workflowEvent();
    const workflow = createWorkflow();
    workflow.handle([order], async (_context, event) =>
      request.with({ prompt: "Ship the order?", metadata: event.data }),
    );
    workflow.handle([response], async (_context, event) => stop.with(event.data));
    return {
      async park() {
        const { stream, sendEvent } = workflow.createContext();
        sendEvent(order.with({ order: 42 }));
        return { sendEvent, end: stream.untilEvent(stop) };
      },
      async answer({ sendEvent, end }, value) {
        sendEvent(response.with(value));
        return (await end).data;
      },
    };
  },
};
