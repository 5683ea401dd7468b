import t, { type Test } from 'tap';
import { KINDS, type Kind } from '../../../protocol/index.js';
import { silentLog } from '../../../server/runtime/log.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { Ingest } from '../../../server/watch/ingest.js';
import type { IngestServices } from '../../../server/watch/ingest-services.js';
import type { Reading } from '../../../server/watch/record-reader.js';
import { Warnings } from '../../../server/watch/warnings.js';
import { absent, broken, NOW, present } from '../../support/changes.js';
import { ingestServices } from '../../support/ingest-services.js';
import { ManualClock } from '../../support/manual-clock.js';
import { turns } from '../../support/memory-ingest.js';

/** An ingest over the files that a test names. Everything that happens is in `log`, in order. */
function over(t: Test, given: Partial<IngestServices> = {}) {
  const clock = new ManualClock();
  const store = new RecordStore();
  const files = new Set<string>();
  const log: string[] = [];
  const read = (kind: Kind, id: string): Reading => {
    log.push(`read ${id}`);
    return files.has(id) ? present(kind, id) : absent(kind, id);
  };
  const ingest = new Ingest(
    ingestServices(clock, read, {
      store,
      publish: (events, waitedMs) => {
        if (events.length === 0) return;
        log.push(
          `publish ${events.map(({ type, record }) => `${type} ${record.id}`).join(', ')} after ${String(waitedMs)}`,
        );
      },
      rescan: (kind) => {
        log.push(`rescan ${kind}`);
        return Promise.resolve(true);
      },
      verifyDirectories: () => log.push('verify'),
      reconcileSoon: (why) => log.push(`reconcile: ${why}`),
      ...given,
    }),
  );
  t.teardown(() => {
    ingest.stop();
  });
  /** Publishes files that exist, and forgets what happened. */
  const known = async (...ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      files.add(id);
      ingest.record('task', id);
    }
    ingest.start();
    await turns();
    log.length = 0;
  };
  return { clock, store, files, log, ingest, known };
}

t.test('hints that came before the start are read after it, each file once, and published together', async (t) => {
  const { clock, files, log, ingest } = over(t);
  files.add('a').add('b');
  clock.advance(10);
  for (const name of ['a.json', 'b.json', 'a.json', '.a.json', 'a.txt']) ingest.file('task', name);
  await turns();
  t.same([log, ingest.backlog], [[], { pending: 2, unsettled: 0 }]);
  clock.advance(7);
  ingest.start();
  await turns();
  t.same(log, ['read a', 'read b', 'publish added a, added b after 7']);
  t.same(ingest.backlog, { pending: 0, unsettled: 0 });
});

t.test('after its stop an ingest reads nothing, and a wait for it ends', async (t) => {
  const { files, log, ingest } = over(t);
  ingest.start();
  files.add('a');
  ingest.record('task', 'a');
  ingest.stop();
  await ingest.drain();
  ingest.record('task', 'a');
  await turns();
  t.same(log, []);
});

t.test(
  'a hint without a name has its directory compared, and one of an ancestor all directories checked',
  async (t) => {
    const { log, ingest } = over(t);
    ingest.start();
    ingest.directory('claim');
    ingest.ancestor();
    ingest.everything('the watch failed');
    t.same(log, ['rescan claim', 'verify', 'reconcile: the watch failed']);
  },
);

for (const [listed, isKnown, leadsTo] of [
  ['a.json', false, 'read a'],
  ['A.json', false, 'rescan task'],
  [undefined, false, 'rescan task'],
  [undefined, true, 'read a'],
] as const) {
  const state = isKnown ? 'of a known record ' : '';
  t.test(`where spellings are folded, a hint of a.json ${state}that is listed as ${listed ?? 'nothing'}`, async (t) => {
    const { log, ingest, known } = over(t, { folds: () => true, listedName: () => listed });
    await known(...(isKnown ? ['a'] : []));
    ingest.file('task', 'a.json');
    await turns();
    t.equal(log[0], leadsTo);
  });
}

t.test('a thousand hints in one turn have all directories compared, after they have been read', async (t) => {
  const { files, log, ingest } = over(t);
  ingest.start();
  files.add('a');
  for (let i = 0; i < 999; i++) ingest.file('task', 'a.json');
  t.notOk(ingest.hasBurst);
  ingest.file('task', 'a.json');
  t.ok(ingest.hasBurst);
  await turns();
  t.same(log, ['read a', 'reconcile: a burst of hints', 'publish added a after 0']);
  t.notOk(ingest.hasBurst);
});

