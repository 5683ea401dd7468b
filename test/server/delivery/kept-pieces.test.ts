import t from 'tap';
import { groupId, revision, unixMillis } from '../../../protocol/index.js';
import { Group } from '../../../server/delivery/group.js';
import { HistoryPiece, HistoryPieces } from '../../../server/delivery/history-pieces.js';
import { SnapshotPiece, SnapshotPieces } from '../../../server/delivery/snapshot-pieces.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { NOW, present } from '../../support/changes.js';

const group = new Group(groupId(1), {}, 'msgpack');
const MEBIBYTE = 1_048_576;
const bytes = (count: number) => [new Uint8Array(count)];
/** What both bounds count: the events, and the frame around them. */
const HALF = 0.5;

t.test(
  'what is kept of the past takes at most 4 MiB; what would go beyond takes the place of everything',
  async (t) => {
    const pieces = new HistoryPieces();
    const piece = (after: number, mebibytes: number) =>
      new HistoryPiece(group, revision(after), revision(after + 1), bytes(HALF * mebibytes * MEBIBYTE));
    const kept = (): number[] => [1, 2, 3, 4].filter((after) => pieces.find(group, revision(after)));
    pieces.add(piece(1, 2));
    pieces.add(piece(2, 1));
    pieces.add(piece(2, 1));
    t.same(kept(), [1, 2], 'one that is kept in place of another takes its room');
    pieces.add(piece(3, 1));
    t.same(kept(), [1, 2, 3], 'exactly 4 MiB');
    pieces.add(piece(4, 0.001));
    t.same(kept(), [4]);
    pieces.clear();
    t.same(kept(), []);
    for (const after of [1, 2]) pieces.add(piece(after, 2));
    t.same(kept(), [1, 2], 'nothing of what is gone is counted');
    t.equal(pieces.find(new Group(groupId(2), {}, 'msgpack'), revision(1)), undefined, 'each group has its own');
  },
);

/** A store of tasks, and a piece of them. */
function snapshots() {
  const store = new RecordStore();
  for (const id of ['a', 'b', 'c', 'd']) store.apply(present('task', id), NOW);
  const { versions } = store.cut();
  const piece = (from: number, to: number, size = 1) =>
    new SnapshotPiece(versions.slice(from, to), bytes(size), group, [], NOW, store.revision);
  return { store, versions, piece, pieces: new SnapshotPieces(store) };
}

t.test(
  'a piece of a snapshot is sent where exactly its records come next, to who may have all of it, for a second',
  async (t) => {
    const { store, versions, piece, pieces } = snapshots();
    const own = piece(1, 3);
    pieces.add(group, own);
    const find = (more: { next?: number; most?: number; ms?: number; of?: typeof versions } = {}) =>
      pieces.find(group, more.of ?? versions, more.next ?? 1, more.most ?? 1, unixMillis(NOW + (more.ms ?? 0)));
    t.equal(find(), own);
    t.equal(find({ most: 0 }), undefined, 'a cap inside of it');
    t.same([find({ next: 0 }), find({ next: 2 }), find({ next: 4 })], [undefined, undefined, undefined]);
    t.equal(find({ ms: 1_000 }), own);
    t.equal(find({ ms: 1_001 }), undefined);
    t.equal(find({ ms: -1 }), undefined, 'the clock was set back');
    t.ok(pieces.hasBeginning(group, versions[1]!));
    t.notOk(pieces.hasBeginning(group, versions[2]!));
    store.apply(present('task', 'c', { n: 2 }), NOW);
    t.equal(find({ of: store.cut().versions }), undefined, 'a record inside of it has changed');
    store.apply({ is: 'absent', kind: 'task', id: 'c' }, NOW);
    t.equal(find({ of: store.cut().versions }), undefined, 'or is gone');
  },
);

t.test('a piece with a lease is sent while the lease is in the state that it says', async (t) => {
  const store = new RecordStore();
  const end = unixMillis(NOW + 500);
  store.apply(present('reservation', 'r', { expires_at: new Date(end).toISOString() }), NOW);
  const { versions } = store.cut();
  const pieces = new SnapshotPieces(store);
  const leases = [{ version: versions[0]!, state: 'live' as const }];
  const own = new SnapshotPiece(versions, bytes(1), group, leases, NOW, store.revision);
  pieces.add(group, own);
  const at = (ms: number) => pieces.find(group, versions, 0, 1, unixMillis(NOW + ms));
  t.same([at(0), at(499), at(500), at(499)], [own, own, undefined, own]);
});

t.test('what is kept of snapshots takes at most 16 MiB with its references, and is freed after a second', async (t) => {
  const { versions, piece, pieces } = snapshots();
  const kept = (): number[] => [0, 1, 2].filter((n) => pieces.hasBeginning(group, versions[n]!));
  const REFERENCE = 8;
  pieces.add(group, piece(0, 1, 4 * MEBIBYTE));
  pieces.add(group, piece(0, 1, 4 * MEBIBYTE));
  pieces.add(group, piece(1, 2, 4 * MEBIBYTE - REFERENCE));
  t.same(kept(), [0, 1], 'exactly 16 MiB');
  pieces.add(group, piece(2, 3, 0));
  t.same(kept(), [2]);
  pieces.add(group, piece(3, 3));
  pieces.forgetOld(unixMillis(NOW + 1_000));
  t.same(kept(), [2]);
  pieces.forgetOld(unixMillis(NOW + 1_001));
  t.same(kept(), []);
  for (const n of [0, 1]) pieces.add(group, piece(n, n + 1, 4 * MEBIBYTE - REFERENCE));
  t.same(kept(), [0, 1], 'nothing of what is gone is counted');
});
