import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { CheckedDirectories } from '../../../server/watch/checked-directories.js';
import { systemFiles, type Files } from '../../../server/watch/files.js';
import { RecordReader, signatureAt } from '../../../server/watch/record-reader.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

function readable(t: Test): { repository: TemporaryRepository; reader: RecordReader; warnings: string[] } {
  const repository = new TemporaryRepository();
  t.teardown(() => {
    repository.dispose();
  });
  const warnings: string[] = [];
  const reader = readerOf(t, repository, (warning) => warnings.push(warning));
  return { repository, reader, warnings };
}

function readerOf(
  t: Test,
  { dir }: TemporaryRepository,
  warn: (warning: string) => void,
  files: Files = systemFiles,
): RecordReader {
  const directories = new CheckedDirectories(dir, files);
  directories.open();
  t.teardown(() => {
    directories.close();
  });
  return new RecordReader({
    directories,
    maxBytes: 1_000,
    maxDepth: 32,
    admits: () => true,
    warn: (_kind, _id, warning) => {
      warn(warning);
    },
  });
}

t.test('a record is read with a signature that differs from that of its next state', async (t) => {
  const { repository, reader } = readable(t);
  repository.rename('task', 't1', { n: 1 });
  const first = reader.read('task', 't1');
  t.match(first, { is: 'present', kind: 'task', id: 't1', data: { n: 1 }, signature: { size: 7 } });
  t.strictSame('signature' in first && first.signature, signatureAt(systemFiles, repository.dir.file('task', 't1')));
  utimesSync(repository.dir.file('task', 't1'), 1, 1);
  t.notSame(reader.read('task', 't1'), first);
});

t.test('a file that is written between the check and the reading has the signature of what was read', async (t) => {
  const { repository } = readable(t);
  const file = repository.dir.file('task', 't1');
  repository.raw('task', 't1', '');
  const write = [() => repository.inPlace('task', 't1', { n: 1 })];
  const files: Files = {
    ...systemFiles,
    status: (fd) => {
      const stats = systemFiles.status(fd);
      if (stats.isFile()) write.pop()?.();
      return stats;
    },
  };
  const reader = readerOf(t, repository, () => undefined, files);
  t.match(reader.read('task', 't1'), { is: 'present', data: { n: 1 }, signature: signatureAt(systemFiles, file) });
});

t.test('a time of any year fits into the journal, and two times differ', async (t) => {
  const { repository } = readable(t);
  repository.rename('task', 't1', { n: 1 });
  const years = [15_032_385_535_000_000_000n, 15_032_385_535_000_000_001n, -9_300_000_000_000_000_000n];
  const times = years.map((mtimeNs) => {
    const files: Files = { ...systemFiles, status: (fd) => Object.assign(systemFiles.status(fd), { mtimeNs }) };
    const reading = readerOf(t, repository, () => undefined, files).read('task', 't1');
    return reading.is === 'present' ? reading.signature.mtimeNs : undefined;
  });
  for (const time of times) t.doesNotThrow(() => Buffer.alloc(8).writeBigInt64LE(time!));
  t.equal(new Set(times).size, years.length);
});

t.test('a reading does not change the data of an earlier reading', async (t) => {
  const { repository, reader } = readable(t);
  repository.rename('task', 't1', { text: 'a'.repeat(100) });
  repository.rename('task', 't2', { text: 'b'.repeat(100) });
  const first = reader.read('task', 't1');
  reader.read('task', 't2');
  t.match(first, { data: { text: 'a'.repeat(100) } });
});

t.test('a missing file is absent, even where its directory is not a directory', async (t) => {
  const { repository, reader } = readable(t);
  t.match(reader.read('task', 'nothing'), { is: 'absent' });
  repository.removeDirectory('task');
  t.match(reader.read('task', 'nothing'), { is: 'absent' });
});

t.test('a file that must not be opened has a problem, and the reader does not wait for it', async (t) => {
  const { repository, reader } = readable(t);
  const file = (id: string): string => repository.dir.file('task', id);
  repository.raw('task', 'target', '{}');
  symlinkSync(file('target'), file('link'));
  symlinkSync(file('loop'), file('loop'));
  symlinkSync('/dev/zero', file('zero'));
  mkdirSync(file('directory'));
  execFileSync('mkfifo', [file('pipe')]);
  const server = createServer().listen(file('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const cases = {
    link: 'link',
    loop: 'link',
    zero: 'link',
    directory: 'not-a-file',
    pipe: 'not-a-file',
    socket: 'not-a-file',
  };
  for (const [id, problem] of Object.entries(cases)) t.match(reader.read('task', id), { is: 'broken', problem }, id);
});

t.test('a file up to the size limit is read, a larger one is not', async (t) => {
  const { repository, reader } = readable(t);
  const sized = (length: number): string => JSON.stringify({ a: 'x'.repeat(length - 8) });
  repository.raw('task', 'largest', sized(1_000));
  t.equal(reader.read('task', 'largest').is, 'present');
  repository.raw('task', 'larger', sized(1_001));
  t.match(reader.read('task', 'larger'), { is: 'broken', problem: 'too-large' });
  repository.raw('task', 'sparse', '');
  truncateSync(repository.dir.file('task', 'sparse'), 10_000_000_000);
  t.match(reader.read('task', 'sparse'), { is: 'broken', problem: 'too-large' });
});

t.test(
  'a file without permission is unreadable',
  { skip: process.getuid?.() === 0 && 'root may read everything' },
  async (t) => {
    const { repository, reader } = readable(t);
    repository.raw('task', 'private', '{}');
    execFileSync('chmod', ['000', repository.dir.file('task', 'private')]);
    t.match(reader.read('task', 'private'), { is: 'unavailable', error: { code: 'EACCES' } });
  },
);

t.test('a hard link is accepted, with a warning, because a write through the other name causes no hint', async (t) => {
  const { repository, reader, warnings } = readable(t);
  repository.raw('task', 't1', '{}');
  linkSync(repository.dir.file('task', 't1'), repository.dir.file('task', 't2'));
  warnings.length = 0;
  t.match(reader.read('task', 't2'), { is: 'present' });
  t.match(warnings, [/hard link/]);
  rmSync(repository.dir.file('task', 't1'));
  warnings.length = 0;
  t.match(reader.read('task', 't2'), { is: 'present' });
  t.same(warnings, []);
});
