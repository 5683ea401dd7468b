import t from 'tap';
import { revision, type Kind } from '../../../protocol/index.js';
import { readContents } from '../../../server/journal/contents.js';
import {
  checkEntry,
  DamagedJournalError,
  decodeHistoryEntry,
  decodeMeta,
  decodeStanding,
  encodeHistoryEntry,
  encodeMeta,
  encodeStanding,
  historyKey,
  indexKey,
  META_KEY,
  positionIn,
  timeOfHistoryEntry,
} from '../../../server/journal/entries.js';
import type { Table, TableChange } from '../../../server/journal/table.js';
import { RecordStore } from '../../../server/store/record-store.js';
import { RecordVersion } from '../../../server/store/record-version.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { absent, broken, newSignature, NOW, present } from '../../support/changes.js';

/** A revision that needs more than 32 bits. */
const LARGE = 2 ** 32 + 5;

/** Events of each form: with and without a version before and after, a reason, a problem, a lease, and what a record follows. */
function lived() {
  const store = new RecordStore();
  const events: StoreEvent[] = [];
  const apply = (change: Parameters<RecordStore['apply']>[0], observed?: 'restart'): void =>
    void events.push(...store.apply(change, NOW, observed));
  apply(
    present('reservation', 'r', { run_id: 'o\u00e9', branch: 'main', expires_at: new Date(NOW + 9).toISOString() }),
  );
  apply(present('heartbeat', 'r', { last_heartbeat: '2026-03-30T15:00:00Z' }));
  apply(present('task', '\u4e2d', { n: 1 }));
  apply(broken('task', '\u4e2d'), 'restart');
  apply(absent('task', '\u4e2d'));
  events.push(...store.expireUntil((NOW + 10) as typeof NOW));
  return { store, events };
}

const versionFields = (version: RecordVersion | undefined) =>
  version && {
    kind: version.kind,
    id: version.id,
    data: version.data,
    revision: version.revision,
    observedAt: version.observedAt,
    signature: version.signature,
    problem: version.problem,
    followed: version.followed,
  };

const eventFields = ({ revision, type, time, before, after, reason, observed, lease }: StoreEvent) => ({
  revision,
  type,
  time,
  before: versionFields(before),
  after: versionFields(after),
  isSame: before === after,
  reason,
  observed,
  lease,
});

t.test('an event is read as it was written', async (t) => {
  const { events } = lived();
  t.same(
    events.map(({ type }) => type),
    ['added', 'added', 'added', 'modified', 'removed', 'expired'],
  );
  t.ok(
    events.some(({ lease }) => lease),
    'one has a lease',
  );
  for (const event of events) {
    const entry = encodeHistoryEntry(event);
    t.strictSame(eventFields(decodeHistoryEntry(entry, new Map())), eventFields(event), event.type);
    t.equal(timeOfHistoryEntry(entry), event.time);
  }
});

t.test('a standing record is read as it was written, and so is the revision at which its lease lapsed', async (t) => {
  const { store } = lived();
  const versions = store.cut().versions;
  t.ok(versions.some(({ followed }) => followed?.branch === 'main'));
  const unsigned = new RecordVersion('task', 'a', { n: 1 }, revision(LARGE), NOW, undefined, 'unreadable');
  for (const version of [...versions, unsigned]) {
    const { version: read, lapsedAt } = decodeStanding(
      encodeStanding({ version, lapsedAt: revision(LARGE) }),
      new Map(),
    );
    t.strictSame(versionFields(read), versionFields(version));
    t.equal(lapsedAt, LARGE);
  }
});

t.test('what a record follows may be absent, empty or long; what no filter takes counts as absent', async (t) => {
  for (const [runId, branch, kept] of [
    [undefined, 'main', [undefined, 'main']],
    ['', undefined, ['', undefined]],
    ['x'.repeat(65_534), 'main', ['x'.repeat(65_534), 'main']],
    ['x'.repeat(65_535), 'main', [undefined, 'main']],
  ] as const) {
    const version = new RecordVersion('claim', 'c', {}, revision(1), NOW, newSignature(), undefined, { runId, branch });
    const read = decodeStanding(encodeStanding({ version, lapsedAt: revision(0) }), new Map()).version;
    t.same([read.followed?.runId, read.followed?.branch], kept);
    t.same(read.data, {});
  }
});

t.test('one version in the index and in two events becomes one object again', async (t) => {
  const { events } = lived();
  const known = new Map<number, RecordVersion>();
  const read = events.map((event) => decodeHistoryEntry(encodeHistoryEntry(event), known));
  t.equal(read[3]!.before, read[2]!.after);
  t.equal(
    decodeStanding(encodeStanding({ version: events[1]!.after!, lapsedAt: revision(0) }), known).version,
    read[1]!.after,
  );
});

