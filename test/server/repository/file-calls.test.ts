import { constants, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { PrivateDirectory } from '../../../server/repository/private-directory.js';
import { namedBy } from '../../../server/repository/private-file.js';
import { openUnfollowed, type OpenCalls } from '../../../server/repository/open-unfollowed.js';
import { removePatiently, renamePatiently, type HeldFileCalls } from '../../../server/repository/held-files.js';
import { systemFiles } from '../../../server/watch/files.js';
import { Command } from '../../support/command.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

// The last two wait for a server that looks at a file each second.
t.jobs = 2;

/** The calls on a file that another program holds for a while. */
function held(times: number, code: string, isDirectory = false) {
  const waits: number[] = [];
  let done = 0;
  const call = (): void => {
    if (waits.length >= times) done++;
    else throw Object.assign(new Error(code), { code });
  };
  const calls: HeldFileCalls = {
    rename: call,
    remove: call,
    isDirectory: () => isDirectory,
    pause: (ms) => waits.push(ms),
  };
  return { calls, waits, done: () => done };
}

const PATIENT: Readonly<Record<string, (calls: HeldFileCalls) => void>> = {
  rename: (calls) => {
    renamePatiently('a', 'b', calls);
  },
  removal: (calls) => {
    removePatiently('a', calls);
  },
};

for (const [what, run] of Object.entries(PATIENT)) {
  for (const code of ['EPERM', 'EACCES', 'EBUSY', 'ENOTEMPTY'])
    t.test(`a ${what} that fails with ${code} for a moment is done when the file is free`, (t) => {
      const { calls, done } = held(5, code);
      run(calls);
      t.equal(done(), 1);
      t.end();
    });

  t.test(`a ${what} is given up after a second, and at once where waiting cannot help`, (t) => {
    const forever = held(Infinity, 'EPERM');
    t.throws(() => run(forever.calls), { code: 'EPERM' });
    const waited = forever.waits.reduce((sum, ms) => sum + ms, 0);
    t.ok(waited >= 1_000 && waited < 1_100, `waited ${String(waited)} ms`);
    const full = held(9, 'ENOSPC');
    t.throws(() => run(full.calls));
    t.same(full.waits, []);
    t.end();
  });
}

t.test('no waiting renames a file onto a directory', (t) => {
  const { calls, waits } = held(9, 'EPERM', true);
  t.throws(() => renamePatiently('a', 'b', calls));
  t.same(waits, []);
  t.end();
});

t.test('the product renames and removes files with this patience alone', (t) => {
  const project = fileURLToPath(new URL('../../../', import.meta.url));
  const sources = ['server', 'client'].flatMap((room) =>
    readdirSync(join(project, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(room, name)),
  );
  const others = /\b(?:rename|rm|unlink|rmdir)Sync\b/;
  const patient = sources.filter((source) => others.test(readFileSync(join(project, source), 'utf8')));
  t.same(patient, [join('server', 'repository', 'held-files.ts')]);
  t.end();
});

/** The calls of a system whose `open` follows links. */
const following: OpenCalls = {
  ...systemFiles,
  open: (path, flags) => systemFiles.open(path, flags & ~constants.O_NOFOLLOW),
};

t.test('without O_NOFOLLOW a link is refused, also one that is put there just before the file is opened', (t) => {
  const path = temporaryDirectory(t);
  const [file, secret] = [join(path, 'file'), join(path, 'secret')];
  writeFileSync(file, '{}');
  writeFileSync(secret, 'secret');
  systemFiles.close(openUnfollowed(file, constants.O_RDONLY, following, false));
  symlinkSync(secret, join(path, 'link'));
  const code = 'ELOOP';
  t.throws(() => openUnfollowed(join(path, 'link'), constants.O_RDONLY, following, false), { code });
  const closed: number[] = [];
  const raced: OpenCalls = {
    ...following,
    open: (at, flags) => {
      rmSync(at);
      symlinkSync(secret, at);
      return following.open(at, flags);
    },
    close: (opened) => {
      closed.push(opened);
      systemFiles.close(opened);
    },
  };
  t.throws(() => openUnfollowed(file, constants.O_RDONLY, raced, false), { code });
  t.equal(closed.length, 1, 'and what was opened is closed');
  t.end();
});

const PRELOAD = new URL('../../support/without-modes.mjs', import.meta.url).href;

for (const chmod of ['ignored', 'refused']) {
  t.test(
    `on a file system without modes, where chmod is ${chmod}, a server keeps its token, says once what is not private, and does not loop`,
    { skip: process.platform === 'linux' ? false : 'the preload needs /proc' },
    async (t) => {
      const repository = new TemporaryRepository();
      t.teardown(() => {
        repository.dispose();
      });
      const state = join(temporaryDirectory(t), 'state');
      const tokenFile = (): string => {
        const [key] = readdirSync(join(state, 'muse-bus'));
        return join(state, 'muse-bus', key!, 'token');
      };
      const preloads = `${process.env['NODE_OPTIONS'] ?? ''} --import=${PRELOAD}`;
      const env = { ...process.env, NODE_OPTIONS: preloads, MUSE_TEST_WITHOUT_MODES: tmpdir(), MUSE_TEST_CHMOD: chmod };
      const tokens: string[] = [];
      for (let run = 0; run < 2; run++) {
        const server = Command.museBus(['serve', '--root', repository.root, '--port', '0', '--state-dir', state], {
          env,
        });
        await until('it serves', () => server.lines.length > 0);
        tokens.push(readFileSync(tokenFile(), 'utf8'));
        // Two reloads; the second would come from the watcher of the file, if the first one changed it.
        server.kill('SIGHUP');
        // The watcher of the file looks each second.
        await until('it has looked twice', () => Date.now() > lstatSync(tokenFile()).birthtimeMs + 2_500);
        server.kill('SIGTERM');
        t.equal(await server.exit, 0);
        const said = server.errors.join('\n');
        t.equal(said.split('the file system of the private state has no file modes').length, 2);
        t.equal(said.split('the file system of the repository has no file modes').length, 2);
        t.notMatch(said, /token changed|made again|Damaged|PrivateFileError/);
        t.same(readdirSync(repository.bus).sort(), ['.gitignore', 'id', 'lock'], 'no endpoint, nothing set aside');
      }
      t.equal(tokens[0], tokens[1]);
    },
  );
}

t.test('an error of the system about a private file names its path, not the descriptor that led to it', (t) => {
  const directory = PrivateDirectory.within(temporaryDirectory(t), 'private');
  t.teardown(() => {
    directory.close();
  });
  const name = 'x'.repeat(300);
  const calls: readonly (() => unknown)[] = [
    () => directory.replace(name, ''),
    () => directory.create(name),
    () => directory.open(name),
    () => directory.read(name, 1),
    () => directory.directory(name),
  ];
  for (const call of calls) t.throws(call, { code: 'ENAMETOOLONG', path: join(directory.path, name) });
  const failedWrite = Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' });
  t.match(namedBy('/shop/.muse/bus/lock', failedWrite), { path: '/shop/.muse/bus/lock' });
  t.end();
});