t.test('a record that has no room is not published, and one that is known can still be removed', async (t) => {
  const room = { isLeft: true };
  const { files, log, ingest, known } = over(t, { admits: () => room.isLeft });
  await known('a');
  room.isLeft = false;
  files.add('b');
  files.delete('a');
  ingest.record('task', 'a');
  ingest.record('task', 'b');
  await turns();
  t.same(log.slice(-1), ['publish removed a after 0']);
});

t.test('a record whose fields are not what its kind needs is published and logged once, others are not', async (t) => {
  const warnings = new Warnings(silentLog);
  const { files, log, ingest } = over(t, { warnings });
  ingest.start();
  files.add('r').add('a');
  for (let i = 1; i <= 2; i++) {
    ingest.record('reservation', 'r');
    ingest.record('task', 'a');
    await turns();
  }
  t.match(log, ['read r', 'read a', 'publish added r, added a after 0']);
  t.equal(warnings.count, 1, 'a reservation without an expiry');
});

t.test('a file that was renamed is published under its new name together with the removal of the old', async (t) => {
  const { files, log, ingest, known } = over(t);
  await known('old');
  files.delete('old');
  files.add('new');
  ingest.record('task', 'old');
  ingest.record('task', 'new');
  await turns();
  t.same(log, ['read old', 'read new', 'publish added new, removed old after 0']);
});

t.test('changes of other kinds do not wait for the removal of a file', async (t) => {
  const { files, log, ingest, known } = over(t);
  await known('old');
  files.delete('old');
  files.add('c');
  ingest.record('task', 'old');
  ingest.record('claim', 'c');
  await turns();
  t.same(log.slice(2), ['publish added c after 0', 'publish removed old after 0']);
});

t.test('a file that is missing in a directory that cannot be seen stays', async (t) => {
  const { files, log, ingest, known } = over(t, { seen: () => new Set() });
  await known('a');
  files.delete('a');
  ingest.record('task', 'a');
  await turns();
  t.same([log, ingest.backlog], [['read a'], { pending: 0, unsettled: 0 }]);
});

for (const isCompared of [true, false]) {
  t.test(
    `where hints may be missing, a removal follows a comparison that ${isCompared ? 'succeeds' : 'fails'}`,
    async (t) => {
      const compared: Kind[] = [];
      const { files, log, ingest, known } = over(t, {
        hintsAreComplete: () => false,
        rescan: (kind) => {
          compared.push(kind);
          return Promise.resolve(isCompared);
        },
      });
      await known('a');
      files.delete('a');
      ingest.record('task', 'a');
      await turns();
      t.same(compared, ['task']);
      t.same(log.slice(1), isCompared ? ['publish removed a after 0'] : []);
      t.same(ingest.backlog, { pending: 0, unsettled: 0 });
    },
  );
}

t.test('a file that a comparison did not find is removed like one that a reading did not find', async (t) => {
  const { log, ingest, known } = over(t);
  await known('a');
  ingest.missing('task', 'a');
  t.same(ingest.backlog, { pending: 1, unsettled: 0 });
  await turns();
  t.same(log, ['publish removed a after undefined']);
});

t.test('a record can be read at once, before its hint is', async (t) => {
  const { files, log, ingest, known } = over(t);
  await known('a');
  files.add('b');
  ingest.record('task', 'b');
  const reading = ingest.readNow({ kind: 'task', id: 'b' });
  t.same(log, ['read b', 'publish added b after undefined']);
  await reading;
  await turns();
  t.equal(log.length, 2, 'its hint is done');
  await ingest.readNow({ kind: 'task', id: 'c' });
  t.same(log.slice(2), ['read c'], 'what does not exist and did not is nothing');
  await ingest.readNow({ kind: 'task', id: '../c' });
  t.equal(log.length, 3, 'no file has this id');
  files.delete('b');
  await ingest.readNow({ kind: 'task', id: 'b' });
  t.same(log.slice(3), ['read b', 'publish removed b after undefined'], 'a removal is published when it resolves');
});

t.test(
  'where spellings are folded, a record that is listed under another name is looked for in its directory',
  async (t) => {
    const { log, ingest } = over(t, { folds: () => true, listedName: () => 'A.json' });
    ingest.start();
    await ingest.readNow({ kind: 'task', id: 'a' });
    t.same(log, ['rescan task']);
  },
);

t.test('files of all kinds that could not be read in an earlier run are read at the start', async (t) => {
  const { store, log, ingest } = over(t);
  for (const kind of KINDS) {
    store.apply(broken(kind, `${kind}-1`, 'unreadable'), NOW);
    store.apply(broken(kind, `${kind}-2`, 'invalid-json'), NOW);
  }
  ingest.start();
  await turns();
  t.same(log.filter((line) => line.startsWith('read')).sort(), KINDS.map((kind) => `read ${kind}-1`).sort());
});
