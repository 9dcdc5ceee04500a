// DBOS on a Postgres of its own. A step's output is the next event and what the step has written, kept in one row: DBOS
// has no state beside that, and setting one of its events besides would be a second write.

import { DBOS } from "@dbos-inc/dbos-sdk";
import { missingPostgres, startPostgres } from "../harness/postgres.mjs";
import { firstEvent, isLast, nextEvent, writeProgress } from "../workload/durable-step.mjs";

async function steps(last) {
  let event = firstEvent(last);
  for (;;) {
    const { n } = event;
    const output = await DBOS.runStep(async () => ({ event: nextEvent(event), keys: writeProgress(n) }), {
      name: "step",
    });
    if (isLast(event)) {
      return output.event.n;
    }
    event = output.event;
  }
}

async function openRuns(folder) {
  const server = await startPostgres(folder);
  const workflow = DBOS.registerWorkflow(steps, { name: "steps" });
  DBOS.setConfig({ name: "benchmark", systemDatabaseUrl: server.url, logLevel: "error" });
  await DBOS.launch();
  return {
    async run(last) {
      const handle = await DBOS.startWorkflow(workflow)(last);
      return handle.getResult();
    },
    async close() {
      await DBOS.shutdown();
      await server.stop();
    },
  };
}

export default { missing: async () => missingPostgres(), openRuns };
