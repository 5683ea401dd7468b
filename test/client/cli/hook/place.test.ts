import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { localPath } from '../../../../client/cli/hook/local-path.js';
import { addresser, findPlace } from '../../../../client/cli/hook/place.js';
import { placeEdits } from '../../../../client/cli/hook/placed-edits.js';
import { readStaged } from '../../../../client/cli/hook/staged.js';
import { WorkingTree } from '../../../support/git.js';

/** A repository with Muse, two working trees linked to it, one beside it and one inside, and a repository of another project in it. */
function repository(t: Test): { readonly root: string; readonly beside: string } {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'muse-bus-place-')));
  t.teardown(() => {
    rmSync(home, { recursive: true });
  });
  const root = join(home, 'shop');
  const beside = join(home, 'shop-feature');
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  write(join(root, '.muse/coordination/README'), '');
  write(join(root, '.git/HEAD'), 'ref: refs/heads/main\n');
  write(join(root, 'vendor/.git/HEAD'), 'ref: refs/heads/theirs\n');
  write(join(root, 'src/a.py'), '');
  for (const [top, branch] of [
    [beside, 'feature'],
    [join(root, '.worktrees/inner'), 'inner'],
  ] as const) {
    write(join(root, '.git/worktrees', branch, 'HEAD'), `ref: refs/heads/${branch}\n`);
    write(join(top, '.git'), `gitdir: ${join(root, '.git/worktrees', branch)}\n`);
  }
  return { root, beside };
}

/** Returns what the hook asks about when an agent in a directory edits a file, and the branch that counts. */
function asked(directory: string, path: string, branch?: string): { texts: string[]; branch: string | undefined } {
  const place = findPlace(directory, undefined);
  if (place.is !== 'found') throw new Error(place.is);
  const edit = addresser(directory, place, branch)({ path, replaces: 'all' });
  const texts = edit?.addresses.map(({ text }) => text) ?? [];
  return { texts, branch: edit?.tree ? edit.tree.branch : place.tree?.branch };
}

t.test('a file belongs to the working tree that it lies in, wherever its agent is', async (t) => {
  const { root, beside } = repository(t);
  const inner = join(root, '.worktrees/inner');
  const a = { texts: ['src/a.py'] };
  t.same(asked(root, 'src/a.py'), { ...a, branch: 'main' });
  t.same(asked(beside, 'src/a.py'), { ...a, branch: 'feature' });
  t.same(asked(root, join(beside, 'src/a.py')), { ...a, branch: 'feature' });
  t.same(asked(root, '.worktrees/inner/src/a.py'), { ...a, branch: 'inner' });
  t.same(asked(beside, join(root, 'src/a.py')), { ...a, branch: 'main' });
  t.same(asked(inner, join(beside, 'src/a.py')), { ...a, branch: 'feature' });
  t.equal(asked(root, join(beside, 'src/a.py'), 'named').branch, 'main', 'a named branch is for all of them');
  t.same(
    asked(join(root, 'vendor'), 'x.py'),
    { texts: ['vendor/x.py'], branch: 'main' },
    'a repository inside is a directory',
  );
  t.same(asked(root, join(dirname(root), 'elsewhere.py')).texts, []);
});

t.test(
  'the branch that git rebases is the one that is worked on, and one that cannot be read is unknown',
  async (t) => {
    const { root } = repository(t);
    const head = (text: string): string | undefined => {
      writeFileSync(join(root, '.git/HEAD'), text);
      return asked(root, 'src/a.py').branch;
    };
    const detached = `${'0'.repeat(40)}\n`;
    t.equal(head(detached), undefined);
    t.equal(head('ref: refs/heads/.invalid\n'), undefined, 'the branches are in a table that git cannot read');
    for (const kind of ['rebase-apply', 'rebase-merge']) {
      mkdirSync(join(root, '.git', kind));
      writeFileSync(join(root, '.git', kind, 'head-name'), `refs/heads/${kind}\n`);
      t.equal(head(detached), kind);
    }
  },
);

t.test('a path is also the url of a file, or one below the home of its user', async (t) => {
  for (const [text, posix, windows] of [
    ['src/a.py', 'src/a.py', 'src/a.py'],
    ['file:///c:/my%20shop/a.py', '/c:/my shop/a.py', String.raw`c:\my shop\a.py`],
    ['/c:/shop', '/c:/shop', 'c:/shop'],
    ['~', homedir(), homedir()],
    ['~/shop', join(homedir(), 'shop'), join(homedir(), 'shop')],
    ['~ada/shop', '~ada/shop', '~ada/shop'],
    ['file://[', 'file://[', 'file://['],
  ] as const) {
    t.equal(localPath(text, false), posix);
    t.equal(localPath(text, true), windows);
  }
});

