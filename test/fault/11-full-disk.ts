import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { canMount } from './support/privileges.js';
import { held, insist, pause, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import { until } from '../support/until.js';

function mount(...args: string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  insist(status === 0, () => `mount ${args.join(' ')}: ${stderr}`);
}

export const fullDisk: FaultRun = {
  row: 11,
  name: '11-full-disk',
  invariant: 'a full disk costs durability, not service',
  fault: 'the journal is on a tmpfs of 64 KiB, which is enlarged later',
  async run(context) {
    const why = canMount();
    if (why !== undefined) return { is: 'skipped', why };
    const rounds = context.size(1, 5);
    for (let round = 0; round < rounds; round++) {
      const repository = context.repository();
      const journal = join(repository.state, 'journal');
      mkdirSync(journal, { recursive: true });
      mount('-t', 'tmpfs', '-o', 'size=64k', 'none', journal);
      context.cleanup(() => spawnSync('umount', ['-l', journal]));
      const work = context.workload(repository, { padding: 300 });
      const bus = await context.bus(repository.root);
      const witness = context.observer('witness', { address: () => bus.endpoint });
      await until('the witness is live', () => witness.isLive);
      await work.keepUp(600);
      await settleAndVerify(bus, work.operations, [witness]);
      insist((await bus.ask()).journal === 'degraded', () => 'the journal reports durable on a full disk');
      insist(
        bus.log.some(({ level }) => level === 'error'),
        () => 'no error was logged',
      );
      mount('-o', 'remount,size=64m', journal);
      const giveUpAt = performance.now() + 75_000;
      while ((await bus.ask()).journal !== 'durable') {
        insist(performance.now() < giveUpAt, () => 'the journal does not become durable again');
        await pause(200);
      }
      await work.keepUp(100);
      await settleAndVerify(bus, work.operations, [witness]);
      const { code } = await bus.stop();
      insist(code === 0, () => `exit ${String(code)}`);
    }
    return held(rounds, 'degraded is reported, durable again once there was room');
  },
};
