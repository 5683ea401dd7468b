import { closeSync, fstatSync, openSync, readSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { held, insist, pause, type FaultContext, type FaultRun } from './support/fault-run.js';
import { verify, settleAndVerify } from './support/verify.js';
import { SdkObserver } from './support/sdk-observer.js';
import { until } from '../support/until.js';

type Damage = 'none' | 'deleted' | 'cut' | 'flipped' | 'header flipped';
const DAMAGES: readonly Damage[] = ['deleted', 'cut', 'flipped', 'header flipped'];

function inflict(context: FaultContext, damage: Damage, journal: string): void {
  const table = readdirSync(journal).find((name) => name.endsWith('.mdb'));
  const file = join(journal, damage === 'header flipped' || !table ? 'header.json' : table);
  switch (damage) {
    case 'none':
      return;
    case 'deleted':
      rmSync(journal, { recursive: true });
      return;
    case 'cut':
      truncateSync(file, context.below(8) * 4_096 + context.below(4_096));
      return;
    case 'flipped':
    case 'header flipped':
      flip(context, file);
      return;
  }
}

/** Flips one bit in each of the first pages, so that at least one of these pages is in use. */
function flip(context: FaultContext, path: string): void {
  const file = openSync(path, 'r+');
  const { size } = fstatSync(file);
  const byte = Buffer.alloc(1);
  for (let page = 0; page < Math.max(1, Math.min(12, size / 4_096)); page++) {
    const at = Math.min(size - 1, page * 4_096 + context.below(Math.min(size, 4_096)));
    readSync(file, byte, 0, 1, at);
    byte[0] = byte[0]! ^ (1 << context.below(8));
    writeSync(file, byte, 0, 1, at);
  }
  closeSync(file);
}

export const killedServer: FaultRun = {
  row: 9,
  name: '09-killed-server',
  invariant: 'a new epoch after any loss of history, none reused',
  fault: 'SIGKILL at random moments; journal deleted, cut, bits flipped',
  async run(context) {
    const kills = context.size(8, 200, 4);
    const repository = context.repository();
    const journal = join(repository.state, 'journal');
    const work = context.workload(repository);
    let bus = await context.bus(repository.root);
    const address = () => bus.endpoint;
    const sdk = await SdkObserver.connect('SDK', { root: repository.root });
    context.cleanup(() => sdk.stop());
    const observers = [
      context.observer('witness', { address, retryMs: 50 }),
      context.observer('one run', { address, retryMs: 50, filter: { run_ids: ['run-1'] } }),
    ];
    const epochs = new Set<string>();
    let losses = 0;
    for (let kill = 0; kill < kills; kill++) {
      await until('all are live', () => observers.every((observer) => observer.isLive));
      epochs.add(observers[0]!.cursor!.split(':')[0]!);
      await work.keepUp(context.below(300), 20);
      await pause(context.below(120));
      await bus.kill();
      work.steps(context.below(30));
      const damage = kill % 4 === 3 ? DAMAGES[(kill >> 2) % DAMAGES.length]! : 'none';
      inflict(context, damage, journal);
      bus = await context.bus(repository.root);
      if (damage === 'none') continue;
      losses++;
      await until('the witness is live', () => observers[0]!.isLive);
      const epoch = observers[0]!.cursor!.split(':')[0]!;
      // Flipped bits may be in pages that the server no longer reads.
      insist(
        damage === 'flipped' || !epochs.has(epoch),
        () => `the epoch continues although the journal was ${damage}`,
      );
    }
    const { events } = await settleAndVerify(bus, work.operations, [...observers, sdk]);
    verify(observers, work.operations, true);
    const replays = observers[0]!.entries.filter(
      (entry) => entry.is === 'subscribed' && entry.mode === 'replay',
    ).length;
    return held(
      kills,
      `${String(losses)} journals damaged, ${String(epochs.size)} epochs, ${String(replays)} replays over a kill, ${events.toLocaleString('en')} events`,
    );
  },
};
