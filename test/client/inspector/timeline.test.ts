import t from 'tap';
import { Timeline } from '../../../client/inspector/model/timeline.js';
import { formatLag, skewWords } from '../../../client/inspector/model/format.js';
import { lacksOf, lackWords } from '../../../client/inspector/model/lacks.js';
import { formatLine, readLine } from '../../../client/inspector/model/ndjson.js';
import { packedSize } from '../../../client/inspector/model/packed-size.js';
import { visible, visibleMiddle } from '../../../client/inspector/model/visible.js';
import { packMessage } from '../../../protocol/index.js';
import { withPast } from '../../../client/inspector/model/history.js';
import { formatPlace, parsePlace } from '../../../client/inspector/model/place.js';
import { at, NOON, CapturedEvents } from '../../support/entries.js';

t.test('the capture keeps within its size, and evicted events become part of the state at its beginning', async (t) => {
  const captured = new CapturedEvents(5_000);
  for (let i = 0; i < 200; i++) captured.event(i, 'added', 'task', `t${String(i)}`, { title: 'x'.repeat(20) });
  const { capture, base, head } = captured.timeline;
  t.ok(capture.bytes <= 5_000);
  t.equal(capture.dropped + capture.length, 200);
  t.equal(base.size, capture.dropped, 'the state before the first captured event is known');
  t.equal(head.size, 200);
});

t.test(
  'heartbeats have a budget of their own: two thousand of them leave every other event in the capture',
  async (t) => {
    const captured = new CapturedEvents(30_000).reserve(0, 'r', 'a', 'x', 10);
    for (let i = 0; i < 20; i++) captured.event(i, 'added', 'task', `t${String(i)}`);
    for (let i = 0; i < 2_000; i++) {
      const data = { reservation_id: 'r', run_id: 'a', last_beat_at: at(20 + i), extended_expires_at: at(30 + i) };
      captured.event(20 + i, 'modified', 'heartbeat', 'r', data);
    }
    const { capture, head } = captured.timeline;
    const kinds = [...capture.range(0, capture.length)].map((entry) => (entry.what === 'event' ? entry.kind : 'mark'));
    t.equal(kinds.filter((kind) => kind !== 'heartbeat').length, 21);
    t.ok(capture.droppedBeats > 1_500 && capture.bytes <= 30_000);
    t.equal(head.get('heartbeat', 'r')?.data['last_beat_at'], at(2_019));
    const early = captured.timeline.stateAt({ at: 'held', nextSeq: 10, atMs: NOON + 9_000 });
    t.equal(early.byKind.task.size, 9, 'an earlier moment has the records that it had');
    t.ok(early.get('heartbeat', 'r'), 'and the lease that was extended later is held there');
  },
);

t.test('runs and leases that have come and gone are forgotten with their events', async (t) => {
  const captured = new CapturedEvents(20_000);
  for (let i = 0; i < 3_000; i++) {
    const name = String(i);
    captured.reserve(i, name, name, 'x', i + 10).event(i + 1, 'removed', 'reservation', name, { run_id: name });
  }
  const { base, head, intervals } = captured.timeline;
  for (const { runs } of [base, head]) t.ok(runs.size < 1_000 && (runs === base.runs || runs.has('2999')));
  t.ok([...intervals.all()].length < 1_000);
});

t.test('after a resync too, an evicted heartbeat is not lost from the state', async (t) => {
  const captured = new CapturedEvents(6_000);
  const beat = (i: number) =>
    captured.event(i, 'modified', 'heartbeat', 'r', { reservation_id: 'r', last_beat_at: at(i), note: 'x'.repeat(50) });
  captured.event(0, 'added', 'task', 't');
  for (let i = 0; i < 5; i++) beat(i);
  captured.timeline.addMark({ type: 'resync', reason: 'epoch' }, NOON);
  captured.event(6, 'snapshot', 'heartbeat', 'r', { reservation_id: 'r' });
  captured.timeline.addMark({ type: 'synced', revision: 9 }, NOON);
  for (let i = 7; i < 200; i++) beat(i);
  const { timeline } = captured;
  const oldest = timeline.stateAt({ at: 'held', nextSeq: timeline.capture.first()!.seq + 1, atMs: NOON });
  t.ok(oldest.get('heartbeat', 'r') && timeline.capture.bytes <= 6_000);
});

/** A page that was connected at second 100, when two records were there. */
const connected = (): CapturedEvents => {
  const captured = new CapturedEvents();
  captured.event(100, 'snapshot', 'task', 'old').event(100, 'snapshot', 'task', 'new', { step: 2 });
  captured.timeline.addMark({ type: 'synced', revision: 40 }, NOON + 100_000);
  captured.event(101, 'added', 'task', 'live');
  return captured;
};
const past = (seconds: number, type: 'added' | 'modified' | 'removed', id: string, revision: number, data = {}) =>
  ({ type, kind: 'task', id, data, revision, atMs: NOON + seconds * 1_000, lagMs: undefined }) as const;

