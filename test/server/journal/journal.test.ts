import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { epoch, revision, unixMillis, type Revision } from '../../../protocol/index.js';
import { readContents } from '../../../server/journal/contents.js';
import type { PrivateDirectory } from '../../../server/repository/index.js';
import { JOURNAL_FORMAT, JournalDir } from '../../../server/journal/journal-dir.js';
import { Journal } from '../../../server/journal/journal.js';
import type { Recovered } from '../../../server/journal/recovery.js';
import { HighWaterMark } from '../../../server/journal/high-water-mark.js';
import { Hub } from '../../../server/delivery/hub.js';
import { History } from '../../../server/store/history.js';
import type { FindElsewhere, LostTail } from '../../../server/store/lost-tail.js';
import { RecordStore } from '../../../server/store/record-store.js';
import type { StoreEvent } from '../../../server/store/store-event.js';
import { absent, present } from '../../support/changes.js';
import { ManualClock } from '../../support/manual-clock.js';
import { RecordingLog } from '../../support/journal-log.js';
import { MemoryDisk } from '../../support/journal-memory-table.js';
import { TemporaryRepository } from '../../support/temporary-repository.js';

const RETENTION = { maxEvents: 1_000, maxAgeMs: 1_000_000, maxBytes: 1_000_000 };
const LIMITS = { maxHistoryEvents: 10_000, maxHistoryBytes: 10_000_000 };
const EPOCH = epoch('E1');

/** The parts of a bus that a journal uses: a store, its history and the journal, on a disk in memory. */
class Life {
  readonly store = new RecordStore();
  readonly clock = new ManualClock();
  readonly log = new RecordingLog();
  readonly journal: Journal;
  recovered: Recovered | undefined;
  #history = new History(LIMITS, revision(0));

  constructor(
    readonly state: PrivateDirectory,
    readonly disk: MemoryDisk,
    retention: Partial<typeof RETENTION> = {},
    findElsewhere?: FindElsewhere,
  ) {
    const { clock, log } = this;
    const checkIntegrity = (): Promise<void> => Promise.resolve();
    const openTable = disk.open;
    this.journal = new Journal({
      parent: () => state,
      retention: { ...RETENTION, ...retention },
      clock,
      log,
      openTable,
      checkIntegrity,
      ...(findElsewhere && { findElsewhere }),
    });
  }

  async begin(): Promise<this> {
    const recovered = await this.journal.recover();
    this.recovered = recovered;
    if (recovered) this.store.restore(recovered.standing, recovered.revision);
    const hub = new Hub(
      { epoch: recovered?.epoch ?? EPOCH, store: this.store, past: recovered?.events ?? [] },
      { ...LIMITS, maxQueuedBytes: 1_000_000 },
    );
    this.#history = hub.history;
    this.journal.begin({ epoch: hub.epoch, store: this.store, history: hub.history }, []);
    await this.settle();
    return this;
  }

  change(...changes: Parameters<RecordStore['apply']>[0][]): readonly StoreEvent[] {
    const events = changes.flatMap((change) => this.store.apply(change, this.clock.now()));
    this.publish(events);
    return events;
  }

  publish(events: readonly StoreEvent[]): void {
    this.journal.advanceTo(events);
    for (const event of events) this.#history.append(event);
    this.journal.append(events);
  }

