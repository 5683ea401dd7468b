import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { MUSE_BUS } from '../../support/command.js';

const NOBODY = 65_534;
/** Without the options of the test runner, which writes files where it runs. */
const PLAIN = ['-u', 'NODE_OPTIONS'];
const COMMANDS: readonly (readonly string[])[] = [
  ['watch', '--once', '--json'],
  ['get', 'task'],
  ['holders', 'src/a.py', '--json'],
  ['wait', '--free', 'src/a.py', '--timeout', '0'],
  ['top', '--once'],
  ['doctor', '--json'],
];

/** Everything below a directory, with modification times. */
function contentsOf(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => `${name} ${String(statSync(join(path, name)).mtimeMs)}`);
}

t.test(
  'read-only commands create nothing, neither directory nor file, in a checkout that they may not write',
  async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'muse-bus-looks-'));
    t.teardown(() => rmSync(root, { recursive: true, force: true }));
    const tasks = join(root, '.muse', 'coordination', 'tasks');
    mkdirSync(tasks, { recursive: true });
    writeFileSync(join(tasks, 'a.json'), '{"title":"a"}');
    // A directory that belongs to root, as sudo leaves it behind.
    mkdirSync(join(root, '.muse', 'bus'), { mode: 0o700 });
    chmodSync(root, 0o755);
    const before = contentsOf(root);
    const isRoot = process.getuid?.() === 0;
    for (const args of COMMANDS) {
      const { status, stderr, stdout } = spawnSync(
        '/usr/bin/env',
        [...PLAIN, process.execPath, MUSE_BUS, ...args, '--root', root],
        {
          encoding: 'utf8',
          cwd: '/',
          env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
          ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
        },
      );
      if (args[0] !== 'doctor') t.equal(status, 0, `${args[0]!}: ${stderr}`);
      if (args[0] === 'watch') t.match(stdout, /"id":"a"/);
      t.same(contentsOf(root), before, `${args[0]!} has created nothing`);
    }
  },
);
