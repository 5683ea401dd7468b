import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Command, MUSE_BUS } from '../../support/command.js';
import { reservation } from '../../support/leases.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

function temporary(t: Test): TemporaryRepository {
  const repository = TemporaryRepository.for(t);
  repository.rename('reservation', 'r1', reservation('a', ['src/a.py']));
  return repository;
}

/** A command in a directory that is removed before it starts. */
function nowhere(t: Test, ...args: readonly string[]): { readonly code: number | null; readonly out: string } {
  const directory = mkdtempSync(join(tmpdir(), 'muse-bus-gone-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const script = 'cd "$1" && rmdir "$1" && shift && unset NODE_OPTIONS && exec "$@"';
  const all = ['-c', script, 'sh', directory, process.execPath, MUSE_BUS, ...args];
  const { status, stdout, stderr } = spawnSync('sh', all, { encoding: 'utf8' });
  return { code: status, out: stdout + stderr };
}

t.test('every command reports a removed working directory, unless a repository is named', (t) => {
  const repository = temporary(t);
  for (const args of [
    ['get', 'reservation'],
    ['wait', '--free', 'src/a.py'],
    ['watch', '--once'],
    ['serve'],
    ['doctor'],
    ['top', '--once'],
    ['holders', 'x'],
  ]) {
    const { code, out } = nowhere(t, ...args);
    t.not(code, 0, args.join(' '));
    t.match(out, /the working directory cannot be found \(ENOENT\).*name the repository with --root/s, args.join(' '));
    t.notMatch(out, /uv_cwd/);
  }
  for (const args of [
    ['get', 'reservation', '--json'],
    ['holders', 'src/a.py', '--json'],
  ]) {
    const { code, out } = nowhere(t, ...args, '--root', repository.root);
    t.equal(code, 0, out);
    t.match(out, /"r1"/);
  }
  t.end();
});

t.test('serve reports a root that is a file as such, not a port that is taken', (t) => {
  const file = join(temporary(t).root, 'a.txt');
  writeFileSync(file, '');
  const { status, stderr } = spawnSync(process.execPath, [MUSE_BUS, 'serve', '--root', file], { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(stderr, /a\.txt is no directory/);
  t.end();
});

t.test('a directory whose name is not UTF-8 is reported as such', { skip: process.platform !== 'linux' }, (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'muse-bus-bytes-'));
  t.teardown(() => {
    rmSync(parent, { recursive: true, force: true });
  });
  const script = `d="$(printf "$1/r\\377")"; mkdir -p "$d/.muse"; cd "$d"; shift; unset NODE_OPTIONS; exec "$@"`;
  for (const args of [['get', 'task'], ['serve'], ['doctor'], ['watch', '--once']]) {
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', script, 'sh', parent, process.execPath, MUSE_BUS, ...args],
      { encoding: 'utf8' },
    );
    t.not(status, 0, args.join(' '));
    t.match(stdout + stderr, /is not UTF-8 on disk.*rename it, or reach it through a symbolic link/s, args.join(' '));
  }
  t.end();
});

async function serving(t: Test, ...args: readonly string[]): Promise<Command> {
  const command = Command.museBus(['serve', '--port', '0', '--log-level', 'error', ...args]);
  t.teardown(async () => {
    command.kill('SIGTERM');
    await command.exit;
  });
  await until('it listens', () => command.lines.some((line) => line.startsWith('Listening at')));
  return command;
}

t.test('a read-only file system is reported as such, and serve says where the token is', async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'muse-bus-read-only-'));
  t.teardown(() => {
    rmSync(place, { recursive: true, force: true });
  });
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'none', place], { stdio: 'ignore' });
  } catch {
    t.comment('mounting needs a privilege');
    return;
  }
  t.teardown(() => execFileSync('umount', ['-l', place]));
  mkdirSync(join(place, 'repo', '.muse', 'coordination'), { recursive: true });
  mkdirSync(join(place, 'plain'));
  execFileSync('mount', ['-o', 'remount,ro', place]);
  const refused = async (...args: readonly string[]): Promise<string> => {
    const command = Command.museBus(['serve', '--port', '0', '--log-level', 'error', ...args]);
    t.equal(await command.exit, 1, args.join(' '));
    return command.errors.join('\n');
  };
  const [plain, state] = await Promise.all([
    refused('--root', join(place, 'plain')),
    refused('--root', join(place, 'repo'), '--state-dir', join(place, 'a', 'b')),
  ]);
  t.match(plain, /plain\/\.muse is missing and cannot be made: the file system is read-only \(EROFS\)/);
  t.match(state, /cannot make .*b, where private state is kept: the file system is read-only/);
  const command = await serving(t, '--root', join(place, 'repo'));
  const file = /its token is in (\/.*endpoint\.json)$/.exec(command.lines.join('\n'))?.[1];
  t.ok(file !== undefined && existsSync(file), command.lines.join('\n'));
});

t.test('serve finds the repository above a named directory, as git and every other command do', async (t) => {
  const repository = temporary(t);
  const inside = join(repository.root, 'src', 'deep');
  mkdirSync(inside, { recursive: true });
  await serving(t, '--root', inside);
  t.notOk(existsSync(join(inside, '.muse')), 'no second one is made');
  t.ok(existsSync(join(repository.bus, 'endpoint.json')));
});

t.test('a named directory that begins a repository of its own is served itself', async (t) => {
  const repository = temporary(t);
  const nested = join(repository.root, 'vendored');
  mkdirSync(join(nested, '.git'), { recursive: true });
  const command = await serving(t, '--root', nested);
  t.ok(existsSync(join(nested, '.muse', 'bus', 'endpoint.json')));
  t.match(command.lines.join('\n'), /its token is in \.muse[/]bus[/]endpoint\.json$/);
});

t.test('a root that is a link means the directory it led to at the start, and a changed link is noticed', async (t) => {
  const [first, second] = [temporary(t), temporary(t)];
  second.rename('task', 'other', {});
  const link = join(tmpdir(), `muse-bus-link-${String(process.pid)}`);
  symlinkSync(first.root, link);
  t.teardown(() => {
    rmSync(link, { force: true });
  });
  const command = await serving(t, '--root', link, '--gone-after', '1');
  t.ok(existsSync(join(realpathSync(link), '.muse', 'bus', 'endpoint.json')));
  rmSync(link);
  symlinkSync(second.root, link);
  first.rename('task', 'still', {});
  const get = Command.museBus(['get', 'task', '--json', '--root', first.root]);
  const [code] = await Promise.all([Promise.race([command.exit, get.exit.then(() => undefined)]), get.exit]);
  t.notOk(
    get.lines.some((line) => line.includes('"other"')),
    'nothing of the other is served as of this one',
  );
  if (code !== undefined) t.equal(code, 3);
  t.match(get.lines.join('\n'), /"still"/);
});
