import fc from 'fast-check';
import t from 'tap';
import { revision } from '../../../protocol/index.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import { SortedVersions } from '../../../server/store/sorted-versions.js';
import { NOW } from '../../support/changes.js';

const version = (id: string, n = 0): RecordVersion =>
  new RecordVersion('task', id, { n }, revision(1), NOW, undefined, undefined);

t.test('versions are sorted by id, one per id', async (t) => {
  const versions = new SortedVersions();
  ['c', 'a', 'b', 'a'].forEach((id, n) => versions.put(version(id, n)));
  t.same(
    versions.toArray().map(({ id, data }) => [id, data['n']]),
    [
      ['a', 3],
      ['b', 2],
      ['c', 0],
    ],
  );
  versions.delete('b');
  versions.delete('nothing');
  t.same(
    versions.toArray().map(({ id }) => id),
    ['a', 'c'],
  );
});

t.test('ten thousand versions in any order stay sorted while half of them are removed', async (t) => {
  const versions = new SortedVersions();
  const ids = Array.from({ length: 10_000 }, (_, n) => String((n * 7_919) % 10_007));
  for (const id of ids) versions.put(version(id));
  for (const id of ids.slice(0, 5_000)) versions.delete(id);
  t.same(
    versions.toArray().map(({ id }) => id),
    ids.slice(5_000).sort(),
  );
  for (const id of ids) versions.delete(id);
  t.same(versions.toArray(), []);
});

t.test('after any sequence of puts and deletes it holds the same as a plain map', async () => {
  const operation = fc.record({ put: fc.boolean(), id: fc.string({ maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const versions = new SortedVersions();
      const model = new Map<string, RecordVersion>();
      for (const { put, id } of operations) {
        const made = version(id);
        if (put) versions.put(made);
        else versions.delete(id);
        if (put) model.set(id, made);
        else model.delete(id);
      }
      const expected = [...model.keys()].sort().map((id) => model.get(id));
      const found = versions.toArray();
      return found.length === expected.length && found.every((entry, i) => entry === expected[i]);
    }),
    { numRuns: 100 },
  );
});
