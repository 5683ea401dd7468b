import { held, insist, type FaultContext, type FaultRun } from './support/fault-run.js';
import { ClientProcess } from './support/client-process.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

/** Stops a client while events occur. The history holds `maxHistoryEvents` of them: all, or only the last. */
async function standStill(context: FaultContext, events: number, maxHistoryEvents: number): Promise<ClientProcess> {
  const repository = context.repository();
  const limits = { maxHistoryEvents, maxHistoryBytes: 2 ** 30, maxQueuedBytes: 65_536 };
  const bus = await context.bus(repository.root, { limits });
  // More than the kernel's buffers hold.
  const work = context.workload(repository, { idsPerKind: 30, padding: context.size(1_500, 1_500, 20_000) });
  work.steps(100);
  const witness = context.observer('witness', { address: () => bus.endpoint });
  const client = await ClientProcess.start(bus.endpoint);
  context.cleanup(() => client.kill());
  await until('both are live', () => witness.isLive && client.isLive);
  client.signal('SIGSTOP');
  await work.keepUp(events, 200);
  await settleAndVerify(bus, work.operations, [witness], 60_000);
  client.signal('SIGCONT');
  await work.keepUp(200);
  await client.collect(bus, work.operations, witness);
  return client;
}

export const stalledClient: FaultRun = {
  row: 4,
  name: '04-stalled-client',
  invariant: 'no silent gap',
  fault: 'a client process is stopped while events occur, within the history and beyond it',
  async run(context) {
    const events = context.size(10_000, 100_000, 600);
    const within = await standStill(context, events, 2 * events);
    insist(within.resyncs === 0, () => `${String(within.resyncs)} resyncs, although the history held everything`);
    const beyond = await standStill(context, events, context.size(500, 500, 100));
    insist(beyond.resyncs > 0, () => 'no resync, although the history no longer held the events');
    return held(2, `${events.toLocaleString('en')} events each: replayed completely; resync beyond history`);
  },
};