t.test('what was before the page is put before it: each moment shows the records that it had', async (t) => {
  const events = [
    past(10, 'added', 'new', 37, { step: 1 }),
    past(20, 'removed', 'gone', 38, { was: 'here' }),
    past(30, 'modified', 'new', 39, { step: 2 }),
    past(101, 'added', 'live', 41),
  ];
  const whole = withPast(connected().timeline, { events, beginning: 'asked', after: 2, fromMs: NOON })!;
  const { capture } = whole;
  const rows = [...capture.range(0, capture.length)].map((entry) =>
    entry.what === 'mark' ? entry.mark.type : `${entry.type} ${entry.id} ${String((entry.atMs - NOON) / 1_000)}`,
  );
  t.same(rows, [
    ...['snapshot old 0', 'snapshot gone 0', 'begin'],
    ...['added new 10', 'removed gone 20', 'modified new 30', 'synced', 'added live 101'],
  ]);
  const idsAt = (seconds: number): string[] => {
    const place = capture.indexAfter(NOON + seconds * 1_000);
    const nextSeq = capture.at(place)?.seq ?? whole.nextSeq;
    return [...whole.stateAt({ at: 'held', nextSeq, atMs: 0 }).byKind.task.keys()].sort();
  };
  t.same([5, 15, 25, 200].map(idsAt), [
    ['gone', 'old'],
    ['gone', 'new', 'old'],
    ['new', 'old'],
    ['live', 'new', 'old'],
  ]);
  t.equal(whole.head.get('task', 'new')?.data['step'], 2);
});

t.test(
  'a longer past replaces a shorter one, a time without a bus is a gap, and after a resync nothing is put before',
  async (t) => {
    const short = withPast(connected().timeline, { events: [], beginning: 'asked', after: 2, fromMs: NOON })!;
    const found = { ...past(5, 'modified', 'new', 36, { step: 2 }), observed: 'restart' } as const;
    const long = withPast(short, { events: [found], beginning: 'compacted', after: 2, fromMs: NOON })!;
    const marks = [...long.capture.range(0, 99)].flatMap((entry) => (entry.what === 'mark' ? [entry.mark] : []));
    t.match(marks, [{ type: 'begin', why: 'compacted' }, { type: 'gap' }, { type: 'synced' }]);
    t.equal(long.head.size, 3);
    const again = connected();
    again.timeline.addMark({ type: 'resync', reason: 'epoch' }, NOON);
    t.equal(withPast(again.timeline, { events: [], beginning: 'epoch', after: 0, fromMs: NOON }), undefined);
  },
);

