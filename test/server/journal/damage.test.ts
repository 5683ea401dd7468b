import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { open } from 'lmdb';
import t, { type Test } from 'tap';
import { JournalDir } from '../../../server/journal/journal-dir.js';
import type { Epoch } from '../../../protocol/index.js';
import { HighWaterMark } from '../../../server/journal/high-water-mark.js';
import { decodeMeta, META_KEY } from '../../../server/journal/entries.js';
import { Command } from '../../support/command.js';
import { Run } from '../../support/journal-run.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';
import { until } from '../../support/until.js';

/** Records for a table of several pages and levels: 45 kB of text. */
const RECORDS = 300;
/** Less than the size of the records. Which pages of a table are free depends on its batches. */
const BEGINNING_BYTES = 16_384;

const READ_ONLY = { noSubdir: true, readOnly: true, encoding: 'binary', keyEncoding: 'binary' } as const;

class DamagedRepository extends TemporaryRepository {
  readonly journal = join(this.state, 'journal');

  get table(): string {
    return join(
      this.journal,
      readdirSync(this.journal).find((name) => name.endsWith('.mdb'))!,
    );
  }

  get header(): string {
    return join(this.journal, 'header.json');
  }

  get setAside(): string[] {
    return readdirSync(this.state).filter((name) => name.startsWith('journal.damaged-'));
  }

  writeRecords(): void {
    for (let i = 0; i < RECORDS; i++) this.rename('task', `t${String(i)}`, { n: i, text: 'x'.repeat(i) });
  }

  /** Runs a bus that is stopped in order. */
  async liveAndStop(): Promise<string> {
    const run = await Run.on(this.root);
    this.writeRecords();
    await run.reaches(RECORDS);
    await run.stop();
    return run.epoch;
  }

  /** Runs a bus that is killed after everything it published has been written. */
  async liveAndDie(): Promise<void> {
    const command = Command.museBus(['serve', '--root', this.root, '--port', '0', '--log-level', 'silent']);
    await until('it serves', () => command.lines.length > 0);
    this.writeRecords();
    await until('there is a journal', () => existsSync(this.header));
    // Reads the table as another process does: bytes in the file are not yet a commit.
    const table = open<Uint8Array, Uint8Array>({ ...READ_ONLY, path: this.table });
    await until('all is committed', () => decodeMeta(table.get(META_KEY)).newest === RECORDS);
    await table.close();
    // The mark is written after the commit.
    const state = this.openState();
    const dir = new JournalDir(() => state);
    const mark = new HighWaterMark(dir);
    await until('the mark is exact', () => mark.read(dir.readHeader()!.epoch as Epoch) === RECORDS);
    dir.close();
    state.close();
    command.kill('SIGKILL');
    await command.exit;
  }

  /** @returns a function that restores the current journal, with a header and a mark for the new files, as if they were the original ones */
  remember(): () => void {
    const contents = readdirSync(this.journal).map((name) => [name, readFileSync(join(this.journal, name))] as const);
    const file = basename(this.table);
    const marked = this.#withJournal((dir, epoch) => new HighWaterMark(dir).read(epoch));
    return () => {
      for (const name of [basename(this.journal), ...this.setAside])
        rmSync(join(this.state, name), { recursive: true });
      mkdirSync(this.journal);
      for (const [name, content] of contents) writeFileSync(join(this.journal, name), content, { mode: 0o600 });
      this.#withJournal((dir, epoch) => {
        dir.writeHeader({ ...dir.readHeader()!, inode: dir.inode(file), changed: dir.changedAt(file) });
        if (marked === undefined) return;
        const mark = new HighWaterMark(dir);
        mark.open(epoch, marked);
        mark.close();
      });
    };
  }

  #withJournal<T>(use: (dir: JournalDir, epoch: Epoch) => T): T {
    const state = this.openState();
    const dir = new JournalDir(() => state);
    try {
      return use(dir, dir.readHeader()!.epoch as Epoch);
    } finally {
      dir.close();
      state.close();
    }
  }
}

function damagedRepository(t: Test): DamagedRepository {
  const repository = new DamagedRepository();
  t.teardown(() => repository.dispose());
  return repository;
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const content = readFileSync(path);
  content.set(bytes, at);
  writeFileSync(path, content);
}

function flipBit(path: string, at: number): void {
  overwrite(path, at, Buffer.of(readFileSync(path)[at]! ^ 0x10));
}

const size = (path: string): number => readFileSync(path).length;

const DAMAGE: Readonly<Record<string, (repository: DamagedRepository) => void>> = {
  'a table cut short': ({ table }) => truncateSync(table, BEGINNING_BYTES),
  'an empty table': ({ table }) => truncateSync(table, 0),
  'a table that is gone': ({ table }) => rmSync(table),
  'garbage behind a table’s beginning': ({ table }) =>
    overwrite(table, BEGINNING_BYTES, Buffer.alloc(size(table) - BEGINNING_BYTES, 0xa5)),
  'garbage for a table': ({ table }) => overwrite(table, 0, Buffer.alloc(size(table), 0x5a)),
  'a header that is no JSON': ({ header }) => writeFileSync(header, 'what?'),
  'a flipped bit in the header': ({ header }) => flipBit(header, 30),
  'a header that was cut': ({ header }) => truncateSync(header, 20),
  'a copy of the table': ({ table }) => {
    copyFileSync(table, `${table}.copy`);
    renameSync(`${table}.copy`, table);
  },
};

