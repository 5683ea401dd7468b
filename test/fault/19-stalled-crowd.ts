import { held, insist, eventually, type FaultRun } from './support/fault-run.js';
import { judge, settleAndJudge } from './support/judge.js';

const MB = 1_048_576;

export const stalledCrowd: FaultRun = {
  row: 19,
  name: '19-stalled-crowd',
  invariant: 'bounded memory',
  fault: '1,000 clients that have stopped reading',
  async run(context) {
    const crowd = context.size(300, 1_000);
    const maxQueuedBytes = 65_536;
    const limits = { maxQueuedBytes, maxHistoryEvents: 5_000, maxHistoryBytes: 16 * MB };
    const repository = context.repository();
    const bus = await context.bus(repository.root, { limits, heartbeatMs: 500 });
    const work = context.workload(repository, { idsPerKind: 100, padding: 2_000, inPlace: 0, runs: 2 });
    work.steps(500);
    const witness = context.observer('witness', { address: () => bus.endpoint });
    const stalled = Array.from({ length: crowd }, (_, i) => {
      const filter = i % 2 === 0 ? {} : { run_ids: ['run-1'] };
      return context.observer(`stalled ${String(i)}`, { address: () => bus.endpoint, filter });
    });
    await eventually('all are live', () => witness.isLive && stalled.every((life) => life.isLive), 60_000);
    const before = await bus.ask();
    for (const life of stalled) life.pause();
    let most = 0;
    const events = context.size(6_000, 40_000);
    for (let done = 0; done < events; done += 1_000) {
      await work.keepUp(1_000, 50);
      most = Math.max(most, (await bus.ask()).rss);
    }
    await settleAndJudge(bus, work.operations, [witness], 60_000);
    insist(witness.resyncs === 0, () => 'the client that reads was given a resync');
    const grownMb = (most - before.rss) / MB;
    // The queue of each, once more for what the engine rounds up to, history, and the garbage of a busy process.
    const boundMb = (2 * crowd * maxQueuedBytes) / MB + 16 + 200;
    insist(grownMb < boundMb, () => `grown by ${grownMb.toFixed(0)} MB, the bound is ${boundMb.toFixed(0)} MB`);
    // What they have missed is gone: each is told so, and ends with the state as it is.
    const [epoch = '', revision = ''] = witness.cursor!.split(':');
    const some = stalled.slice(0, 40);
    for (const life of some) {
      life.resume();
      await eventually(`${life.name} has caught up`, () => life.hasReached(epoch, Number(revision)), 60_000);
    }
    judge([witness, ...some], work.operations, true);
    const perClient = Math.round((grownMb * 1_024) / crowd);
    return held(crowd, `grown by ${grownMb.toFixed(0)} MB: ${String(perClient)} KiB a client, limit 64 KiB`);
  },
};
