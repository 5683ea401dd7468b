import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FileLock, type LockOptions } from '../../server/repository/file-lock.js';
import { LockError, PrivateState } from '../../server/repository/index.js';
import { PrivateDirectory } from '../../server/repository/private-directory.js';
import type { Host, LockHolder } from '../../server/repository/lock-holder.js';
import { ANSWER_PATIENCE_MS } from '../../server/repository/lock-question.js';
import { TemporaryRepository } from '../support/temporary-repository.js';

/** How the kernels of two machines see one another's locks: not at all, or there are no locks. */
const KERNELS: Readonly<Record<string, () => Promise<((file: number) => boolean) | undefined>>> = {
  'each kernel keeps locks of its own': () => Promise.resolve(() => true),
  'no kernel keeps locks': () => Promise.resolve(undefined),
};

/** Another machine, with another boot and other processes. */
function host(name: string, more: Partial<LockHolder> = {}): Host {
  let claims = 0;
  const pid = 7;
  return {
    holder: () => ({ pid, host: name, boot_id: `boot of ${name}`, claim: `${name}-${String(++claims)}`, ...more }),
    mayLive: () => false,
  };
}

function directoryOf(t: Test): PrivateDirectory {
  const repository = new TemporaryRepository();
  const directory = PrivateDirectory.within(join(repository.root, '.muse'), 'bus');
  t.teardown(() => {
    directory.close();
    repository.dispose();
  });
  return directory;
}

/** Asks without time: each wait lets the other end look once. */
function asking(look: () => void) {
  const said: string[] = [];
  let waitedMs = 0;
  return {
    said,
    waited: () => waitedMs,
    wait: (ms: number) => {
      waitedMs += ms;
      look();
      return Promise.resolve();
    },
    say: ({ host: name }: LockHolder, what: string) => void said.push(`${what} ${String(name)}`),
  };
}

async function taken(directory: PrivateDirectory, options: LockOptions): Promise<FileLock> {
  const result = await FileLock.acquire(directory, 'lock', options);
  if (result.is === 'held') throw new Error('held');
  return result.lock;
}

for (const [kernels, tryLock] of Object.entries(KERNELS)) {
  t.test(`${kernels}: a server of another machine that answers keeps the lock`, async (t) => {
    const directory = directoryOf(t);
    const first = await taken(directory, { host: host('a'), tryLock });
    const ask = asking(() => {
      first.answer();
    });
    const second = await FileLock.acquire(directory, 'lock', { host: host('b'), tryLock, asking: ask });
    t.match(second, { is: 'held', by: { host: 'a', pid: 7 } });
    t.ok(ask.waited() < ANSWER_PATIENCE_MS, 'and nobody waits longer than for the answer');
    t.ok(first.isInPlace());
    const again = await FileLock.acquire(directory, 'lock', { host: host('b'), tryLock, asking: ask });
    t.equal(again.is, 'held', 'each question has an answer of its own');
    first.release();
  });

  t.test(`${kernels}: one that is silent is replaced, and learns that when it goes on`, async (t) => {
    const directory = directoryOf(t);
    const first = await taken(directory, { host: host('a'), tryLock });
    const ask = asking(() => undefined);
    const second = await taken(directory, { host: host('b'), tryLock, asking: ask });
    t.same(ask.said, ['asking a', 'silent a']);
    t.equal(ask.waited(), ANSWER_PATIENCE_MS);
    t.ok(second.isFromSilent, 'so that its epoch is not continued');
    t.ok(second.isInPlace());
    t.notOk(first.isInPlace());
    first.release();
    t.ok(second.isInPlace(), 'what it releases is not the lock of the other');
    second.release();
  });

  t.test(
    `${kernels}: one that has stopped in order is not asked, nor one of the same kernel that is gone`,
    async (t) => {
      const directory = directoryOf(t);
      (await taken(directory, { host: host('a'), tryLock })).release();
      const ask = asking(() => undefined);
      const second = await taken(directory, { host: host('b'), tryLock, asking: ask });
      t.notOk(second.isFromSilent);
      const third = await FileLock.acquire(directory, 'lock', { host: host('b', { pid: 8 }), tryLock, asking: ask });
      t.equal(third.is, 'acquired', 'its end was seen');
      t.same(ask.said, []);
    },
  );

  t.test(`${kernels}: whoever may not wait takes no lock of another machine`, async (t) => {
    const directory = directoryOf(t);
    await taken(directory, { host: host('a'), tryLock });
    t.equal((await FileLock.acquire(directory, 'lock', { host: host('b'), tryLock })).is, 'held');
  });
}

