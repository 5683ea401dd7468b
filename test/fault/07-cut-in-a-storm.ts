import { held, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

export const cutInAStorm: FaultRun = {
  row: 7,
  name: '07-cut-in-a-storm',
  invariant: 'one transition, one revision; a snapshot is one cut',
  fault: 'a storm of renames while clients subscribe',
  async run(context) {
    const subscribes = context.size(40, 600, 5);
    const repository = context.repository();
    const bus = await context.bus(repository.root);
    const work = context.workload(repository, { idsPerKind: 300, inPlace: 0, padding: 100 });
    work.steps(context.size(2_000, 2_000, 400));
    const witness = context.observer('witness', { address: () => bus.endpoint });
    await until('the witness is live', () => witness.isLive);
    const joined = [];
    for (let i = 0; i < subscribes; i++) {
      const filter = i % 3 === 0 ? { run_ids: ['run-1', 'run-2'] } : {};
      const observer = context.observer(`subscriber ${String(i)}`, { address: () => bus.endpoint, filter });
      joined.push(observer);
      for (let burst = 0; !observer.isLive && burst < context.size(500, 500, 40); burst++) await work.keepUp(25, 25);
      if (i % 20 !== 19 && i !== subscribes - 1) continue;
      // Twenty clients at a time: more would test something else.
      await settleAndVerify(bus, work.operations, [witness, ...joined.slice(-20)]);
      for (const done of joined.slice(-20)) done.stop();
    }
    return held(subscribes, `${work.operations.length.toLocaleString('en')} renames`);
  },
};
