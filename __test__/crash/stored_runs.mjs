// The tables of a store, put together run by run in the terms of the workload: deliveries by their names.

/**
 * @param tables as read from the file
 * @param numbers the numbers of the runs by their ids
 * @returns the runs by number, and what in the tables contradicts itself
 */
export function storedRuns(tables, numbers) {
  const complaints = [];
  const runs = new Map();
  const byId = new Map();
  for (const { run: id, status, version, result, error } of tables.runs) {
    if (!numbers.has(id)) complaints.push(`the store has a run ${id} that nobody began`);
    const number = numbers.get(id);
    const run = { number, status, version, result, error, pending: new Map(), settled: new Map(), state: new Map() };
    runs.set(number, run);
    byId.set(id, { ...run, queued: new Map(), history: 0 });
  }
  for (const { run, key, value } of tables.state) {
    byId.get(run).state.set(key, typeof value === "string" ? JSON.parse(value) : Buffer.from(value.bytes, "hex"));
  }
  for (const { run: id, version, delivery, step, attempt, queued, event } of tables.history) {
    const run = byId.get(id);
    const complain = (what) => complaints.push(`run ${run.number}, version ${version}: ${what}`);
    run.history += 1;
    if (version !== run.history) complain(`is the ${run.history}th of its history`);
    if (delivery !== null) {
      const name = nameOf(step, event);
      if (run.queued.get(delivery) !== step) complain(`settles ${name}, which nobody has queued`);
      if (run.settled.has(name)) complain(`settles ${name}, which had settled or is there twice`);
      run.settled.set(name, { attempt, made: madeOf(event), version });
      run.queued.delete(delivery);
    }
    for (const { delivery, step } of JSON.parse(queued)) run.queued.set(delivery, step);
  }
  for (const { run: id, delivery, step, event } of tables.pending) {
    const run = byId.get(id);
    const name = nameOf(step, event);
    const complain = (what) => complaints.push(`run ${run.number}: ${name} is pending, and ${what}`);
    if (run.pending.has(name)) complain("is so twice");
    if (run.settled.has(name)) complain("has settled");
    if (run.queued.get(delivery) !== step) complain("nobody has queued it");
    run.pending.set(name, { made: madeOf(event) });
    run.queued.delete(delivery);
  }
  for (const run of byId.values()) {
    const complain = (what) => complaints.push(`run ${run.number}: ${what}`);
    if (run.history !== run.version) complain(`is at version ${run.version}, and its history has ${run.history}`);
    if (run.status !== "running" && run.pending.size > 0) complain(`is ${run.status}, and has something pending`);
    if (run.status === "running" && run.queued.size > 0) complain(`has lost ${[...run.queued.values()]}`);
  }
  if (tables.integrity.some(({ integrity_check }) => integrity_check !== "ok")) complaints.push("the file is damaged");
  return { runs, complaints };
}

function nameOf(step, event) {
  const { response, key } = JSON.parse(event);
  return `${step}/${response?.key ?? key ?? "start"}`;
}

function madeOf(event) {
  const { response, made } = JSON.parse(event);
  return response?.made ?? made;
}
