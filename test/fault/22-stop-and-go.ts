import { held, insist, type FaultContext, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

const ENGINES = ['uws', 'ws'] as const;
const READERS = 6;

export const stopAndGo: FaultRun = {
  row: 22,
  name: '22-stop-and-go',
  invariant: 'a client that reads again is served again',
  fault: 'readers that stop and continue at random, with queues of every bound, on both engines',
  async run(context) {
    const rounds = context.size(60, 400, 3);
    for (const transport of ENGINES) {
      for (const maxQueuedBytes of [1_024, 20_000, 262_144]) {
        await readOffAndOn(context, transport, maxQueuedBytes, rounds);
      }
    }
    return held(rounds * ENGINES.length * 3, 'the server never waited for a reader that was ready');
  },
};

async function readOffAndOn(
  context: FaultContext,
  transport: (typeof ENGINES)[number],
  maxQueuedBytes: number,
  rounds: number,
): Promise<void> {
  const repository = context.repository();
  const limits = { maxQueuedBytes, maxHistoryEvents: 2_000_000, maxHistoryBytes: 2 ** 31 };
  const bus = await context.bus(repository.root, { transport, limits, journal: false });
  const padding = (): number => (context.below(6) === 0 ? 200_000 : 3_000);
  const work = context.workload(repository, { idsPerKind: 5, padding });
  const readers = Array.from({ length: READERS }, (_, i) =>
    context.observer(`reader ${String(i)}`, { address: () => bus.endpoint }),
  );
  await until('all are live', () => readers.every((reader) => reader.isLive), 60_000);
  for (let round = 0; round < rounds; round++) {
    for (const reader of readers) {
      if (context.below(2) === 0) reader.pause();
      else reader.resume();
    }
    await work.keepUp(10 + context.below(60), 20);
  }
  for (const reader of readers) reader.resume();
  await settleAndVerify(bus, work.operations, readers, 60_000);
  const { stalls } = await bus.ask();
  insist(stalls === 0, () => `${transport}, ${String(maxQueuedBytes)} bytes: ${String(stalls)} connections stalled`);
  await bus.kill();
}
