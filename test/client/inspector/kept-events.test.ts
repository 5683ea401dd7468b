import t from 'tap';
import type { Kind } from '../../../protocol/index.js';
import { withPast, type Segment } from '../../../client/inspector/model/history.js';
import { bridgeOf, EventRecorder, segmentsOf, surplus, withKept } from '../../../client/inspector/model/kept-events.js';
import { lacksOf } from '../../../client/inspector/model/lacks.js';
import type { ReadLine } from '../../../client/inspector/model/ndjson.js';
import { CapturedEvents, NOON } from '../../support/entries.js';

const event = (revision: number, type: ReadLine['type'], id: string, kind: Kind = 'task'): ReadLine => {
  return {
    type,
    kind,
    id,
    data: { title: `${id} ${String(revision)}` },
    revision,
    atMs: NOON + revision * 1_000,
    lagMs: 1,
  };
};
const segment = (after: number, to: number): Segment => {
  const events = Array.from({ length: to - after }, (_, i) => event(after + 1 + i, 'modified', 'a'));
  return { after, to, events };
};
const spans = (segments: readonly Segment[]): number[][] => segments.map(({ after, to }) => [after, to]);

t.test('events are stored in pieces without gaps; a piece that has grown is stored again', async (t) => {
  const recorder = new EventRecorder();
  recorder.add(event(9, 'snapshot', 'a'));
  t.notOk(recorder.hasNews, 'a snapshot is no event');
  recorder.add(event(11, 'modified', 'a'));
  recorder.add(event(12, 'modified', 'a'));
  recorder.add(event(12, 'modified', 'a'));
  t.same(spans(recorder.take()), [[10, 12]]);
  t.notOk(recorder.hasNews);
  recorder.add(event(13, 'modified', 'a'));
  t.same(spans(recorder.take()), [[10, 13]]);
  recorder.add(event(15, 'modified', 'a'));
  t.same(spans(recorder.take()), [[14, 15]], 'an event is missing, so another piece begins');
  for (let i = 16; i <= 30_000; i++) recorder.add(event(i, 'modified', 'a'));
  const pieces = recorder.take();
  t.ok(pieces.every(({ events }) => events.length <= 512));
  t.ok(pieces.length <= 33, 'a store that does not keep up bounds what waits for it');
  t.equal(pieces.at(-1)!.to, 30_000);
});

t.test('of the heartbeats for one lease only the last of a piece is stored, and the others are counted', async (t) => {
  const recorder = new EventRecorder();
  recorder.add(event(1, 'added', 'r', 'heartbeat'));
  for (let i = 2; i <= 99; i++) recorder.add(event(i, 'modified', 'r', 'heartbeat'));
  recorder.add(event(100, 'modified', 'a'));
  const pieces = recorder.take();
  t.same(
    pieces[0]!.events.map(({ revision }) => revision),
    [1, 99, 100],
  );
  const past = withKept({ events: [], beginning: 'compacted', after: 100, fromMs: Infinity }, pieces);
  t.equal(past.leftOutBeats, 97);
});

t.test('the store is bounded: what is too old goes, then the oldest', async (t) => {
  const piece = (after: number, atMs: number) => ({ after, to: after + 10, atMs, bytes: 100 });
  const pieces = [piece(0, 0), piece(10, 800), piece(20, 900), piece(30, 950)];
  t.same(surplus(pieces, 1_000, { maxBytes: 1_000, maxAgeMs: 500 }), [0]);
  t.same(surplus(pieces, 1_000, { maxBytes: 250, maxAgeMs: 5_000 }), [10, 0]);
  t.same(surplus(pieces, 1_000, { maxBytes: 1_000, maxAgeMs: 5_000 }), []);
});

t.test('pieces that follow one another or overlap are joined, others are not', async (t) => {
  const joined = segmentsOf([segment(20, 30), segment(0, 10), segment(10, 15), segment(12, 18)]);
  t.same(spans(joined), [
    [0, 18],
    [20, 30],
  ]);
  t.same(
    joined[0]!.events.map(({ revision }) => revision),
    Array.from({ length: 18 }, (_, i) => i + 1),
  );
});

t.test('what the bus still knows continues what is stored, and closes the gap to the live events', async (t) => {
  const bus = { ...segment(25, 40), beginning: 'compacted', fromMs: NOON + 26_000 } as const;
  const past = withKept(bus, [segment(10, 30)]);
  t.same(
    past.events.map(({ revision }) => revision),
    Array.from({ length: 30 }, (_, i) => i + 11),
  );
  t.match(past, { after: 10, older: [], beginning: 'kept', fromMs: NOON + 11_000, leftOutBeats: 0 });
  t.match(bridgeOf([segment(10, 30)], bus), { after: 30, to: 40, events: { length: 10 } });
  t.equal(bridgeOf([segment(10, 20)], bus), undefined, 'a gap is not bridged');
  t.equal(withKept(bus, []), bus);
  t.equal(withKept(bus, [segment(30, 39)]), bus, 'the bus knows more');
});

t.test('events that nobody has kept are a marked gap, across which no record is carried', async (t) => {
  const live = new CapturedEvents();
  for (const [id, revision] of [
    ['old', 3],
    ['between', 15],
    ['late', 21],
  ] as const)
    live.timeline.addEvent({ ...event(revision, 'snapshot', id), atMs: NOON + 30_000 });
  live.timeline.addMark({ type: 'synced', revision: 21 }, NOON + 30_000);
  const stored = { after: 5, to: 7, events: [event(6, 'added', 'left'), event(7, 'modified', 'left')] };
  const events = [event(21, 'added', 'late')];
  const past = withKept({ events, beginning: 'compacted', after: 20, fromMs: NOON + 21_000 }, [stored]);
  const whole = withPast(live.timeline, past)!;
  const entries = [...whole.capture.range(0, 99)];
  t.same(
    entries.map((entry) => (entry.what === 'mark' ? entry.mark.type : `${entry.type} ${entry.id}`)),
    [
      ...['snapshot old', 'begin', 'added left', 'modified left', 'missing'],
      ...['snapshot old', 'snapshot between', 'known', 'added late', 'synced'],
    ],
  );
  t.match(entries[4], { mark: { after: 7, to: 20 } });
  const idsAt = (place: number): string[] =>
    [...whole.stateAt({ at: 'held', nextSeq: place, atMs: 0 }).byKind.task.keys()].sort();
  t.same(idsAt(4), ['left', 'old']);
  t.same(idsAt(8), ['between', 'old'], 'what was removed in the gap is gone after it');
  t.same([...whole.head.byKind.task.keys()].sort(), ['between', 'late', 'old']);
  t.match(lacksOf(whole), { why: 'kept', gaps: 1, beats: 0 });
});
