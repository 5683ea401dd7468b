import { held, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

/** A round keeps everything that its clients receive in memory until it is checked. */
const MAX_PER_ROUND = 50_000;

export const order: FaultRun = {
  row: 2,
  name: '02-order',
  invariant: 'revisions strictly increase per connection and epoch',
  fault: 'random operations; every frame split at random by a proxy',
  async run(context) {
    const operations = context.size(4_000, 1_000_000, 800);
    const rounds = Math.ceil(operations / MAX_PER_ROUND);
    const perRound = Math.ceil(operations / rounds);
    let events = 0;
    for (let round = 0; round < rounds; round++) {
      const repository = context.repository();
      const proxy = await context.proxy();
      const bus = await context.bus(repository.root, { allowHosts: [proxy.host] });
      proxy.target = bus.port;
      proxy.splits = true;
      const work = context.workload(repository, { idsPerKind: 30 });
      const split = () => ({ url: proxy.url, token: bus.endpoint.token });
      const observers = [
        context.observer('witness', { address: () => bus.endpoint }),
        context.observer('split', { address: split }),
        context.observer('one run', { address: split, filter: { run_ids: ['run-1'] } }),
        context.observer('two kinds', { address: split, filter: { kinds: ['task', 'claim'] } }),
      ];
      await until('all are live', () => observers.every((observer) => observer.isLive));
      await work.keepUp(perRound, 200);
      events += (await settleAndVerify(bus, work.operations, observers, 60_000)).events;
      for (const observer of observers) observer.stop();
      await bus.kill();
    }
    return held(
      rounds,
      `${(rounds * perRound).toLocaleString('en')} operations, ${events.toLocaleString('en')} events`,
    );
  },
};
