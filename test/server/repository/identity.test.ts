import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RepositoryIdentity } from '../../../server/repository/index.js';

function repository(t: Test): string {
  const parent = mkdtempSync(join(tmpdir(), 'muse-bus-identity-'));
  t.teardown(() => rmSync(parent, { recursive: true, force: true }));
  const root = join(parent, 'repository');
  mkdirSync(join(root, '.muse', 'bus'), { recursive: true });
  writeFileSync(join(root, '.muse', 'bus', 'id'), `${'a'.repeat(32)}\n`);
  return root;
}

t.test('a path with the same .muse is the same repository, whatever .muse contains', async (t) => {
  const root = repository(t);
  const identity = RepositoryIdentity.of(root)!;
  t.equal(identity.check(), 'same');
  rmSync(join(root, '.muse', 'bus'), { recursive: true });
  t.equal(identity.check(), 'same', 'git clean has been here');
});

t.test('a repository that was moved away is missing, and is the same when it comes back', async (t) => {
  const root = repository(t);
  const identity = RepositoryIdentity.of(root)!;
  renameSync(root, `${root}-moved`);
  t.equal(identity.check(), 'missing');
  t.ok(RepositoryIdentity.of(`${root}-moved`)!.matches(identity.record), 'and is found where it is now');
  renameSync(`${root}-moved`, root);
  t.equal(identity.check(), 'same');
});

t.test('a .muse that was recreated, or is a link or a file, is another repository', async (t) => {
  const ways: readonly (readonly [what: string, make: (muse: string) => void])[] = [
    ['made again', (muse) => mkdirSync(muse)],
    ['a link to where the old one is now', (muse) => symlinkSync(`${muse}-old`, muse)],
    ['a file', (muse) => writeFileSync(muse, '')],
  ];
  for (const [what, make] of ways) {
    const root = repository(t);
    const identity = RepositoryIdentity.of(root)!;
    const muse = join(root, '.muse');
    renameSync(muse, `${muse}-old`);
    t.equal(identity.check(), 'missing', what);
    make(muse);
    t.equal(identity.check(), 'other', what);
  }
});

t.test('a copy is another repository, although it has the marker', async (t) => {
  const root = repository(t);
  const copy = `${root}-copy`;
  cpSync(root, copy, { recursive: true });
  t.notOk(RepositoryIdentity.of(copy)!.matches(RepositoryIdentity.of(root)!.record));
});

t.test(
  'after a new mount the file system has another number, and the repository is the same if the marker says so',
  async (t) => {
    const root = repository(t);
    const { record } = RepositoryIdentity.of(root)!;
    const before = { ...record, device: `${record.device}0` };
    t.ok(RepositoryIdentity.of(root)!.matches(before));
    t.notOk(RepositoryIdentity.of(root)!.matches({ ...before, marker: 'b'.repeat(32) }));
    t.notOk(RepositoryIdentity.of(root)!.matches({ ...before, marker: undefined }));
  },
);

t.test('over a mount whose inodes change, the marker says that a path leads to the same repository', async (t) => {
  const identity = RepositoryIdentity.of(repository(t))!;
  const before = { ...identity.record, inode: '1', device: '2', bornNs: '0' };
  const mount = { is: 'shared', name: 'FUSE' } as const;
  t.ok(identity.matchesHere(before, mount));
  t.ok(identity.matchesHere(before, { is: 'layered', name: 'overlay' }));
  t.notOk(identity.matches(before), 'at another path it is another one');
  t.notOk(identity.matchesHere(before, { is: 'local', name: 'ext4' }), 'on a disk it was copied or made anew');
  t.notOk(identity.matchesHere({ ...before, marker: 'b'.repeat(32) }, mount));
  const unmarked = { ...before, marker: undefined };
  t.notOk(identity.matchesHere(unmarked, mount));
});

t.test('a directory without .muse has no identity, and a marker that is a link is ignored', async (t) => {
  const root = repository(t);
  t.equal(RepositoryIdentity.of(join(root, '.muse')), undefined);
  const id = join(root, '.muse', 'bus', 'id');
  renameSync(id, `${id}-target`);
  symlinkSync(`${id}-target`, id);
  t.ok(statSync(id).isFile());
  t.equal(RepositoryIdentity.of(root)!.record.marker, undefined);
});
