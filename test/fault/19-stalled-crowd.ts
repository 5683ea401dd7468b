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
    // Few records: whoever has read a large snapshot has been given a large buffer by the kernel.
    const work = context.workload(repository, { idsPerKind: 5, padding, inPlace: 0, runs: 2 });
    work.steps(500);
    const witness = context.observer('witness', { address: () => bus.endpoint });
    const join = (count: number): Observer[] =>
      Array.from({ length: count }, (_, i) => {
        const filter = i % 2 === 0 ? {} : { run_ids: ['run-1'] };
        return context.observer(`stalled ${String(i)}`, { address: () => bus.endpoint, filter });
      });
    // Twice what the kernel may take for a connection (some 10 MB), also where only every other event matches.
    const events = context.size(20_000, 40_000, 2_800);
    const passBy = async (): Promise<number> => {
      let most = 0;
      for (let done = 0; done < events; done += events / 8) {
        await work.keepUp(events / 8, 50);
        most = Math.max(most, (await bus.ask()).ownMemory);
      }
      return most;
    };
    // What history, the records and a busy heap take is there before anyone stalls.
    const few = join(5);
    await until('the first are live', () => few.every((life) => life.isLive), 60_000);
    const before = await passBy();
    const stalled = join(crowd);
    await until('all are live', () => witness.isLive && stalled.every((life) => life.isLive), 60_000);
    for (const life of stalled) life.pause();
    const grownMb = ((await passBy()) - before) / MB;
    await settleAndVerify(bus, work.operations, [witness], 60_000);
    insist(witness.resyncs === 0, () => 'the client that reads was given a resync');
    const { congested, mostQueued } = await bus.ask();
    insist(congested === crowd, () => `${String(congested)} of ${String(crowd)} have stalled`);
    // One event may be taken on top of what waits.
    const mostAllowed = maxQueuedBytes + padding + 2_048;
    insist(mostQueued <= mostAllowed, () => `${String(mostQueued)} bytes wait for one of them`);
    // The queue of each, which the engine may round up to twice as much, and the unrest of a heap: which other work on the
    // machine makes larger, so that it is only judged where the run has the machine to itself.
    const boundMb = (2 * crowd * maxQueuedBytes) / MB + 50;
    insist(
      !context.isMeasured || grownMb < boundMb,
      () => `grown by ${grownMb.toFixed(0)} MB, the bound is ${boundMb.toFixed(0)} MB`,
    );
    // What they have missed is gone: each is told so, and ends with the state as it is.
    const [epoch = '', revision = ''] = witness.cursor!.split(':');
    const some = stalled.slice(0, 40);
    for (const life of some) {
      life.resume();
      await until(`${life.name} has caught up`, () => life.hasReached(epoch, Number(revision)), 60_000);
    }
    verify([witness, ...some], work.operations, true);
    const perClient = Math.round((grownMb * 1_024) / crowd);
    return held(crowd, `grown by ${grownMb.toFixed(0)} MB: ${String(perClient)} KiB a client, limit 64 KiB`);
  },
};
