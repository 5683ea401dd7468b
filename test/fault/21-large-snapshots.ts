import { held, insist, eventually, pause, type FaultRun } from './support/fault-run.js';
import { settleAndJudge } from './support/judge.js';

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
    await pause(500);
    await bus.ask();
    const lives = Array.from({ length: clients }, (_, i) =>
      context.observer(`c${String(i)}`, { address: () => bus.endpoint }),
    );
    await work.keepUp(300);
    await eventually('all have their snapshot', () => lives.every((life) => life.isLive), 60_000);
    const { worstTurnsMs, turnsOver5Ms } = await bus.ask();
    await settleAndJudge(bus, work.operations, [witness, ...lives]);
    const worst = worstTurnsMs.slice(0, 3).map((turn) => turn.toFixed(1));
    // The collector runs inside some turn or other.
    insist(turnsOver5Ms <= clients, () => `${String(turnsOver5Ms)} turns over 5 ms: ${worstTurnsMs.join(', ')}`);
    return held(
      clients,
      `${records.toLocaleString('en')} records; ${String(turnsOver5Ms)} turns over 5 ms of processor time, the longest ${worst.join(', ')} ms`,
    );
  },
};