  /** Lets the journal write the events that it has collected. */
  async settle(): Promise<void> {
    for (let i = 0; i < 30; i++) {
      this.clock.advance(50);
      for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** The contents of the table. */
  async contents() {
    const path = join(this.state.path, 'journal');
    const [file] = readdirSync(path).filter((name) => name.endsWith('.mdb'));
    return readContents(await this.disk.open(join(path, file!)));
  }
}

/** The high-water mark: no revision above it has been sent. */
const markedIn = (state: PrivateDirectory): number => new HighWaterMark(new JournalDir(() => state)).read(EPOCH)!;

function newState(t: Test): PrivateDirectory {
  const repository = new TemporaryRepository();
  const state = repository.openState();
  t.teardown(() => {
    state.close();
    repository.dispose();
  });
  return state;
}

const task = (id: string, n = 0) => present('task', id, { n });

t.test('events are collected and written later, in one batch', async (t) => {
  const life = await new Life(newState(t), new MemoryDisk()).begin();
  const before = life.disk.writes;
  life.change(task('a'), task('b'));
  life.change(task('a', 1), absent('task', 'b'));
  t.equal(life.disk.writes, before, 'nothing is written in the turn of the event');
  await life.settle();
  t.equal(life.disk.writes, before + 1);
  const { newest, standing, events } = await life.contents();
  t.equal(newest, 4);
  t.same(
    standing.map(({ version }) => [version.id, version.data]),
    [['a', { n: 1 }]],
  );
  t.same(
    events.map(({ type, record, before, after }) => [type, record.id, before?.data, after?.data]),
    [
      ['added', 'a', undefined, { n: 0 }],
      ['added', 'b', undefined, { n: 0 }],
      ['modified', 'a', { n: 0 }, { n: 1 }],
      ['removed', 'b', { n: 0 }, undefined],
    ],
  );
});

t.test('a new table is flushed once, before it becomes valid', async (t) => {
  const [state, disk] = [newState(t), new MemoryDisk()];
  const life = new Life(state, disk);
  life.change(...Array.from({ length: 1_000 }, (_, i) => task(String(i))));
  await life.begin();
  t.ok(new JournalDir(() => state).readHeader(), 'it counts');
  t.ok(disk.writes > 3, 'it took several batches');
  t.equal(disk.flushes, 1);
  t.equal(disk.unflushed, 0);
  t.equal((await life.contents()).standing.length, 1_000);
  life.change(task('a'));
  await life.settle();
  t.equal(disk.unflushed, 0, 'and from then on each batch is');
});

t.test('a steady flow of events is written every half second, not only when it ends', async (t) => {
  const life = await new Life(newState(t), new MemoryDisk()).begin();
  const before = life.disk.writes;
  const trickle = async (ms: number): Promise<void> => {
    for (let waited = 0; waited < ms; waited += 20) {
      life.change(task('a', waited));
      life.clock.advance(20);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  await trickle(480);
  t.equal(life.disk.writes, before, 'there is always company to wait for');
  await trickle(20);
  t.equal(life.disk.writes, before + 1, 'but not for ever');
});

t.test('after a kill with everything written, the next server continues with the next revision', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const first = await new Life(state, disk).begin();
  first.change(task('a'), task('b'));
  await first.settle();
  // The journal is not closed, as after a kill.
  const second = await new Life(state, disk).begin();
  t.match(second.recovered, { epoch: EPOCH, revision: 2, base: 0 });
  t.same(second.log.messages('warn').length, 1);
});

t.test(
  'after a kill with events sent but not written, no revision is used again and no position is continued',
  async (t) => {
    const state = newState(t);
    const disk = new MemoryDisk();
    const first = await new Life(state, disk).begin();
    first.change(task('a'), task('b'));
    await first.settle();
    first.change(task('c'), task('d'), task('e'));
    const marked = markedIn(state);
    t.ok(marked >= first.store.revision);
    const second = await new Life(state, disk).begin();
    t.match(second.recovered, { epoch: EPOCH, revision: marked + 1, base: marked + 1, events: [] });
    t.same(second.recovered?.lost, { from: 0, to: marked + 1 }, 'and these positions are known as lost');
    t.same(
      second.recovered?.standing.map(({ version }) => version.id),
      ['a', 'b'],
    );
    second.change(task('f'));
    t.equal(second.store.get('task', 'f')?.revision, marked + 2);
  },
);

/** A life that was killed after `a` and `b` were written and `c`, `d` and `e` were sent, and the one after it. */
async function killed(
  t: Test,
  find: (events: readonly StoreEvent[], lost: LostTail) => Awaited<ReturnType<FindElsewhere>>,
  markedAt?: number,
) {
  const [state, disk] = [newState(t), new MemoryDisk()];
  const first = await new Life(state, disk).begin();
  first.change(task('a'), task('b'));
  await first.settle();
  const sent = first.change(task('c'), task('d'), task('e'));
  if (markedAt !== undefined) new HighWaterMark(new JournalDir(() => state)).open(EPOCH, revision(markedAt));
  const marked = markedIn(state);
  const second = await new Life(state, disk, {}, (lost) => Promise.resolve(find(sent, lost))).begin();
  return { state, disk, marked, second };
}

t.test('what a kill has lost is looked for elsewhere, and what is found is continued', async (t) => {
  const { state, disk, marked, second } = await killed(t, (sent, lost) => {
    t.same({ ...lost, upTo: lost.upTo >= 5 }, { epoch: EPOCH, after: 2, upTo: true });
    return { reached: revision(4), events: sent.slice(0, 2) };
  });
  t.match(second.recovered, { epoch: EPOCH, revision: marked + 1, base: 0, lost: undefined });
  t.same(
    second.recovered?.standing.map(({ version }) => version.id),
    ['a', 'b', 'c', 'd'],
  );
  second.change(task('f'));
  t.equal(second.store.get('task', 'f')?.revision, marked + 2, 'what may have been sent is not used again');
  await second.settle();
  for (const retention of [{}, { maxEvents: 5 }]) {
    const next = await new Life(state, disk, retention).begin();
    t.same(
      next.recovered?.events.map((event) => event.revision),
      [1, 2, 3, 4, marked + 2],
      'the journal knows which revisions are missing',
    );
    t.equal(next.recovered?.revision, marked + 2);
  }
});

t.test('the oldest events leave the journal across a gap, too', async (t) => {
  const { state, disk, marked, second } = await killed(t, (sent) => ({
    reached: revision(4),
    events: sent.slice(0, 2),
  }));
  second.change(task('f'), task('g'));
  await second.settle();
  await second.journal.close();
  const third = await new Life(state, disk, { maxEvents: 2 }).begin();
  third.change(task('h'));
  await third.settle();
  const { events, gaps, base, newest } = await third.contents();
  t.same(
    events.map((event) => event.revision),
    [marked + 3, marked + 4],
  );
  t.same({ gaps, base, newest }, { gaps: [], base: marked + 2, newest: marked + 4 });
});

t.test('if all that was sent is found elsewhere, no revision is left out', async (t) => {
  const { second } = await killed(t, (events) => ({ reached: revision(5), events }), 5);
  t.match(second.recovered, { revision: 5, base: 0, lost: undefined });
  second.change(task('f'));
  t.equal(second.store.get('task', 'f')?.revision, 6);
});

t.test('where others have been told less than the journal holds, they go on, and so does the journal', async (t) => {
  const { marked, second } = await killed(t, () => ({ reached: revision(1), events: [] }));
  t.match(second.recovered, { revision: marked + 1, base: 0, lost: undefined });
  t.same(
    second.recovered?.events.map((event) => event.revision),
    [1, 2],
  );
});

t.test('a kill while the earlier journal is being rewritten leaves a position unused too', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const first = await new Life(state, disk).begin();
  first.change(task('a'));
  await first.settle();
  disk.isFull = true;
  const second = await new Life(state, disk).begin();
  t.equal(second.journal.health, 'degraded');
  second.change(task('b'));
  const marked = markedIn(state);
  t.ok(marked >= second.store.revision);
  disk.isFull = false;
  const third = await new Life(state, disk).begin();
  t.match(third.recovered, { epoch: EPOCH, revision: marked + 1, base: marked + 1 });
});

t.test('after a restart of the machine it is unknown what was sent, and a new epoch begins', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const first = await new Life(state, disk).begin();
  first.change(task('a'));
  await first.settle();
  const dir = new JournalDir(() => state);
  dir.writeHeader({ ...dir.readHeader()!, boot: 'another' });
  const second = await new Life(state, disk).begin();
  t.equal(second.recovered, undefined);
  t.same(second.log.messages('error'), []);
});

t.test('the high-water mark is written once for many turns, and exactly when they are on the disk', async (t) => {
  const state = newState(t);
  const life = await new Life(state, new MemoryDisk()).begin();
  life.change(task('a'));
  const ahead = markedIn(state);
  t.ok(ahead > life.store.revision);
  for (let n = 1; life.store.revision < ahead; n++) life.change(task('a', n));
  t.equal(markedIn(state), ahead, 'it covers what has been sent');
  life.change(task('b'));
  t.ok(markedIn(state) >= life.store.revision, 'and goes on before anything is sent beyond it');
  await life.settle();
  t.equal(markedIn(state), life.store.revision);
});

t.test('a mark of another epoch is ignored', async (t) => {
  const state = newState(t);
  await new Life(state, new MemoryDisk()).begin();
  const mark = new HighWaterMark(new JournalDir(() => state));
  mark.open(epoch('other'), revision(7));
  mark.close();
  t.equal(mark.read(EPOCH), undefined);
  t.equal(mark.read(epoch('other')), 7);
});

t.test('a disk that fails costs durability, is logged once, and recovers with everything rewritten', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const life = await new Life(state, disk).begin();
  life.change(task('a'));
  await life.settle();
  t.equal(life.journal.health, 'durable');
  disk.failure = new Error('no space left on device');
  life.change(task('b'));
  await life.settle();
  t.equal(life.journal.health, 'degraded');
  for (let i = 0; i < 5; i++) {
    life.change(task(`c${String(i)}`));
    life.clock.advance(60_000);
    await life.settle();
  }
  t.equal(life.log.messages('error').length, 1);
  disk.failure = undefined;
  life.clock.advance(60_000);
  await life.settle();
  t.equal(life.journal.health, 'durable');
  life.change(task('d'));
  await life.journal.close();
  const next = await new Life(state, disk).begin();
  t.match(next.recovered, { epoch: EPOCH, revision: 8, base: 0 });
  t.equal(next.recovered?.standing.length, 8);
});

