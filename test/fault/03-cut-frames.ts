import { held, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { SdkObserver } from './support/sdk-observer.js';
import { until } from '../support/until.js';

export const cutFrames: FaultRun = {
  row: 3,
  name: '03-cut-frames',
  invariant: 'no revision twice per subscription',
  fault: 'connections break after a random number of bytes, inside frames',
  async run(context) {
    const breaks = context.size(60, 1_000, 12);
    const repository = context.repository();
    const proxy = await context.proxy();
    const bus = await context.bus(repository.root, { allowHosts: [proxy.host] });
    proxy.target = bus.port;
    const work = context.workload(repository);
    const address = () => ({ url: proxy.url, token: bus.endpoint.token });
    const sdk = await SdkObserver.connect('SDK', address());
    context.cleanup(() => sdk.stop());
    const observers = [
      context.observer('witness', { address: () => bus.endpoint }),
      context.observer('all', { address }),
      context.observer('one run', { address, filter: { run_ids: ['run-2'] } }),
      context.observer('one kind', { address, filter: { kinds: ['heartbeat'] } }),
      context.observer('capped', { address, filter: { kinds: ['task'] }, cap: 300 }),
    ];
    proxy.breaksAfter = () => 600 + context.below(context.size(20_000, 20_000, 3_000));
    proxy.breakAll();
    await until('the first breaks', () => proxy.breaks > 3);
    while (proxy.breaks < breaks) await work.keepUp(60, 10);
    proxy.breaksAfter = () => Infinity;
    proxy.breakAll();
    const { events } = await settleAndVerify(bus, work.operations, [...observers, sdk]);
    return held(proxy.breaks, `${events.toLocaleString('en')} events, ${String(work.operations.length)} operations`);
  },
};