t.test('what a commit replaces does not depend on settings of git', async (t) => {
  const { root } = repository(t);
  rmSync(join(root, '.git'), { recursive: true });
  const tree = new WorkingTree(root);
  const text = (middle: string, end: string): string => `a = 1\nb = ${middle}\nc = 1\nd = ${end}\n`;
  for (const path of ['src/a.py', 'src/b.py']) tree.write(path, text('1', '1'));
  tree.commit();
  for (const path of ['src/a.py', 'src/b.py']) tree.write(path, text('2', '2'));
  tree.git('add', 'src');
  const expected = ['src/a.py', 'src/b.py'].map((path) => ({ path, replaces: ['b = 1', 'd = 1'] }));
  tree.write('.git/info/attributes', '*.py diff=odd\n');
  for (const [name, value] of [
    ['diff.interHunkContext', '9'],
    ['diff.odd.textconv', 'echo'],
    ['diff.noprefix', 'true'],
    ['color.ui', 'always'],
  ] as const)
    tree.git('config', name, value);
  const lines = readStaged(join(root, 'src')).edits.map(({ path, replaces }) => ({
    path,
    replaces: replaces === 'all' ? replaces : replaces.filter((line) => /^[bd]/.test(line)),
  }));
  t.strictSame(lines, expected);
});

t.test('a sign in the name of a file that is a wildcard elsewhere means itself', async (t) => {
  const { root } = repository(t);
  t.same(asked(root, 'app/[id]/page.tsx').texts, [String.raw`app/\[id\]/page.tsx`]);
  t.same(asked(root, 'src/{a,b}*.py').texts, [String.raw`src/\{a,b\}\*.py`]);
});

t.test('a link counts as what it leads to, also where that does not exist yet', async (t) => {
  const { root } = repository(t);
  symlinkSync('src/new.py', join(root, 'link.py'));
  symlinkSync('new', join(root, 'directory'));
  symlinkSync('loop', join(root, 'loop'));
  t.same(asked(root, 'link.py').texts, ['link.py', 'src/new.py']);
  t.same(asked(root, 'directory/a.py').texts, ['directory/a.py', 'new/a.py']);
  t.same(asked(root, 'loop/a.py').texts, ['loop/a.py']);
});

t.test('a directory that is none, or cannot be one, is where it says', async (t) => {
  const { root } = repository(t);
  for (const odd of ['gone/deep', 'src/a.py', 'x'.repeat(5_000), 'a\0b'])
    t.same(
      asked(join(root, odd), join(root, 'src/a.py')),
      { texts: ['src/a.py'], branch: 'main' },
      JSON.stringify(odd.slice(0, 20)),
    );
});

t.test('an edit counts once in each repository that its file lies in, by whatever links', async (t) => {
  const { root, beside } = repository(t);
  const home = dirname(root);
  mkdirSync(join(root, 'vendor/.muse'));
  symlinkSync(home, join(home, 'link'));
  const places = (directory: string, path: string): unknown => {
    const placement = placeEdits([{ path, replaces: 'all' }], directory, undefined, undefined);
    if (placement.is !== 'placed') return placement.is;
    return placement.all.map(({ place, isAgents, addressed }) => [
      realpathSync(place.root),
      isAgents,
      ...addressed.flatMap(({ addresses }) => addresses.map(({ text }) => text)),
    ]);
  };
  const linked = join(home, 'link/shop');
  const own = [[root, true, 'src/a.py']];
  t.strictSame(places(root, 'src/a.py'), own);
  t.strictSame(places(linked, 'src/a.py'), own);
  t.strictSame(places(linked, join(root, 'src/a.py')), own);
  t.strictSame(places(root, join(linked, 'src/a.py')), own);
  t.strictSame(places(beside, 'src/a.py'), own, 'a linked working tree is of its repository');
  t.strictSame(places(home, join(linked, 'src/a.py')), own, 'from a directory above');
  const vendor = join(root, 'vendor');
  t.strictSame(places(root, 'vendor/x.py'), [
    [root, true, 'vendor/x.py'],
    [vendor, false, 'x.py'],
  ]);
  t.strictSame(places(vendor, '../src/a.py'), [
    [vendor, true],
    [root, false, 'src/a.py'],
  ]);
  t.equal(places(home, 'elsewhere.py'), 'none');
});
