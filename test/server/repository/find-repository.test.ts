import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findRepository, safeDirectories } from '../../../server/repository/index.js';

const SOMEBODY = 54_321;
const isRoot = process.getuid?.() === 0;

/** A directory of one user, with a `.muse` of the same or another user. */
function repositoryOf(t: Test, owner: number, museOwner = owner): string {
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-consent-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, '.muse'));
  mkdirSync(join(root, 'src', 'deep'), { recursive: true });
  chownSync(join(root, '.muse'), museOwner, museOwner);
  chownSync(root, owner, owner);
  return root;
}

t.test('the nearest repository at or above a directory is found, as in git', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'muse-bus-consent-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, '.muse'));
  mkdirSync(join(root, 'src', 'deep'), { recursive: true });
  for (const from of [root, join(root, 'src'), join(root, 'src', 'deep')])
    t.same(findRepository(from), { is: 'found', root });
  rmSync(join(root, '.muse'), { recursive: true });
  t.same(findRepository(join(root, 'src')), { is: 'none' });
});

t.test('another user’s repository', { skip: isRoot ? false : 'needs to be root to give files away' }, async (t) => {
  t.test('stops the search with its owner and what to do, whoever owns which part', async (t) => {
    for (const [owner, muse] of [
      [SOMEBODY, SOMEBODY],
      [0, SOMEBODY],
      [SOMEBODY, 0],
    ] as const) {
      const root = repositoryOf(t, owner, muse);
      t.match(findRepository(join(root, 'src')), {
        is: 'refused',
        root,
        why: /belongs to user 54321, not to user 0/,
        hint: /--root .*safe_directories.*MUSE_BUS_SAFE_DIRECTORY=/,
      });
    }
  });

  t.test('is not skipped in favour of one further up', async (t) => {
    const root = repositoryOf(t, 0);
    const inner = join(root, 'src');
    mkdirSync(join(inner, '.muse'));
    chownSync(join(inner, '.muse'), SOMEBODY, SOMEBODY);
    t.match(findRepository(join(inner, 'deep')), { is: 'refused', root: inner });
  });

  t.test('is found where it is named, and not above what is named', async (t) => {
    const root = repositoryOf(t, SOMEBODY);
    t.same(findRepository(root, true), { is: 'found', root });
    t.match(findRepository(join(root, 'src'), true), { is: 'refused' });
  });

  t.test('is found where this user’s variable or file allows it, and sudo’s own user is this user', async (t) => {
    const root = repositoryOf(t, SOMEBODY);
    const config = mkdtempSync(join(tmpdir(), 'muse-bus-config-'));
    t.teardown(() => rmSync(config, { recursive: true, force: true }));
    const file = join(config, 'muse-bus', 'config.json');
    mkdirSync(join(config, 'muse-bus'));
    const env = { XDG_CONFIG_HOME: config };
    const found = { is: 'found', root } as const;
    t.same(findRepository(root, false, { ...env, MUSE_BUS_SAFE_DIRECTORY: `/elsewhere:${root}` }), found);
    t.same(findRepository(root, false, { ...env, MUSE_BUS_SAFE_DIRECTORY: '*' }), found);
    t.same(findRepository(root, false, { ...env, SUDO_UID: String(SOMEBODY) }), found);
    t.match(findRepository(root, false, { ...env, SUDO_UID: '1' }), { is: 'refused' });
    t.match(findRepository(root, false, { ...env, MUSE_BUS_SAFE_DIRECTORY: `${root}/src:/` }), { is: 'refused' });

    writeFileSync(file, JSON.stringify({ safe_directories: [root] }), { mode: 0o600 });
    t.same(findRepository(root, false, env), found);
    for (const [what, spoil] of [
      ['that others can write to', () => chmodSync(file, 0o666)],
      ['of another user', () => (chmodSync(file, 0o600), chownSync(file, SOMEBODY, SOMEBODY))],
      ['that is no list', () => (chownSync(file, 0, 0), writeFileSync(file, '{"safe_directories": "*"}'))],
      ['that is no JSON', () => writeFileSync(file, '*')],
      ['that is a pipe', () => (rmSync(file), execFileSync('mkfifo', [file]))],
    ] as const) {
      spoil();
      const fault = { name: 'TrustError', message: new RegExp(`^${file} is not used: `), hint: /correct or remove it/ };
      t.throws(() => findRepository(root, false, env), fault, `a file ${what} is an error`);
      t.throws(() => safeDirectories(env), fault, what);
    }
  });
});