t.test('the server serves with a disk that was full at the start', async (t) => {
  const disk = new MemoryDisk();
  disk.failure = new Error('no space left on device');
  const life = await new Life(newState(t), disk).begin();
  t.equal(life.journal.health, 'degraded');
  life.change(task('a'));
  disk.failure = undefined;
  life.clock.advance(60_000);
  await life.settle();
  t.equal(life.journal.health, 'durable');
  t.equal((await life.contents()).newest, 1);
});

t.test('a stop does not wait for a disk that hangs, and the earlier journal stays valid', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const first = await new Life(state, disk).begin();
  first.change(task('a'));
  await first.settle();
  const second = new Life(state, disk);
  let letGo: () => void = () => undefined;
  disk.delay = new Promise((resolve) => (letGo = resolve));
  await second.begin();
  const closed = second.journal.close();
  second.clock.advance(3_000);
  await closed;
  t.match(second.log.messages('error'), [/could not be closed in order/]);
  t.equal(second.journal.health, 'off');
  letGo();
  await second.settle();
  disk.delay = undefined;
  const third = await new Life(state, disk).begin();
  t.match(third.recovered, { epoch: EPOCH, revision: 1, base: 0 });
});

t.test('expired leases stay expired, whichever way the table was written', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const first = await new Life(state, disk).begin();
  const at = (ms: number): string => new Date(first.clock.now() + ms).toISOString();
  first.change(
    present('reservation', 'over', { expires_at: at(10) }),
    present('reservation', 'on', { expires_at: at(1e6) }),
  );
  first.clock.advance(10);
  first.publish(first.store.expireUntil(first.clock.now()));
  await first.settle();
  for (const how of ['batch by batch', 'anew']) {
    const next = await new Life(state, disk).begin();
    t.equal(next.store.leases.state('over', first.clock.now()), 'lapsed', how);
    t.equal(next.store.leases.state('on', next.clock.now()), 'live', how);
  }
});