t.test('a link says view, filter, selection, moment and span, and is read back the same', async (t) => {
  const place = {
    view: 'symbols',
    query: 'run:a b',
    target: { type: 'address', address: 'src/a.ts::f' },
    atMs: NOON + 5_120,
    since: '1h',
  } as const;
  const link = formatPlace(place);
  t.match(link, /^#\/symbols\?q=run%3Aa\+b&sel=.*&at=2026-03-30T12%3A00%3A05\.120Z&since=1h$/);
  t.same(parsePlace(link), place);
  const plain = { view: 'pulse', query: '', target: undefined, atMs: undefined, since: '15m' } as const;
  t.equal(formatPlace(plain), '#/pulse');
  t.same(parsePlace('#/pulse?at=yesterday&since=9y&sel=x'), plain, 'what is wrong in it has its default');
  t.equal(parsePlace('#/nowhere'), undefined);
});

t.test('any moment of the capture can be shown again, in any order', async (t) => {
  const captured = new CapturedEvents();
  for (let i = 0; i < 50; i++) captured.event(i, 'added', 'task', `t${String(i)}`);
  const sizeAt = (nextSeq: number) => captured.timeline.stateAt({ at: 'held', nextSeq, atMs: NOON }).size;
  t.same([10, 30, 20, 0, 50].map(sizeAt), [10, 30, 20, 0, 50]);
  t.equal(captured.timeline.stateAt({ at: 'live' }).size, 50);
});

t.test('a held moment does not change when the capture moves past it', async (t) => {
  const captured = new CapturedEvents(5_000);
  for (let i = 0; i < 20; i++) captured.event(i, 'added', 'task', `t${String(i)}`);
  const held = { at: 'held', nextSeq: 20, atMs: NOON } as const;
  t.equal(captured.timeline.stateAt(held).size, 20);
  for (let i = 20; i < 500; i++) captured.event(i, 'added', 'task', `t${String(i)}`);
  t.ok(captured.timeline.capture.first()!.seq > 20);
  t.equal(captured.timeline.stateAt(held).size, 20);
});

t.test('after a resync only the records of the new snapshot exist', async (t) => {
  const captured = new CapturedEvents().event(0, 'added', 'task', 'a').event(0, 'added', 'task', 'b');
  const { timeline } = captured;
  timeline.addMark({ type: 'resync', reason: 'epoch' }, NOON + 1_000);
  captured.event(1, 'snapshot', 'task', 'b');
  t.equal(timeline.head.size, 2, 'no record is removed before the snapshot is complete');
  timeline.addMark({ type: 'synced', revision: 9 }, NOON + 1_000);
  t.same([...timeline.head.byKind.task.keys()], ['b']);
});

for (const mark of [
  { type: 'resync', reason: 'epoch' },
  { type: 'missing', after: 2, to: 8 },
] as const)
  t.test(
    `a lease that is gone after the mark "${mark.type}" was removed; one that is shown again goes on`,
    async (t) => {
      const captured = new CapturedEvents().reserve(0, 'gone', 'a', 'x', 60).reserve(0, 'stays', 'b', 'x', 60);
      captured.timeline.addMark(mark, NOON + 20_000);
      captured.reserve(30, 'stays', 'b', 'x', 60);
      captured.timeline.addMark({ type: 'synced', revision: 9 }, NOON + 30_000);
      const ends = [...captured.timeline.intervals.all()].map(({ key, ended }) => [key, ended?.how, ended?.atMs]);
      t.same(ends, [
        ['reservation/gone', 'removed', NOON + 20_000],
        ['reservation/stays', undefined, undefined],
      ]);
    },
  );

t.test('a line of a file is read as the event that was written', async (t) => {
  const { timeline } = new CapturedEvents().event(3, 'expired', 'reservation', 'r', { run_id: 'ü' });
  const [entry] = [...timeline.capture.range(0, 1)];
  if (entry?.what !== 'event') return t.fail('not an event');
  const { type, kind, id, data, revision, atMs, lagMs } = entry;
  t.same(readLine(formatLine(entry, 'E', '0.1.0')), { type, kind, id, data, revision, atMs, lagMs });
  for (const line of ['', '{', '[]', '{"event_type":"added"}', '{"event_type":"added","kind":"x","id":"a"}']) {
    t.equal(readLine(line), undefined);
  }
});

t.test('sizes are those of MessagePack', async (t) => {
  for (const value of [
    [1, 200, 70_000, -1, -200, 1.5, 2 ** 40, null, true],
    { a: 'é', 日本: '😀', long: 'x'.repeat(300) },
    Array.from({ length: 40 }, (_, i) => ({ i })),
  ]) {
    t.equal(packedSize(value), packMessage(value).length);
  }
});

t.test('invisible characters are escaped, and long texts are cut', async (t) => {
  t.equal(visible('a\nb\u202ec\u0000'), 'a\\u{a}b\\u{202e}c\\u{0}');
  t.equal(visible('😀 \ud800'), '😀 \\u{d800}');
  t.equal(visible('x'.repeat(10_000), 10), `${'x'.repeat(9)}…`);
  t.equal(visibleMiddle('src/catalog/search.py::Index.query', 20), 'src/catalog/s….query');
  const family = '👨\u200d👩\u200d👧';
  t.equal(
    visible(`${family} a\u200db`),
    `${family} a\\u{200d}b`,
    'a joiner is shown as what it joins, and escaped elsewhere',
  );
  for (const cut of [1, 2, 3, 4, 5, 6, 7, 8])
    for (const text of [`ab${family}cd`, `${family}😀cd`]) {
      for (const shown of [visible(text, cut), visibleMiddle(text, cut + 3)])
        t.ok(shown.isWellFormed() && !shown.includes('\\u'), shown);
      t.notMatch(visible(text, cut), /👨(?!\u200d👩\u200d👧)/u, 'no emoji is cut');
    }
});

t.test('a capture says what it lacks', async (t) => {
  const nowMs = NOON + 60_000;
  const words = (timeline: Timeline): string => lackWords(lacksOf(timeline), nowMs, 'utc');
  const whole = new Timeline(1_000_000, 'epoch');
  whole.addMark({ type: 'begin', why: 'epoch' }, NOON);
  t.equal(words(whole), 'from 12:00:00 (the beginning of the history); nothing is missing since');
  whole.addMark({ type: 'resync', reason: 'lagged' }, NOON + 1);
  t.match(words(whole), 'the events of 1 gap missing since');
  const small = new Timeline(2_000);
  for (let i = 1; i <= 40; i++) {
    const event = { type: 'added', kind: 'task', id: `t${String(i)}`, revision: i, data: {}, lagMs: 1 } as const;
    small.addEvent({ ...event, atMs: NOON + i * 1_000 });
  }
  t.match(words(small), /^from 12:00:\d\d \(earlier events were evicted\); nothing is missing since$/);
});

t.test(
  'delays are said in whole milliseconds, as they are measured, and so is a difference of the clocks',
  async (t) => {
    t.strictSame([0, 0.4, 1, 2.6, 999, 1_240].map(formatLag), ['< 1 ms', '< 1 ms', '1 ms', '3 ms', '999 ms', '1.2 s']);
    t.match(skewWords(-184_999), "server's clock is 3 m 05 s behind this browser's");
  },
);