for (const [what, more, isAsked] of [
  ['of the same machine, which has started again since', { machine: 'm', host: 'one' }, false],
  ['of another machine that has its name', { machine: 'other', host: 'one' }, true],
  ['of another machine that was installed from the same image', { machine: 'm', host: 'two' }, true],
  ['of a machine without an id', { host: 'one' }, true],
] as const)
  t.test(`after a power failure, a holder ${what}, is ${isAsked ? 'asked' : 'not waited for'}`, async (t) => {
    const directory = directoryOf(t);
    const tryLock = KERNELS['each kernel keeps locks of its own']!;
    await taken(directory, { host: host('before', more), tryLock });
    const ask = asking(() => undefined);
    const now = host('now', { machine: 'm', host: 'one' });
    const lock = await taken(directory, { host: now, tryLock, asking: ask });
    t.equal(ask.waited() > 0, isAsked);
    t.ok(lock.isFromSilent, 'its epoch is not continued');
    lock.release();
  });

t.test(
  'a server of this kernel that reached the repository through another mount is asked, and one that is gone is not',
  async (t) => {
    const directory = directoryOf(t);
    // To the kernel, the lock file of an overlay is not the file of the layer below.
    const tryLock = KERNELS['each kernel keeps locks of its own']!;
    const here = (pid: number, lives: boolean): Host => ({
      ...host('one', { boot_id: 'one boot', pid_namespace: 'pid:[1]', pid }),
      mayLive: () => lives,
    });
    const first = await taken(directory, { host: here(1, true), tryLock });
    const ask = asking(() => {
      first.answer();
    });
    t.equal((await FileLock.acquire(directory, 'lock', { host: here(2, true), tryLock, asking: ask })).is, 'held');
    t.same(ask.said, ['asking one']);
    const next = await taken(directory, { host: here(2, false), tryLock, asking: ask });
    t.notOk(next.isFromSilent, 'its end was seen');
    t.same(ask.said, ['asking one']);
    (await taken(directory, { host: here(2, true), tryLock, asking: ask })).release();
    t.same(ask.said, ['asking one'], 'nor does a process ask itself');
  },
);

t.test('a holder of an earlier boot is replaced also where nobody may wait', async (t) => {
  const directory = directoryOf(t);
  const tryLock = KERNELS['each kernel keeps locks of its own']!;
  const same = { machine: 'm', host: 'one' };
  await taken(directory, { host: host('before', same), tryLock });
  t.equal((await FileLock.acquire(directory, 'lock', { host: host('now', same), tryLock })).is, 'acquired');
});

t.test('without locks, a container on the same kernel whose processes cannot be seen is asked too', async (t) => {
  const directory = directoryOf(t);
  const tryLock = KERNELS['no kernel keeps locks']!;
  const inNamespace = (name: string): Host => host(name, { boot_id: 'one boot', pid_namespace: `pid:[${name}]` });
  const first = await taken(directory, { host: inNamespace('1'), tryLock });
  const ask = asking(() => {
    first.answer();
  });
  t.equal((await FileLock.acquire(directory, 'lock', { host: inNamespace('2'), tryLock, asking: ask })).is, 'held');
  t.same(ask.said, ['asking 1']);
});

t.test(
  'two machines start a server of one repository: the second names the first, which stops where it was replaced',
  async (t) => {
    const repository = new TemporaryRepository();
    t.teardown(() => {
      repository.dispose();
    });
    const said: string[] = [];
    const machine = (name: string, wait?: () => Promise<void>): PrivateState =>
      new PrivateState({
        root: repository.root,
        warn: (_fields, text) => void said.push(`${name}: ${text}`),
        locking: { host: host(name), tryLock: KERNELS['each kernel keeps locks of its own']! },
        ...(wait && { wait }),
      });
    const first = machine('a');
    await first.open();
    first.publish('ws://127.0.0.1:1', first.token(), new Date());
    const answered = machine('b', async () => {
      await first.check();
    });
    const error: unknown = await answered.open().catch((reason: unknown) => reason);
    t.ok(error instanceof LockError);
    t.match((error as Error).message, /served already by process \d+ on a at ws:\/\/127\.0\.0\.1:1/);
    t.same(await first.check(), { is: 'intact' });

    // The first machine sleeps.
    const second = machine('b', () => Promise.resolve());
    await second.open();
    t.ok(second.isFromSilent);
    t.match(said.at(-1), /no answer within 6 s/);
    t.match(JSON.parse(readFileSync(join(repository.bus, 'lock'), 'utf8')), { host: 'b' });
    second.publish('ws://127.0.0.1:2', second.token(), new Date());
    t.match(await first.check(), { is: 'taken' }, 'and finds out when it wakes');
    first.close();
    t.same(await second.check(), { is: 'intact' }, 'its end takes nothing from the other');
    second.close();
  },
);
