import { held, insist, type FaultRun } from './support/fault-run.js';
import type { Observer } from './support/observer.js';
import { verify, settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

const MB = 1_048_576;

export const stalledCrowd: FaultRun = {
  row: 19,
  name: '19-stalled-crowd',
  invariant: 'bounded memory',
  fault: '1,000 clients that have stopped reading',
  async run(context) {
    const crowd = context.size(300, 1_000, 6);
    const maxQueuedBytes = 65_536;
    const limits = { maxQueuedBytes, maxHistoryEvents: 5_000, maxHistoryBytes: 16 * MB };
    const repository = context.repository();
    const bus = await context.bus(repository.root, { limits, heartbeatMs: 500 });
    const padding = context.size(2_000, 2_000, 15_000);
    // Few records: the kernel gives a large buffer to each client that has read a large snapshot.
    const work = context.workload(repository, { idsPerKind: 5, padding, inPlace: 0, runs: 2 });
    work.steps(500);
    const witness = context.observer('witness', { address: () => bus.endpoint });
    const join = (count: number): Observer[] =>
      Array.from({ length: count }, (_, i) => {
        const filter = i % 2 === 0 ? {} : { run_ids: ['run-1'] };
        return context.observer(`stalled ${String(i)}`, { address: () => bus.endpoint, filter });
      });
    // The events are twice the kernel's buffers of a connection (about 10 MB), even where only half of them match.
    const events = context.size(20_000, 40_000, 2_800);
    const passBy = async (): Promise<number> => {
      let most = 0;
      for (let done = 0; done < events; done += events / 8) {
        await work.keepUp(events / 8, 50);
        most = Math.max(most, (await bus.ask()).ownMemory);
      }
      return most;
    };
    // First the memory of the history, the records and a busy heap, before a client stalls.
    const few = join(5);
    await until('the first are live', () => few.every((observer) => observer.isLive), 60_000);
    const before = await passBy();
    const stalled = join(crowd);
    await until('all are live', () => witness.isLive && stalled.every((observer) => observer.isLive), 60_000);
    for (const observer of stalled) observer.pause();
    const grownMb = ((await passBy()) - before) / MB;
    await settleAndVerify(bus, work.operations, [witness], 60_000);
    insist(witness.resyncs === 0, () => 'the client that reads received a resync');
    const { congested, mostQueued } = await bus.ask();
    insist(congested === crowd, () => `${String(congested)} of ${String(crowd)} have stalled`);
    // One event may be queued beyond the limit.
    const mostAllowed = maxQueuedBytes + padding + 2_048;
    insist(mostQueued <= mostAllowed, () => `${String(mostQueued)} bytes wait for one of them`);
    // The queue of each client, which the engine may round up to twice as much, and 50 MB for variations of the heap. Other work on
    // the machine enlarges those, so the limit applies only where the run has the machine to itself.
    const boundMb = (2 * crowd * maxQueuedBytes) / MB + 50;
    insist(
      !context.isMeasured || grownMb < boundMb,
      () => `grown by ${grownMb.toFixed(0)} MB, the bound is ${boundMb.toFixed(0)} MB`,
    );
    // The history no longer holds what they missed: each receives a resync, and ends with the current state.
    const [epoch = '', revision = ''] = witness.cursor!.split(':');
    const some = stalled.slice(0, 40);
    for (const observer of some) {
      observer.resume();
      await until(`${observer.name} has caught up`, () => observer.hasReached(epoch, Number(revision)), 60_000);
    }
    verify([witness, ...some], work.operations, true);
    const perClient = Math.round((grownMb * 1_024) / crowd);
    return held(crowd, `grown by ${grownMb.toFixed(0)} MB: ${String(perClient)} KiB a client, limit 64 KiB`);
  },
};