for (const [what, retention, left] of [
  ['number', { maxEvents: 10 }, 10],
  ['size', { maxBytes: 1_500 }, 15],
] as const) {
  t.test(`the history on disk is limited to a ${what}`, async (t) => {
    const state = newState(t);
    const life = await new Life(state, new MemoryDisk(), retention).begin();
    for (let i = 0; i < 100; i++) {
      life.change(task('a', i));
      if (i % 10 === 0) await life.settle();
    }
    await life.settle();
    // A batch does not trim its own events.
    life.change(task('a', -1));
    await life.settle();
    const { base, newest, events } = await life.contents();
    t.equal(newest, 101);
    t.equal(events.length, newest - base);
    t.ok(events.length <= left, `${String(events.length)} events are left`);
    t.ok(events.length > 1);
  });
}

t.test('the history on disk is limited to an age', async (t) => {
  const life = await new Life(newState(t), new MemoryDisk(), { maxAgeMs: 60_000 }).begin();
  life.change(task('a'));
  await life.settle();
  life.clock.advance(60_000);
  life.change(task('b'));
  await life.settle();
  t.match(await life.contents(), { base: 1, newest: 2 });
});

t.test('a burst is written completely, in batches', async (t) => {
  const life = await new Life(newState(t), new MemoryDisk(), { maxEvents: 10_000, maxBytes: 1e9 }).begin();
  life.change(...Array.from({ length: 3_210 }, (_, i) => task(`t${String(i)}`)));
  await life.settle();
  const { newest, standing, events } = await life.contents();
  t.same([newest, standing.length, events.length], [3_210, 3_210, 3_210] as Revision[] | number[]);
});

