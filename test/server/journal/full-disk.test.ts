import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import t from 'tap';
import { systemClock, type Clock } from '../../../server/index.js';
import { Run } from '../../support/journal-run.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

/** The system's clock, on which the journal's attempts to recover come after a hundredth of their delay. */
const hurried: Clock = { ...systemClock, after: (ms, call) => systemClock.after(ms >= 5_000 ? ms / 100 : ms, call) };

function mountSmall(path: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

t.test(
  'a full disk costs durability but not service, is logged once, and the journal recovers when there is room',
  async (t) => {
    const repository = new TemporaryRepository();
    t.teardown(() => repository.dispose());
    mkdirSync(repository.state, { recursive: true, mode: 0o700 });
    if (!mountSmall(repository.state, '128k')) {
      t.comment('mounting a small file system needs a privilege');
      return;
    }
    t.teardown(() => execFileSync('umount', ['-l', repository.state]));
    const run = await Run.on(repository.root, {}, hurried);
    const write = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) repository.rename('task', `t${String(i)}`, { text: 'x'.repeat(1_000) });
      await run.reaches(to);
    };
    await write(0, 300);
    await until('the disk is full', () => run.bus.journalHealth === 'degraded');
    await write(300, 400);
    t.equal(run.bus.hub.store.size, 400, 'service goes on');
    t.same(run.log.messages('error').length, 1);
    execFileSync('mount', ['-o', 'remount,size=64m', repository.state]);
    await until('the journal has healed', () => run.bus.journalHealth === 'durable');
    await write(400, 410);
    const { cursor } = run;
    await run.stop();

    const next = await Run.on(repository.root);
    t.equal(next.cursor, cursor);
    t.equal(next.bus.hub.history.size, 410, 'all of the history is there again');
    await next.stop();
  },
);

// Sizes at which LMDB would crash the process: no room for its lock file, for the first pages, or for the second table.
for (const size of ['4k', '20k', '24k', '160k']) {
  t.test(`the server serves with a disk of ${size}`, async (t) => {
    const repository = new TemporaryRepository();
    t.teardown(() => repository.dispose());
    mkdirSync(repository.state, { recursive: true, mode: 0o700 });
    if (!mountSmall(repository.state, size)) {
      t.comment('mounting a small file system needs a privilege');
      return;
    }
    t.teardown(() => execFileSync('umount', ['-l', repository.state]));
    const run = await Run.on(repository.root, {}, hurried);
    for (let i = 0; i < 300; i++) repository.rename('task', `t${String(i)}`, { text: 'x'.repeat(400) });
    await run.reaches(300);
    await until('the disk is full', () => run.bus.journalHealth === 'degraded');
    await run.stop();
  });
}
