import { KIND_NAMES } from './client-history.js';
import { held, insist, pause, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

/** More than the kernel's inotify queue holds: 16,384 notifications. */
const FILES = 17_000;

export const overflow: FaultRun = {
  row: 1,
  name: '01-overflow',
  invariant: 'state equals an independent scan, soon after quiet',
  fault: `the server is stopped while ${FILES.toLocaleString('en')} files change`,
  async run(context) {
    const rounds = context.size(1, 6);
    // A rename causes four notifications, so 5,000 files also overflow the queue.
    const files = context.size(FILES, FILES, 5_000);
    const repository = context.repository();
    const bus = await context.bus(repository.root);
    const work = context.workload(repository, { inPlace: 0 });
    const observer = context.observer('watcher', { address: () => bus.endpoint });
    await until('the watcher is live', () => observer.isLive);
    let slowestMs = 0;
    for (let round = 0; round < rounds; round++) {
      bus.signal('SIGSTOP');
      for (let i = 0; i < files; i++) {
        const kind = KIND_NAMES[i % 7] as 'task';
        if (round % 2 === 1 && i % 3 === 0) work.remove(kind, `r${String(i)}`);
        else work.write(kind, `r${String(i)}`);
      }
      // The kernel sends no hint for the changes that the queue had no room for.
      bus.signal('SIGCONT');
      const began = performance.now();
      const records = round % 2 === 1 ? files - Math.ceil(files / 3) : files;
      await until('the number of records is right', () => observer.events > 0, 60_000);
      while ((await bus.ask()).records !== records) {
        insist(performance.now() - began < 30_000, () => 'the number of records is still wrong after 30 s');
        await pause(20);
      }
      slowestMs = Math.max(slowestMs, performance.now() - began);
      await settleAndVerify(bus, work.operations, [observer], 60_000);
    }
    return held(rounds, `correct again after ${(slowestMs / 1_000).toFixed(1)} s at most`);
  },
};