for (const format of [JOURNAL_FORMAT - 1, JOURNAL_FORMAT + 1])
  t.test(`a journal of another version (${String(format)}) is set aside, and its epoch ends`, async (t) => {
    const state = newState(t);
    const disk = new MemoryDisk();
    const first = await new Life(state, disk).begin();
    await first.journal.close();
    const dir = new JournalDir(() => state);
    dir.writeHeader({ ...dir.readHeader()!, format });
    const second = await new Life(state, disk).begin();
    t.equal(second.recovered, undefined);
    t.match(second.log.messages('error'), [new RegExp(`damaged: its format is ${String(format)}`)]);
    t.equal(readdirSync(state.path).filter((name) => name.startsWith('journal.damaged-')).length, 1);
  });

t.test('the newest three of the journals that were set aside are kept', async (t) => {
  const state = newState(t);
  const dir = new JournalDir(() => state);
  for (let i = 0; i < 5; i++) {
    dir.ensure();
    dir.setAside(unixMillis(i * 1_000));
  }
  t.same(
    readdirSync(state.path),
    [2, 3, 4].map((i) => `journal.damaged-1970-01-01T00-00-0${String(i)}.000Z`),
  );
});

t.test('a stop writes all remaining batches, one after the other, and leaves no timer', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const life = await new Life(state, disk).begin();
  life.change(...Array.from({ length: 1_800 }, (_, n) => task(`t${String(n)}`)));
  await life.journal.close();
  t.equal(life.clock.timerCount, 0);
  const next = await new Life(state, disk).begin();
  t.equal(next.recovered?.standing.length, 1_800);
});

t.test('a second stop does not seal the table while the first still writes the last batch', async (t) => {
  const state = newState(t);
  const disk = new MemoryDisk();
  const life = await new Life(state, disk).begin();
  disk.delay = new Promise(() => undefined);
  life.change(task('a'));
  void life.journal.close();
  void life.journal.close();
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  // The process is killed here: the last batch is not on the disk.
  disk.delay = undefined;
  const next = await new Life(state, disk).begin();
  t.equal(next.recovered?.epoch, EPOCH);
  t.same(next.log.messages('error'), []);
});

t.test('a stop during an attempt that then fails leaves no timer, so that the process can end', async (t) => {
  const disk = new MemoryDisk();
  let letGo: () => void = () => undefined;
  disk.delay = new Promise((resolve) => (letGo = resolve));
  const life = await new Life(newState(t), disk).begin();
  disk.failure = new Error('no build of the store for this machine');
  const closed = life.journal.close();
  letGo();
  await closed;
  t.equal(life.journal.health, 'off');
  t.equal(life.clock.timerCount, 0);
});