for (const end of ['stopped in order', 'killed'] as const) {
  t.test(`of a bus that was ${end}`, async (t) => {
    const repository = damagedRepository(t);
    if (end === 'killed') await repository.liveAndDie();
    else await repository.liveAndStop();
    const restore = repository.remember();
    for (const [what, damage] of Object.entries(DAMAGE)) {
      await t.test(`${what} is set aside and logged, and a new epoch begins`, async (t) => {
        damage(repository);
        const run = await Run.on(repository.root);
        t.equal(repository.setAside.length, 1);
        t.match(run.log.messages('error'), [/^the journal is damaged: /]);
        t.equal(run.bus.hub.store.size, RECORDS, 'service is whole');
        t.equal(run.bus.hub.history.size, 0);
        await run.stop();
        restore();
      });
    }
    const run = await Run.on(repository.root);
    t.equal(run.bus.hub.history.size, RECORDS, 'undamaged, it is gone on with');
    await run.stop();
  });
}

/** Makes the header name another inode, as it does after a mount that numbers its files anew. */
function renumber(repository: DamagedRepository): void {
  const state = repository.openState();
  const dir = new JournalDir(() => state);
  dir.writeHeader({ ...dir.readHeader()!, inode: '1' });
  dir.close();
  state.close();
}

t.test(
  'a table that has another inode after a new mount is gone on with, and a copy with the same times is not',
  async (t) => {
    const repository = damagedRepository(t);
    const epoch = await repository.liveAndStop();
    renumber(repository);
    const mounted = await Run.on(repository.root);
    t.equal(mounted.epoch, epoch);
    t.equal(mounted.bus.hub.history.size, RECORDS);
    t.same(mounted.log.messages('error'), []);
    await mounted.stop();
    renumber(repository);
    const { table } = repository;
    const { atime, mtime } = statSync(table);
    copyFileSync(table, `${table}.copy`);
    utimesSync(`${table}.copy`, atime, mtime);
    renameSync(`${table}.copy`, table);
    const copied = await Run.on(repository.root);
    t.not(copied.epoch, epoch);
    t.match(copied.log.messages('error'), [/it is a copy/]);
    await copied.stop();
  },
);

t.test(
  'an older journal that is copied over the files is not gone on with: its revisions were used again',
  async (t) => {
    const repository = damagedRepository(t);
    const epoch = await repository.liveAndStop();
    const files = readdirSync(repository.journal).map((name) => join(repository.journal, name));
    const older = files.map((path) => [path, readFileSync(path)] as const);
    const run = await Run.on(repository.root);
    t.equal(run.epoch, epoch);
    repository.rename('task', 't0', { n: 'changed' });
    await run.reaches(RECORDS + 1);
    await run.stop();
    // Written into the files, which keep their inodes.
    for (const [path, content] of older) writeFileSync(path, content);
    const next = await Run.on(repository.root);
    t.not(next.epoch, epoch);
    t.match(next.log.messages('error'), [/it is a copy or was restored from one/]);
    await next.stop();
  },
);

t.test('any flipped bit of a sealed table is found', async (t) => {
  const repository = damagedRepository(t);
  let epoch = await repository.liveAndStop();
  for (const part of [0.01, 0.2, 0.5, 0.77, 0.999]) {
    flipBit(repository.table, Math.floor(size(repository.table) * part));
    const run = await Run.on(repository.root);
    t.not(run.epoch, epoch, `at ${String(part)} of the file`);
    t.match(run.log.messages('error'), [/does not match its checksum/]);
    ({ epoch } = run);
    await run.stop();
  }
  t.equal(repository.setAside.length, 3, 'the newest of those set aside are kept');
});

t.test('a flipped bit of a table that was in use is found, or has no effect', async (t) => {
  const repository = damagedRepository(t);
  await repository.liveAndDie();
  const restore = repository.remember();
  for (const part of [0.001, 0.3, 0.6]) {
    flipBit(repository.table, Math.floor(size(repository.table) * part));
    const run = await Run.on(repository.root);
    const isFound = repository.setAside.length > 0;
    t.equal(run.bus.hub.history.size, isFound ? 0 : RECORDS, `at ${String(part)} of the file`);
    await run.stop();
    restore();
  }
});

t.test('a missing or damaged mark ends the epoch of a server that was killed', async (t) => {
  const repository = damagedRepository(t);
  await repository.liveAndDie();
  const restore = repository.remember();
  const header = readFileSync(repository.header, 'utf8');
  for (const damage of [rmSync, (file: string) => flipBit(file, 3), (file: string) => truncateSync(file, 5)]) {
    damage(join(repository.journal, 'sent'));
    const run = await Run.on(repository.root);
    t.notOk(header.includes(run.epoch));
    t.equal(run.bus.hub.store.size, RECORDS);
    await run.stop();
    restore();
  }
});
