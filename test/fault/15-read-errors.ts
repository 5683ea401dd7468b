import { spawn } from 'node:child_process';
import { isOfContent } from '../../protocol/index.js';
import { TYPE } from './life.js';
import { canTrace } from './support/privileges.js';
import { held, insist, pause, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

export const readErrors: FaultRun = {
  row: 15,
  name: '15-read-errors',
  invariant: 'a read error keeps the last good',
  fault: 'strace has openat fail with EMFILE while files change',
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
      // Longer than the settle time, so that impatience would show, and a reconcile falls into it.
      await pause(700);
      const during = witness.events;
      work.steps(50);
      strace.kill('SIGINT');
      await ended;
      // Without the barrier's help.
      await until('what could not be read is read', () => witness.events > during);
      await settleAndVerify(bus, work.operations, [witness]);
    }
    const changes = witness.entries.flatMap((entry) => (entry.is === 'events' ? entry.events : []));
    for (const event of changes) {
      // One that lasts longer than the settle time is said, with the data that was known.
      const isHonest =
        event[1] !== TYPE.removed && (event[7] == null || event[7] === 'unreadable' || isOfContent(event[7]));
      insist(isHonest, () => `a read error shows: ${JSON.stringify(event)}`);
    }
    insist(bus.said('cannot read a file') || bus.said('not everything can be seen'), () => 'nothing was said aloud');
    return held(rounds, `${changes.length.toLocaleString('en')} transitions observed`);
  },
};
