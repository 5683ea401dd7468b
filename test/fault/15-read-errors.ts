import { spawn } from 'node:child_process';
import { isOfContent } from '../../protocol/index.js';
import { TYPE } from './client-history.js';
import { canTrace } from './support/privileges.js';
import { held, insist, pause, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

export const readErrors: FaultRun = {
  row: 15,
  name: '15-read-errors',
  invariant: 'a read error keeps the last good',
  fault: 'strace makes openat fail with EMFILE while files change',
  async run(context) {
    const why = canTrace();
    if (why !== undefined) return { is: 'skipped', why };
    const rounds = context.size(2, 15, 1);
    const repository = context.repository();
    const bus = await context.bus(repository.root, { reconcileMs: 300 });
    const work = context.workload(repository, { removals: 0 });
    const witness = context.observer('witness', { address: () => bus.endpoint });
    await until('the witness is live', () => witness.isLive);
    for (let round = 0; round < rounds; round++) {
      await work.keepUp(100);
      await settleAndVerify(bus, work.operations, [witness]);
      const inject = ['-f', '-q', '-e', 'trace=openat', '-e', 'inject=openat:error=EMFILE', '-o', '/dev/null'];
      const strace = spawn('strace', [...inject, '-p', String(bus.endpoint.pid)], { stdio: 'ignore' });
      const ended = new Promise((resolve) => strace.on('close', resolve));
      await pause(300);
      await work.keepUp(200);
      // Longer than the settle time and the interval of comparisons: both happen while reading fails.
      await pause(700);
      const during = witness.events;
      work.steps(50);
      strace.kill('SIGINT');
      await ended;
      // No barrier is sent: the bus must read the files again by itself.
      await until('what could not be read is read', () => witness.events > during);
      await settleAndVerify(bus, work.operations, [witness]);
    }
    const changes = witness.entries.flatMap((entry) => (entry.is === 'events' ? entry.events : []));
    for (const event of changes) {
      // An error that lasts longer than the settle time is reported as `unreadable`, with the last good data.
      const isCorrect =
        event[1] !== TYPE.removed && (event[7] == null || event[7] === 'unreadable' || isOfContent(event[7]));
      insist(isCorrect, () => `a read error changed a record: ${JSON.stringify(event)}`);
    }
    insist(
      bus.hasLogged('cannot read a file') || bus.hasLogged('not everything can be seen'),
      () => 'the read errors were not logged',
    );
    return held(rounds, `${changes.length.toLocaleString('en')} transitions observed`);
  },
};
