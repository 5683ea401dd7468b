import t from 'tap';
import { epoch, revision } from '../../../protocol/index.js';
import { JournalDir } from '../../../server/journal/journal-dir.js';
import { JournalFiles } from '../../../server/journal/journal-files.js';
import type { Table } from '../../../server/journal/table.js';
import { systemClock } from '../../../server/index.js';
import type { LeaseView } from '../../../server/store/record-store.js';
import { SimulatedStorage, type StorageFaults } from '../../simulation/machine/simulated-storage.js';
import { RecordingLog } from '../../support/journal-log.js';

const RETENTION = { maxEvents: 1_000, maxAgeMs: 1_000, maxBytes: 1_000 };
const NO_TABLE: Table = {
  *entries() {
    // What a table holds is not asked here.
  },
  get: () => undefined,
  write: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
/** A disk that can be read, and on which nothing can be changed. */
const FULL: StorageFaults = { fault: (call) => (call === 'read' ? undefined : 'ENOSPC'), flushMs: () => 1 };

/** A journal at revision 0 that could be neither kept nor removed when revision 1 was to be told. */
async function fallen() {
  const storage = new SimulatedStorage();
  const log = new RecordingLog();
  const files = new JournalFiles({
    parent: () => storage.open(),
    clock: systemClock,
    log,
    openTable: () => Promise.resolve(NO_TABLE),
    probe: () => Promise.resolve(),
    boot: () => 'boot-1',
  });
  const cut = { revision: revision(0), versions: [] };
  const whole = { epoch: epoch('E'), base: revision(0), cut, leases: {} as LeaseView, events: [] };
  await files.writeAnew(whole, RETENTION, () => true);
  const healthy = storage.faults;
  storage.faults = FULL;
  t.throws(() => files.advanceMark(revision(1)), { code: 'ENOSPC' });
  const heal = (): void => {
    storage.faults = healthy;
  };
  const header = (): object | undefined => new JournalDir(() => storage.open()).readHeader();
  return { files, log, heal, header };
}

t.test('a journal that could be neither kept nor removed is removed before the next turn is told', async (t) => {
  const { files, log, heal, header } = await fallen();
  files.advanceMark(revision(2));
  heal();
  t.ok(header(), 'a start would go on with it, and use the revisions again');
  files.advanceMark(revision(3));
  t.equal(header(), undefined);
  t.same(log.messages('error'), ['the journal can be neither kept nor removed'], 'said once');
});

t.test('… or at the end', async (t) => {
  const { files, heal, header } = await fallen();
  heal();
  files.close();
  t.equal(header(), undefined);
});
