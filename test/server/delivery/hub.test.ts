import t from 'tap';
import { epoch, revision } from '../../../protocol/index.js';
import { Hub } from '../../../server/delivery/hub.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { NOW, present } from '../../support/changes.js';

const LIMITS = { maxHistoryEvents: 100, maxHistoryBytes: 1_000_000, maxQueuedBytes: 1_000 };
const cursor = (at: number, of = 'e') => ({ epoch: epoch(of), revision: revision(at) });

t.test('a hub begins with the events of the last run, and knows which revisions it knows nothing of', async (t) => {
  const store = new RecordStore(revision(4));
  const event = (id: string) => store.apply(present('task', id), NOW);
  const first = [...event('a'), ...event('b')];
  store.restore([], revision(9));
  const past = [...first, ...event('c')];
  store.restore([], revision(20));
  const hub = new Hub({ epoch: epoch('e'), store, past }, LIMITS);
  t.same(
    [...hub.history.events()].map((each) => each.revision),
    [5, 6, 10],
  );
  t.same(hub.history.gaps, [
    { after: 6, to: 9 },
    { after: 10, to: 20 },
  ]);
  t.same([hub.revision, hub.history.base], [20, 4]);
  t.same(hub.resyncs, { compacted: 0, epoch: 0, future: 0, lagged: 0, restart: 0 });
  t.same(
    [4, 6, 7, 9, 10, 15, 20].map((at) => hub.resyncReason(cursor(at))),
    [undefined, undefined, 'restart', undefined, undefined, 'restart', undefined],
  );
  t.same(
    [cursor(3), cursor(21), cursor(5, 'another')].map((each) => hub.resyncReason(each)),
    ['compacted', 'future', 'epoch'],
  );
  hub.skip(revision(25));
  t.same([hub.revision, hub.history.newest], [25, 25]);
});

t.test(
  'a hub without a past begins at the revision of its records, and tells what a killed run has lost',
  async (t) => {
    const lost = { from: revision(3), to: revision(8) };
    const hub = new Hub({ epoch: epoch('e'), store: new RecordStore(revision(8)), lost }, LIMITS);
    t.same([hub.revision, hub.history.base, hub.history.gaps], [8, 8, []]);
    t.same(
      [2, 3, 7, 8].map((at) => hub.resyncReason(cursor(at))),
      ['compacted', 'restart', 'restart', undefined],
    );
  },
);
