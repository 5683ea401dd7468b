import { held, insist, eventually, pause as rest, type FaultRun } from './support/fault-run.js';
import { settleAndJudge } from './support/judge.js';

/** Of one turn of the loop. */
const MOST_MS = 5;

export const largeSnapshots: FaultRun = {
  row: 21,
  name: '21-large-snapshots',
  invariant: 'a large snapshot blocks nobody',
  fault: 'clients that subscribe to many records at once, while others change',
  async run(context) {
    const records = context.size(5_000, 20_000, 1_000);
    const clients = context.size(10, 50, 4);
    const repository = context.repository();
    const work = context.workload(repository, {
      idsPerKind: Math.ceil(records / 7),
      inPlace: 0,
      removals: 0,
      padding: 150,
    });
    for (let i = 0; i < records; i++) work.write('task', `t${String(i)}`);
    const bus = await context.bus(repository.root, { measuresTurns: context.isMeasured });
    const witness = context.observer('witness', { address: () => bus.endpoint });
    await eventually('the witness is live', () => witness.isLive);
    await rest(500);
    const lives = Array.from({ length: clients }, (_, i) =>
      context.observer(`c${String(i)}`, { address: () => bus.endpoint, waits: true }),
    );
    // To connect is work of another kind.
    await eventually('all are connected', () => lives.every((life) => life.connections === 1));
    await bus.ask();
    for (const life of lives) life.subscribe();
    await work.keepUp(300);
    await eventually('all have their snapshot', () => lives.every((life) => life.isLive), 60_000);
    const { turns = [] } = await bus.ask();
    await settleAndJudge(bus, work.operations, [witness, ...lives]);
    const over = turns.filter(({ workMs }) => workMs > MOST_MS);
    const longest = turns.slice(0, 3).map(({ workMs }) => workMs.toFixed(1));
    const pause = Math.max(0, ...turns.map(({ collectorMs }) => collectorMs)).toFixed(1);
    const note = `${String(over.length)} turns over ${String(MOST_MS)} ms, the longest ${longest.join(', ')} ms; the collector's longest pause ${pause} ms`;
    insist(over.length === 0, () => note);
    return held(clients, context.isMeasured ? `${records.toLocaleString('en')} records; ${note}` : undefined);
  },
};
