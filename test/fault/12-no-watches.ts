import { canUnshareUser } from './support/privileges.js';
import { held, insist, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

export const noWatches: FaultRun = {
  row: 12,
  name: '12-no-watches',
  invariant: 'loss of the watcher is reported, polling converges',
  fault: 'a user namespace without inotify instances',
  async run(context) {
    const why = canUnshareUser();
    if (why !== undefined) return { is: 'skipped', why };
    const rounds = context.size(1, 5);
    for (let round = 0; round < rounds; round++) {
      const repository = context.repository();
      const script = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"';
      const under = ['unshare', '-Ur', 'sh', '-c', script, 'sh'];
      const bus = await context.bus(repository.root, { under, pollIntervalMs: 50 });
      insist(bus.hasLogged('polling every'), () => `no warning was logged: ${JSON.stringify(bus.log)}`);
      insist((await bus.ask()).backend === 'polling', () => 'the health does not say polling');
      const work = context.workload(repository);
      const witness = context.observer('witness', { address: () => bus.endpoint });
      await until('the witness is live', () => witness.isLive);
      await work.keepUp(1_500);
      await settleAndVerify(bus, work.operations, [witness]);
      // A barrier would read the directories; this write must be found by polling.
      const last = witness.cursor;
      work.write('task', 'the-last');
      await until('polling has seen the last write', () => witness.cursor !== last);
      await settleAndVerify(bus, work.operations, [witness]);
      await bus.kill();
    }
    return held(rounds, 'polling is reported in the log, in welcome and in the health');
  },
};
