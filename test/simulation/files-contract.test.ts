import { constants, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { errorCode, systemFiles, type Files } from '../../server/watch/files.js';
import type { WatchFunction } from '../../server/watch/native-watcher.js';
import { until } from '../support/until.js';
import { SimulatedDisk } from './machine/simulated-disk.js';
import { SimulatedFiles } from './machine/simulated-files.js';
import { SimulatedHost, SimulatedProcess } from './machine/simulated-process.js';
import { SimulatedTime } from './machine/simulated-time.js';

/** A directory with the ways of a server to look into it, and what others do there. Names are paths below it. */
interface FilesWorld {
  readonly files: Files;
  readonly watch: WatchFunction;
  at(name: string): string;
  write(name: string, text: string): void;
  rename(from: string, to: string): void;
  remove(name: string): void;
  link(target: string, name: string): void;
  makeDirectory(name: string): void;
  /** Resolves when `is` holds. */
  until(what: string, is: () => boolean): Promise<void>;
}

function realWorld(t: Test): FilesWorld {
  const root = mkdtempSync(join(tmpdir(), 'muse-files-'));
  t.teardown(() => {
    rmSync(root, { recursive: true });
  });
  const at = (name: string): string => join(root, name);
  return {
    files: systemFiles,
    watch: (path, listener) => watch(path, { encoding: 'utf8' }, listener),
    at,
    write: (name, text) => {
      writeFileSync(at(name), text);
    },
    rename: (from, to) => {
      renameSync(at(from), at(to));
    },
    remove: (name) => {
      rmSync(at(name), { recursive: true });
    },
    link: (target, name) => {
      symlinkSync(target, at(name));
    },
    makeDirectory: (name) => {
      mkdirSync(at(name));
    },
    until: (what, is) => until(what, is),
  };
}

function simulatedWorld(t: Test): FilesWorld {
  const time = new SimulatedTime();
  const host = new SimulatedHost(time);
  const disk = new SimulatedDisk(host);
  const process = new SimulatedProcess('contract', host, (_process, error) => t.fail(String(error)));
  const files = new SimulatedFiles(disk, process);
  disk.makeDirectory('/w');
  const at = (name: string): string => `/w/${name}`;
  return {
    files,
    watch: files.watch,
    at,
    write: (name, text) => {
      disk.truncate(at(name));
      disk.write(at(name), Buffer.from(text));
    },
    rename: (from, to) => {
      disk.rename(at(from), at(to));
    },
    remove: (name) => {
      disk.remove(at(name));
    },
    link: (target, name) => {
      disk.link(target, at(name));
    },
    makeDirectory: (name) => {
      disk.makeDirectory(at(name));
    },
    until: async (what, is) => {
      for (let i = 0; i < 100 && !is(); i++) await time.run(time.now + 1);
      t.ok(is(), what);
    },
  };
}

const { O_RDONLY, O_NOFOLLOW, O_DIRECTORY } = constants;

/** @returns the code with which a call fails, or `none`. */
function codeOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (error) {
    return errorCode(error);
  }
}

function textOf(files: Files, path: string): string {
  const file = files.open(path, O_RDONLY);
  const buffer = Buffer.alloc(100);
  const length = files.read(file, buffer, 0, buffer.length, 0);
  files.close(file);
  return buffer.toString('utf8', 0, length);
}

function namesIn(files: Files, path: string): string[] {
  const directory = files.list(path, 8);
  const names: string[] = [];
  for (let entry = directory.readSync(); entry; entry = directory.readSync()) names.push(entry.name);
  directory.closeSync();
  return names.sort();
}

/** Watches a directory. @returns the notifications so far; equal ones in a row are one, as the kernel may merge them. */
function heard(t: Test, world: FilesWorld, path: string): string[] {
  const said: string[] = [];
  const handle = world.watch(path, (type, name) => {
    const text = `${type} ${String(name)}`;
    if (said.at(-1) !== text) said.push(text);
  });
  t.teardown(() => {
    handle.close();
  });
  return said;
}

const isLinux = process.platform === 'linux';

