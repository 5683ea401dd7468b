import t from 'tap';
import { formatLine, readLine } from '../../../client/inspector/model/ndjson.js';
import { packedSize } from '../../../client/inspector/model/packed-size.js';
import { visible, visibleMiddle } from '../../../client/inspector/model/visible.js';
import { packMessage } from '../../../protocol/index.js';
import { NOON, CapturedEvents } from '../../support/entries.js';

t.test('the capture keeps within its size, and evicted events become part of the state at its beginning', async (t) => {
  const captured = new CapturedEvents(5_000);
  for (let i = 0; i < 200; i++) captured.event(i, 'added', 'task', `t${String(i)}`, { title: 'x'.repeat(20) });
  const { capture, base, head } = captured.timeline;
  t.ok(capture.bytes <= 5_000);
  t.equal(capture.dropped + capture.length, 200);
  t.equal(base.size, capture.dropped, 'the state before the first captured event is known');
  t.equal(head.size, 200);
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
});
