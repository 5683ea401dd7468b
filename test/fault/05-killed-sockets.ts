import { held, insist, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { SdkObserver } from './support/sdk-observer.js';
import { until } from '../support/until.js';

export const killedSockets: FaultRun = {
  row: 5,
  name: '05-killed-sockets',
  invariant: 'snapshot + replay + live equals an uninterrupted watcher, or an explicit resync',
  fault: 'sockets are reset at random moments; history is short',
  async run(context) {
    const kills = context.size(80, 1_000, 25);
    const repository = context.repository();
    const proxy = await context.proxy();
    const limits = { maxHistoryEvents: 150 };
    const bus = await context.bus(repository.root, { limits, allowHosts: [proxy.host] });
    proxy.target = bus.port;
    const address = () => ({ url: proxy.url, token: bus.endpoint.token });
    const work = context.workload(repository);
    work.steps(100);
    const sdk = await SdkObserver.connect('SDK', address());
    const slowSdk = await SdkObserver.connect('slow SDK', address(), { run_ids: ['run-1'] });
    slowSdk.beforeEach = () => (context.random() < 0.05 ? new Promise((resolve) => setTimeout(resolve, 2)) : undefined);
    context.cleanup(() => Promise.all([sdk.stop(), slowSdk.stop()]));
    const observers = [
      context.observer('witness', { address: () => bus.endpoint }),
      context.observer('quick', { address, retryMs: 5 }),
      context.observer('slow to return', { address, retryMs: 400 }),
      context.observer('one run', { address, filter: { run_ids: ['run-0'] }, retryMs: 200 }),
    ];
    await until('all are live', () => observers.every((observer) => observer.isLive));
    while (proxy.breaks < kills) {
      await work.keepUp(30, 15);
      if (context.random() < 0.1) proxy.breakAll();
      else proxy.breakOne();
    }
    const { events } = await settleAndVerify(bus, work.operations, [...observers, sdk, slowSdk]);
    const resyncs = observers.reduce((sum, observer) => sum + observer.resyncs, 0);
    insist(observers[0]!.resyncs === 0, () => 'the client that was never disconnected received a resync');
    return held(proxy.breaks, `${events.toLocaleString('en')} events, ${String(resyncs)} resyncs`);
  },
};
