import { held, insist, eventually, pause, type FaultRun } from './support/fault-run.js';
import { settleAndJudge } from './support/judge.js';

export const largeSnapshots: FaultRun = {
  row: 21,
  name: '21-large-snapshots',
  invariant: 'a large snapshot blocks nobody',
  fault: 'clients that subscribe to many records at once, while others change',
  async run(context) {
    const records = context.size(5_000, 20_000);
    const clients = context.size(10, 50);
    const repository = context.repository();
    const work = context.workload(repository, {
      idsPerKind: Math.ceil(records / 7),
      inPlace: 0,
      removals: 0,
      padding: 150,
    });
    for (let i = 0; i < records; i++) work.write('task', `t${String(i)}`);
    const bus = await context.bus(repository.root);
    const witness = context.observer('witness', { address: () => bus.endpoint });
    await eventually('the witness is live', () => witness.isLive);
    await pause(500);
    await bus.ask();
    await pause(1_000);
    const idle = await bus.ask();
    const lives = Array.from({ length: clients }, (_, i) =>
      context.observer(`c${String(i)}`, { address: () => bus.endpoint }),
    );
    await work.keepUp(300);
    await eventually('all have their snapshot', () => lives.every((life) => life.isLive), 60_000);
    const busy = await bus.ask();
    await settleAndJudge(bus, work.operations, [witness, ...lives]);
    // The loop's timer is late by what the machine's other work takes, too.
    insist(busy.loopP99Ms < 50, () => `the loop was late by ${busy.loopP99Ms.toFixed(1)} ms`);
    const late = `timer late at most ${busy.loopMaxMs.toFixed(1)} ms, p99 ${busy.loopP99Ms.toFixed(1)} ms`;
    return held(clients, `${records.toLocaleString('en')} records: ${late} (idle ${idle.loopMaxMs.toFixed(1)} ms)`);
  },
};
