import t from 'tap';
import type { BusEvent } from '../../../client/sdk/index.js';
import { EventReader, type EventReaderOptions } from '../../../client/sdk/event-reader.js';
import { UpdateReader } from '../../../client/sdk/update-reader.js';
import type { Update } from '../../../client/sdk/update.js';

const STAMP = { schema_version: '9.9.9', timestamp: '2026-03-30T15:00:00.000Z' };

const event = (event_type: BusEvent['event_type'], id: string): Update => ({
  type: 'event',
  event: { event_type, kind: 'task', id } as BusEvent,
});
const synced = (cursor: string): Update => ({ type: 'synced', cursor });
const RESYNC: Update = { type: 'resync', reason: 'lagged' };

/** A reader of these updates, which end; `left` is how often it was said that no more is read. */
function reading(updates: readonly (Update | Error)[], options: Partial<EventReaderOptions> = {}) {
  const waiting = [...updates];
  const source = { left: 0 };
  const reader = new EventReader(
    new UpdateReader({
      take: async () => {
        const next = waiting.shift();
        if (next instanceof Error) throw next;
        return next;
      },
      leave: () => {
        source.left++;
        waiting.length = 0;
      },
    }),
    () => STAMP,
    { knowsRecords: true, ...options },
  );
  return { reader, source };
}

async function shown(reader: AsyncIterable<BusEvent>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { event_type, id } of reader) lines.push(`${event_type} ${id}`);
  return lines;
}

t.test('a new snapshot removes what is not in it, at the place where it is complete', async (t) => {
  const { reader } = reading([
    event('snapshot', 'a'),
    event('snapshot', 'b'),
    event('snapshot', 'c'),
    synced('E:3'),
    event('removed', 'c'),
    event('added', 'd'),
    RESYNC,
    event('snapshot', 'b'),
    event('snapshot', 'e'),
    synced('E:9'),
    event('modified', 'b'),
  ]);
  const events: BusEvent[] = [];
  for await (const each of reader) events.push(each);
  t.same(
    events.slice(5).map(({ event_type, id }) => `${event_type} ${id}`),
    ['snapshot b', 'snapshot e', 'removed a', 'removed d', 'modified b'],
  );
  const [first, last] = events.slice(7);
  const removal = { ...STAMP, event_type: 'removed', kind: 'task', data: {}, revision: 9, observed: 'resync' };
  t.same(first, { ...removal, id: 'a', cursor: 'E:0' }, 'inside of a snapshot there is no place to resume after');
  t.same(last, { ...removal, id: 'd', cursor: 'E:9' });
});

t.test('after a snapshot that broke off, what it and the one before have shown may be gone', async (t) => {
  const { reader } = reading([
    event('snapshot', 'a'),
    synced('E:1'),
    RESYNC,
    event('snapshot', 'b'),
    RESYNC,
    event('snapshot', 'c'),
    synced('E:9'),
    RESYNC,
    event('snapshot', 'c'),
    synced('E:9'),
  ]);
  t.same(await shown(reader), ['snapshot a', 'snapshot b', 'snapshot c', 'removed a', 'removed b', 'snapshot c']);
});

t.test('a condition hides events, added removals too, and a limit counts those that are shown', async (t) => {
  const updates = [event('snapshot', 'a'), event('snapshot', 'b'), synced('E:1'), RESYNC, synced('E:2')];
  const where = ({ id }: BusEvent): boolean => id !== 'a';
  t.same(await shown(reading(updates, { where }).reader), ['snapshot b', 'removed b']);
  const { reader, source } = reading(updates, { where, limit: 1 });
  t.same(await shown(reader), ['snapshot b']);
  t.ok(source.left > 0, 'then the subscription ends');
  t.same(await reader.next(), { done: true, value: undefined });
});

t.test('without snapshots a resync cannot be made good', async (t) => {
  const { reader, source } = reading([event('added', 'a'), RESYNC, event('added', 'b')], { knowsRecords: false });
  t.match(await reader.next(), { value: { id: 'a' } });
  await t.rejects(reader.next(), { code: 'resync', message: /history \(lagged\)/ });
  t.ok(source.left > 0, 'the subscription ends with it');
  t.same(await reader.next(), { done: true, value: undefined });
});

t.test('several calls at once are answered in order, and the end is the end', async (t) => {
  const { reader } = reading([event('added', 'a'), event('added', 'b')]);
  const results = await Promise.all([reader.next(), reader.next(), reader.next(), reader.next()]);
  t.match(results, [{ value: { id: 'a' } }, { value: { id: 'b' } }, { done: true }, { done: true }]);
});

t.test('an error of the source ends the reader, and a later call finds the end', async (t) => {
  const { reader, source } = reading([new Error('overflow'), event('added', 'a')]);
  const [failed, after] = [reader.next(), reader.next()];
  await t.rejects(failed, { message: 'overflow' });
  t.same(await after, { done: true, value: undefined });
  t.ok(source.left > 0);
});

t.test('a reader that leaves, in whichever way, reads no more', async (t) => {
  for (const [how, leave] of [
    ['return', (reader: EventReader) => reader.return()],
    ['await using', (reader: EventReader) => reader[Symbol.asyncDispose]()],
    ['throw', (reader: EventReader) => t.rejects(reader.throw(new Error('mine')), { message: 'mine' })],
  ] as const) {
    const { reader, source } = reading([event('added', 'a'), event('added', 'b')]);
    await reader.next();
    await leave(reader);
    t.equal(source.left, 1, how);
    t.same(await reader.next(), { done: true, value: undefined }, how);
  }
  for (const [how, leave] of [
    ['await using', (reader: UpdateReader<string>) => reader[Symbol.asyncDispose]()],
    ['throw', (reader: UpdateReader<string>) => t.rejects(reader.throw(new Error('mine')), { message: 'mine' })],
  ] as const) {
    let left = 0;
    await leave(new UpdateReader({ take: () => Promise.resolve('a'), leave: () => left++ }));
    t.equal(left, 1, `the updates themselves: ${how}`);
  }
});
