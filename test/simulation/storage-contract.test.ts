import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openLmdbTable } from '../../server/journal/lmdb-table.js';
import type { JournalStorage } from '../../server/journal/storage.js';
import type { OpenTable } from '../../server/journal/table.js';
import { PrivateDirectory } from '../../server/repository/index.js';
import { systemClock } from '../../server/runtime/clock.js';
import { SimulatedStorage } from './machine/simulated-storage.js';

interface StorageWorld {
  readonly storage: JournalStorage;
  readonly openTable: OpenTable;
}

function realWorld(t: Test): StorageWorld {
  const root = mkdtempSync(join(tmpdir(), 'muse-storage-'));
  const storage = PrivateDirectory.within(root, 'private');
  t.teardown(() => {
    storage.close();
    rmSync(root, { recursive: true });
  });
  return { storage, openTable: openLmdbTable };
}

function simulatedWorld(): StorageWorld {
  const storage = new SimulatedStorage();
  // A table writes in a turn of its own.
  return { storage: storage.open(), openTable: storage.tables({ input: (_ms, call) => systemClock.nextTurn(call) }) };
}

const MOST = 1_000;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (data: Uint8Array | undefined): string | undefined => data && Buffer.from(data).toString();

for (const [kind, worldFor] of Object.entries({ 'the system': realWorld, simulated: simulatedWorld })) {
  t.test(`storage: ${kind}`, async (t) => {
    t.test('a file is replaced by another one, at once', async (t) => {
      const { storage } = worldFor(t);
      t.same(storage.read('header', MOST), { is: 'absent' });
      t.equal(storage.stats('header'), undefined);
      storage.replace('header', 'one', true);
      const before = storage.stats('header');
      storage.replace('header', 'three', false);
      t.match(storage.read('header', MOST), { is: 'content', text: 'three' });
      t.equal(storage.stats('header')?.size, 5n);
      t.not(storage.stats('header')?.ino, before?.ino);
      storage.sync();
      t.same(storage.names(), ['header']);
      storage.remove('header');
      storage.remove('header');
      t.same(storage.names(), [], 'removing what is not there is no error');
    });

    t.test('a file that is written in place grows, and is read to its end', async (t) => {
      const { storage } = worldFor(t);
      const file = storage.openFile('mark');
      file.write(bytes('abc'), 0);
      file.write(bytes('XY'), 2);
      const same = storage.openFile('mark');
      const buffer = Buffer.alloc(8, '.');
      t.equal(same.read(buffer, 1), 3);
      t.equal(buffer.toString(), 'bXY.....');
      t.equal(same.read(buffer, 4), 0);
      same.close();
      file.close();
      t.equal(storage.stats('mark')?.size, 4n);
    });

    t.test('a directory that is renamed is no longer at its path, and takes its files along', async (t) => {
      const { storage } = worldFor(t);
      const inner = storage.directory('journal');
      inner.replace('header', 'h', true);
      t.equal(storage.directory('journal').isIntact(), true);
      t.equal(inner.isIntact(), true);
      storage.rename('journal', 'aside');
      t.equal(inner.isIntact(), false);
      t.match(inner.read('header', MOST), { is: 'content', text: 'h' }, 'it can still be read');
      t.match(storage.directory('aside').read('header', MOST), { is: 'content', text: 'h' });
      t.same(storage.directory('journal').names(), [], 'another one');
      t.equal(inner.isIntact(), false);
      storage.remove('aside');
      t.same(storage.names(), ['journal']);
    });

    t.test(
      'a table keeps what was written, in the order of its keys, and takes nothing when it is closed',
      async (t) => {
        const { storage, openTable } = worldFor(t);
        const path = storage.directory('journal').fileFor('1.mdb');
        const table = await openTable(path, 'at the end');
        t.equal(table.get(bytes('a1')), undefined);
        await table.write([
          { key: bytes('b1'), value: bytes('3') },
          { key: bytes('a2'), value: bytes('2') },
          { key: bytes('a1'), value: bytes('1') },
        ]);
        await table.write([
          { key: bytes('a2'), value: undefined },
          { key: bytes('a3'), value: bytes('4') },
          { key: bytes('a1'), value: bytes('5') },
          { key: bytes('none'), value: undefined },
        ]);
        await table.close();
        await table.close();
        const again = await openTable(path);
        const entries = [...again.entries(bytes('a')[0]!)].map(({ key, value }) => [text(key), text(value)]);
        t.same(entries, [
          ['a1', '5'],
          ['a3', '4'],
        ]);
        t.equal(text(again.get(bytes('b1'))), '3');
        await again.close();
        await t.rejects(again.write([{ key: bytes('c'), value: bytes('c') }]));
        const last = await openTable(path);
        t.equal(last.get(bytes('c')), undefined);
        await last.close();
      },
    );
  });
}
