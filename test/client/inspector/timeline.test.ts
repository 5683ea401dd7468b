import t from 'tap';
import { formatLine, readLine } from '../../../client/inspector/model/ndjson.js';
import { packedSize } from '../../../client/inspector/model/packed-size.js';
import { visible, visibleMiddle } from '../../../client/inspector/model/visible.js';
import { packMessage } from '../../../protocol/index.js';
import { NOON, Told } from '../../support/entries.js';

t.test('the capture keeps within its bytes, and what falls out is what it begins with', async (t) => {
  const told = new Told(5_000);
  for (let i = 0; i < 200; i++) told.event(i, 'added', 'task', `t${String(i)}`, { title: 'x'.repeat(20) });
  const { capture, base, head } = told.timeline;
  t.ok(capture.bytes <= 5_000);
  t.equal(capture.dropped + capture.length, 200);
  t.equal(base.size, capture.dropped, 'what stood before the first event held is known');
  t.equal(head.size, 200);
});

t.test('any moment of the capture can be shown again, in any order', async (t) => {
  const told = new Told();
  for (let i = 0; i < 50; i++) told.event(i, 'added', 'task', `t${String(i)}`);
  const sizeAt = (nextSeq: number) => told.timeline.worldAt({ at: 'held', nextSeq, atMs: NOON }).size;
  t.same([10, 30, 20, 0, 50].map(sizeAt), [10, 30, 20, 0, 50]);
  t.equal(told.timeline.worldAt({ at: 'live' }).size, 50);
});

t.test('a held moment stays as it is though the capture moves past it', async (t) => {
  const told = new Told(5_000);
  for (let i = 0; i < 20; i++) told.event(i, 'added', 'task', `t${String(i)}`);
  const held = { at: 'held', nextSeq: 20, atMs: NOON } as const;
  t.equal(told.timeline.worldAt(held).size, 20);
  for (let i = 20; i < 500; i++) told.event(i, 'added', 'task', `t${String(i)}`);
  t.ok(told.timeline.capture.first()!.seq > 20);
  t.equal(told.timeline.worldAt(held).size, 20);
});

t.test('after a resync only what the new snapshot shows still stands', async (t) => {
  const told = new Told().event(0, 'added', 'task', 'a').event(0, 'added', 'task', 'b');
  const { timeline } = told;
  timeline.addMark({ type: 'resync', reason: 'epoch' }, NOON + 1_000);
  told.event(1, 'snapshot', 'task', 'b');
  t.equal(timeline.head.size, 2, 'nothing goes before the snapshot is complete');
  timeline.addMark({ type: 'synced', revision: 9 }, NOON + 1_000);
  t.same([...timeline.head.byKind.task.keys()], ['b']);
});

t.test('a line of a file says the same again when it is read', async (t) => {
  const { timeline } = new Told().event(3, 'expired', 'reservation', 'r', { run_id: 'ü' });
  const [entry] = [...timeline.capture.range(0, 1)];
  if (entry?.what !== 'event') return t.fail('no event');
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

t.test('what cannot be seen is written out, and what is long is cut', async (t) => {
  t.equal(visible('a\nb\u202ec\u0000'), 'a\\u{a}b\\u{202e}c\\u{0}');
  t.equal(visible('😀 \ud800'), '😀 \\u{d800}');
  t.equal(visible('x'.repeat(10_000), 10), `${'x'.repeat(9)}…`);
  t.equal(visibleMiddle('src/catalog/search.py::Index.query', 20), 'src/catalog/s….query');
});