for (const [kind, worldFor] of Object.entries({ 'the system': realWorld, simulated: simulatedWorld })) {
  t.test(`files: ${kind}`, { skip: isLinux ? false : 'the simulated machine is a Linux' }, async (t) => {
    t.test('what cannot be opened, and why', async (t) => {
      const world = worldFor(t);
      const { files, at } = world;
      world.write('file', 'x');
      world.makeDirectory('directory');
      world.link('file', 'link');
      world.link('nowhere', 'dangling');
      world.link('loop', 'loop');
      const open = (name: string, flags: number) => codeOf(() => files.open(at(name), flags));
      t.equal(open('missing', O_RDONLY), 'ENOENT');
      t.equal(open('missing/file', O_RDONLY), 'ENOENT');
      t.equal(open('file/below', O_RDONLY), 'ENOTDIR');
      t.equal(open('file', O_RDONLY | O_DIRECTORY), 'ENOTDIR');
      t.equal(open('link', O_RDONLY | O_NOFOLLOW), 'ELOOP');
      t.equal(open('dangling', O_RDONLY), 'ENOENT');
      t.equal(open('loop', O_RDONLY), 'ELOOP');
      const directory = files.open(at('directory'), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      t.equal(
        codeOf(() => files.read(directory, Buffer.alloc(1), 0, 1, 0)),
        'EISDIR',
      );
      files.close(directory);
      t.equal(
        codeOf(() => files.status(directory)),
        'EBADF',
      );
      t.equal(
        codeOf(() => files.list(at('missing'), 8)),
        'ENOENT',
      );
      t.equal(
        codeOf(() => files.list(at('file'), 8)),
        'ENOTDIR',
      );
      for (const [name, code] of Object.entries({ missing: 'ENOENT', file: 'ENOTDIR', directory: 'none' })) {
        const probe = (): void => {
          files.probe(at(name));
        };
        t.equal(codeOf(probe), code);
      }
      t.equal(
        codeOf(() => files.make(at('directory'))),
        'EEXIST',
      );
      t.equal(
        codeOf(() => files.make(at('missing/inner'))),
        'ENOENT',
      );
      t.equal(
        codeOf(() => world.watch(at('missing'), () => undefined)),
        'ENOENT',
      );
    });

    t.test('links are looked at, or followed', async (t) => {
      const world = worldFor(t);
      const { files, at } = world;
      world.write('file', 'four');
      world.link('file', 'link');
      world.link('nowhere', 'dangling');
      t.equal(files.look(at('link'))?.isSymbolicLink(), true);
      t.equal(files.follow(at('link'))?.size, 4n);
      t.equal(files.look(at('dangling'))?.isSymbolicLink(), true);
      t.equal(files.follow(at('dangling')), undefined);
      t.equal(files.look(at('missing')), undefined);
      t.equal(files.look(at('missing/below')), undefined);
    });

    t.test(
      'a file that is written in place stays the same one, and one that is renamed over it does not',
      async (t) => {
        const world = worldFor(t);
        const { files, at } = world;
        world.write('file', 'one');
        const file = files.open(at('file'), O_RDONLY);
        const before = files.status(file);
        t.equal(before.isFile(), true);
        world.write('file', 'longer');
        t.equal(files.look(at('file'))?.ino, before.ino);
        t.equal(files.status(file).size, 6n);
        world.write('other', 'other');
        world.rename('other', 'file');
        t.not(files.look(at('file'))?.ino, before.ino);
        t.equal(files.status(file).nlink, 0n, 'the open one has no name any more');
        const buffer = Buffer.alloc(10, '.');
        t.equal(files.read(file, buffer, 2, 3, 1), 3);
        t.equal(buffer.toString(), '..ong.....');
        t.equal(files.read(file, buffer, 0, 10, 4), 2);
        t.equal(files.read(file, buffer, 0, 10, 6), 0, 'the end');
        files.close(file);
        t.equal(textOf(files, at('file')), 'other');
      },
    );

    t.test('an open directory stays the one that was opened, whatever is at its path', async (t) => {
      const world = worldFor(t);
      const { files, at } = world;
      world.makeDirectory('directory');
      world.write('directory/.hidden', 'h');
      world.write('directory/a', 'old');
      const opened = files.open(at('directory'), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      const through = `/proc/self/fd/${String(opened)}`;
      world.rename('directory', 'away');
      world.makeDirectory('directory');
      world.write('directory/a', 'new');
      t.equal(textOf(files, `${through}/a`), 'old');
      t.same(namesIn(files, through), ['.hidden', 'a']);
      t.equal(files.look(`${through}/missing`), undefined);
      t.not(files.look(at('directory'))?.ino, files.status(opened).ino);
      world.remove('away');
      t.equal(files.status(opened).nlink, 0n, 'it has been removed');
      t.equal(
        codeOf(() => textOf(files, `${through}/a`)),
        'ENOENT',
      );
      files.close(opened);
    });

    t.test('a directory notifies of each name in it, in order, and of itself by its own name', async (t) => {
      const world = worldFor(t);
      const { at } = world;
      world.makeDirectory('directory');
      const said = heard(t, world, at('directory'));
      const step = async (act: () => void, expected: readonly string[]): Promise<void> => {
        act();
        await world.until(String(expected), () => said.length >= expected.length);
        t.same(said.splice(0), expected);
      };
      await step(() => world.write('directory/a', '1'), ['rename a', 'change a']);
      await step(() => world.write('directory/a', '2'), ['change a']);
      await step(() => world.rename('directory/a', 'directory/b'), ['rename a', 'rename b']);
      await step(() => world.rename('directory/b', 'b'), ['rename b']);
      await step(() => world.rename('b', 'directory/c'), ['rename c']);
      await step(() => world.link('c', 'directory/link'), ['rename link']);
      await step(() => world.remove('directory/c'), ['rename c']);
      await step(() => world.makeDirectory('directory/inner'), ['rename inner']);
      await step(() => world.write('directory/inner/deep', ''), []);
      await step(() => world.rename('directory', 'away'), ['rename directory']);
      await step(() => world.write('away/d', '1'), ['rename d', 'change d']);
    });
  });
}