t.test('keys of the history are in the order of their revisions', async (t) => {
  const positions = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, LARGE, 2 ** 52];
  t.same(
    positions.map((position) => positionIn(historyKey(position))),
    positions,
  );
  const keys = positions.map(historyKey);
  t.same([...keys].sort(Buffer.compare), keys);
  t.equal(positionIn(historyKey(1).subarray(0, 8)), -1);
});

t.test('each changed byte of an entry is found, wherever it lies in memory', async (t) => {
  const { events, store } = lived();
  const standing = encodeStanding({ version: store.cut().versions[0]!, lapsedAt: revision(0) });
  const meta = encodeMeta({ epoch: 'E', records: 1, base: 0, newest: 1 });
  for (const entry of [encodeHistoryEntry(events[0]!), standing, meta]) {
    const inside = new Uint8Array(entry.length + 2);
    inside.set(entry, 1);
    const moved = inside.subarray(1, -1);
    const isWhole = (): boolean => {
      try {
        checkEntry(moved);
        return true;
      } catch (error) {
        if (error instanceof DamagedJournalError) return false;
        throw error;
      }
    };
    t.ok(isWhole());
    const unnoticed = [...moved.keys()].filter((at) => {
      moved[at]! ^= 0x10;
      const isUnnoticed = isWhole();
      moved[at]! ^= 0x10;
      return isUnnoticed;
    });
    t.same(unnoticed, []);
  }
});

/** A table of these entries. */
function tableOf(entries: readonly TableChange[]): Table {
  return {
    *entries(prefix) {
      for (const { key, value } of entries) if (key[0] === prefix) yield { key, value: value! };
    },
    get: (key) => entries.find((entry) => Buffer.compare(entry.key, key) === 0)?.value,
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** The entries of two tasks, of which one was changed. */
function whole() {
  const store = new RecordStore();
  const events = [present('task', 'a', { n: 1 }), present('task', 'b'), present('task', 'a', { n: 2 })].flatMap(
    (change) => store.apply(change, NOW),
  );
  const history = events.map((event) => ({ key: historyKey(event.revision), value: encodeHistoryEntry(event) }));
  const index = store.cut().versions.map((version) => ({
    key: indexKey(version.kind, version.id),
    value: encodeStanding({ version, lapsedAt: revision(0) }),
  }));
  const meta = { epoch: 'E', records: 2, base: 0, newest: 3 };
  const table = (more: object = {}, entries: readonly TableChange[] = [...history, ...index]) =>
    tableOf([{ key: META_KEY, value: encodeMeta({ ...meta, ...more }) }, ...entries]);
  return { history, index, table };
}

t.test('a table is read only if each of its entries is there, once, and under its own key', async (t) => {
  const { history, index, table } = whole();
  const { events, standing, historyBytes, newest, base } = readContents(table());
  t.same([events.length, standing.length, base, newest], [3, 2, 0, 3]);
  t.equal(
    historyBytes,
    history.reduce((sum, { value }) => sum + value.length, 0),
  );
  const wrongKey = (kind: Kind, id: string) => ({ ...index[0]!, key: indexKey(kind, id) });
  for (const [what, damaged, says] of [
    ['no totals', tableOf([...history, ...index]), /no meta entry/],
    ['the last event is missing', table({}, [...history.slice(0, 2), ...index]), /ends at 2, not at 3/],
    ['an event in between is missing', table({}, [history[0]!, history[2]!, ...index]), /revision 2 holds revision 3/],
    ['an event under the key of another', table({}, [{ ...history[0]!, key: historyKey(2) }, ...index]), /revision 1/],
    ['one event more', table({ newest: 2 }), /ends at 3, not at 2/],
    ['a record is missing', table({}, [...history, index[0]!]), /1 records, not 2/],
    ['a record more', table({ records: 1 }), /2 records, not 1/],
    [
      'a record under the key of another',
      table({}, [...history, wrongKey('task', 'c'), index[1]!]),
      /of another record/,
    ],
    ['a record under another kind', table({}, [...history, wrongKey('claim', 'a'), index[1]!]), /of another record/],
  ] as const)
    t.throws(() => readContents(damaged), { name: 'DamagedJournalError', message: says }, what);
});

t.test('the gaps of a history are passed over, at its beginning, in between and at its end', async (t) => {
  const { history, index, table } = whole();
  const gaps = (entries: readonly TableChange[], newest: number, ...gaps: [number, number][]) =>
    readContents(table({ newest, gaps }, [...entries, ...index])).events.map((event) => event.revision);
  t.same(gaps([history[2]!], 3, [0, 2]), [3]);
  t.same(gaps([history[0]!, history[2]!], 3, [1, 2]), [1, 3]);
  t.same(gaps(history, 9, [3, 9]), [1, 2, 3]);
  t.same(decodeMeta(encodeMeta({ epoch: 'E', records: 0, base: 0, newest: 9, gaps: [[3, 9]] })).gaps, [[3, 9]]);
});
