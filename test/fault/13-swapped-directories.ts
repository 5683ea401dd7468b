import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KIND_DIRECTORIES, type Kind } from '../../protocol/index.js';
import type { TemporaryRepository } from '../support/temporary-repository.js';
import { KIND_NAMES } from './client-history.js';
import { canMount } from './support/privileges.js';
import { held, insist, type FaultContext, type FaultRun } from './support/fault-run.js';
import { settleAndVerify } from './support/verify.js';
import type { Workload } from './support/workload.js';
import { until } from '../support/until.js';

interface Scene {
  readonly context: FaultContext;
  readonly repository: TemporaryRepository;
  readonly work: Workload;
}

/** Ways to replace a directory, or all of them, with other contents. */
const SWAPS: Readonly<Record<string, (scene: Scene, kind: Kind) => void>> = {
  'rm + mkdir': ({ repository, work }, kind) => {
    noteGone(work, repository, kind);
    repository.removeDirectory(kind);
    repository.makeDirectory(kind);
  },
  'mv aside, another in its place': ({ repository, work }, kind) => {
    noteGone(work, repository, kind);
    const away = join(repository.root, `away-${String(performance.now())}`);
    renameSync(repository.dir.of(kind), away);
    repository.makeDirectory(kind);
  },
  'all of coordination/ recreated': ({ repository, work }) => {
    for (const kind of KIND_NAMES as Kind[]) noteGone(work, repository, kind);
    rmSync(repository.dir.coordination, { recursive: true });
    for (const kind of KIND_NAMES as Kind[]) mkdirSync(repository.dir.of(kind), { recursive: true });
  },
  'a mount on top': ({ context, repository, work }, kind) => {
    if (canMount() !== undefined) return;
    noteGone(work, repository, kind);
    const path = repository.dir.of(kind);
    spawnSync('mount', ['-t', 'tmpfs', 'none', path]);
    context.cleanup(() => spawnSync('umount', ['-l', path]));
  },
  'umount -l': ({ repository, work }, kind) => {
    const path = repository.dir.of(kind);
    noteGone(work, repository, kind);
    spawnSync('umount', ['-l', path]);
    // The files below the mount point are visible again.
    for (const name of readdirSync(path)) {
      const data = JSON.parse(readFileSync(join(path, name), 'utf8')) as object;
      work.note({ is: 'write', kind, id: name.slice(0, -'.json'.length), data });
    }
  },
};

function noteGone(work: Workload, { dir }: TemporaryRepository, kind: Kind): void {
  for (const name of readdirSync(dir.of(kind))) {
    if (name.endsWith('.json')) work.note({ is: 'remove', kind, id: name.slice(0, -'.json'.length) });
  }
}

export const swappedDirectories: FaultRun = {
  row: 13,
  name: '13-swapped-directories',
  invariant: 'a replaced directory is found again',
  fault: Object.keys(SWAPS).join('; '),
  async run(context) {
    const rounds = context.size(2, 30, 1);
    const repository = context.repository();
    const bus = await context.bus(repository.root, { reconcileMs: context.size(10_000, 10_000, 300) });
    const work = context.workload(repository, { idsPerKind: 5 });
    const witness = context.observer('witness', { address: () => bus.endpoint });
    await until('the witness is live', () => witness.isLive);
    let swaps = 0;
    for (let round = 0; round < rounds; round++) {
      const kind = KIND_NAMES[context.below(7)] as Kind;
      for (const [name, swap] of Object.entries(SWAPS)) {
        await work.keepUp(30);
        swap({ context, repository, work }, kind);
        swaps++;
        // No barrier is sent: the hint must come from the directory that is at the path now.
        work.write(kind, 'after-the-swap');
        const wanted = JSON.stringify(work.operations.at(-1));
        await until(`a write is seen after ${name} of ${KIND_DIRECTORIES[kind]}: ${wanted}`, () =>
          witness.entries.some(
            (entry) => entry.is === 'events' && entry.events.some((event) => wanted.includes(JSON.stringify(event[5]))),
          ),
        );
      }
      await settleAndVerify(bus, work.operations, [witness]);
    }
    insist((await bus.ask()).healthy, () => 'at the end not every directory is watched');
    return held(swaps, canMount());
  },
};
