import t from 'tap';
import type { BusEvent } from '../../../client/sdk/index.js';
import { UpdateQueue, type Entry } from '../../../client/sdk/update-queue.js';
import type { Update } from '../../../client/sdk/update.js';

const change = (id: string, kind = 'task'): Update => ({ type: 'event', event: { kind, id } as BusEvent });
const SYNCED: Update = { type: 'synced', cursor: 'E:1' };

const named = (entry: Entry | undefined): string | undefined =>
  entry && (entry.update.type === 'event' ? entry.update.event.id : entry.update.type);

/** A queue of these events, each with its number as cursor. */
function queued(...ids: string[]): UpdateQueue {
  const queue = new UpdateQueue();
  ids.forEach((id, n) => {
    queue.push(change(id), String(n));
  });
  return queue;
}

async function rest(queue: UpdateQueue): Promise<(string | undefined)[]> {
  const names: (string | undefined)[] = [];
  while (queue.size > 0) names.push(named(await queue.next()));
  return names;
}

t.test('what waits is read in order, and what comes later goes to who waits for it, in order', async (t) => {
  const queue = queued('a', 'b');
  t.equal(queue.size, 2);
  t.match(await queue.next(), { update: { event: { id: 'a' } }, cursor: '0', endsFrame: false });
  t.same(await rest(queue), ['b']);
  const waiting = [queue.next(), queue.next()];
  queue.push(change('c'), undefined);
  queue.push(change('d'), undefined);
  t.equal(queue.size, 0);
  t.same((await Promise.all(waiting)).map(named), ['c', 'd']);
});

t.test('many entries are read in order to the last, while others come', async (t) => {
  const ids = Array.from({ length: 1_500 }, (_, n) => String(n));
  const queue = queued(...ids.slice(0, 1_200));
  const read: (string | undefined)[] = [];
  for (let n = 0; n < 1_200; n++) {
    read.push(named(await queue.next()));
    if (n % 4 === 0) queue.push(change(ids[1_200 + n / 4]!), undefined);
  }
  t.equal(queue.size, 300);
  t.same([...read, ...(await rest(queue))], ids);
});

t.test('the entries of a frame are taken together, and those of the next frame are not', async (t) => {
  const queue = queued('a', 'b', 'c');
  queue.endFrame();
  queue.push(change('d'), '3');
  queue.endFrame();
  const frame = async (): Promise<(string | undefined)[]> => {
    const first = (await queue.next())!;
    return [first, ...queue.takeFrame(first)].map(named);
  };
  t.same(await frame(), ['a', 'b', 'c']);
  t.same(await frame(), ['d']);
  const waits = queue.next();
  queue.push(change('e'), '4');
  queue.push(change('f'), '5');
  const first = (await waits)!;
  t.same(queue.takeFrame(first).map(named), ['f'], 'what has come of a frame that is not over');
  queue.push(change('g'), '6');
  t.equal(queue.size, 1);
  new UpdateQueue().endFrame();
});

t.test('of each record the last event is kept, at its place, and every mark', async (t) => {
  const queue = queued('a', 'b');
  queue.push(SYNCED, 'E:1');
  queue.push(change('a'), '3');
  queue.push(change('a', 'claim'), '4');
  t.equal(named(await queue.next()), 'a');
  queue.push(change('c'), '5');
  queue.push(change('c'), '6');
  queue.keepLatest();
  t.equal(queue.size, 5);
  const left: unknown[] = [];
  while (queue.size > 0) left.push((await queue.next())!.cursor);
  t.same(left, ['1', 'E:1', '3', '4', '6'], 'the first was read already');
});

t.test('dropping what waits counts the events of it', async (t) => {
  const queue = queued('a', 'b', 'c');
  queue.push(SYNCED, 'E:1');
  await queue.next();
  t.equal(queue.clear(), 2);
  t.equal(queue.size, 0);
  queue.push(change('d'), undefined);
  t.same(await rest(queue), ['d']);
});

t.test('a queue that ends is read to its end; its error is thrown once, and nothing comes after it', async (t) => {
  const queue = queued('a');
  queue.close(new Error('the end'));
  queue.close(new Error('another'));
  queue.push(change('late'), undefined);
  t.equal(named(await queue.next()), 'a');
  await t.rejects(queue.next(), { message: 'the end' });
  t.equal(await queue.next(), undefined);
  const orderly = queued('a');
  orderly.close();
  t.equal(named(await orderly.next()), 'a');
  t.equal(await orderly.next(), undefined);
});

t.test('of those who wait at the end the first is thrown the error, and all others have reached the end', async (t) => {
  const failing = new UpdateQueue();
  const [first, second] = [failing.next(), failing.next()];
  failing.close(new Error('the end'));
  await t.rejects(first, { message: 'the end' });
  t.equal(await second, undefined);
  t.equal(await failing.next(), undefined, 'and it is thrown once');
  const orderly = new UpdateQueue();
  const waiting = [orderly.next(), orderly.next()];
  orderly.close();
  t.same(await Promise.all(waiting), [undefined, undefined]);
});

t.test('who leaves reads nothing more, and no error', async (t) => {
  const queue = queued('a');
  queue.close(new Error('the end'));
  queue.abandon();
  t.equal(queue.size, 0);
  t.equal(await queue.next(), undefined);
  const waited = new UpdateQueue();
  const waiting = waited.next();
  waited.abandon();
  t.equal(await waiting, undefined);
  waited.push(change('late'), undefined);
  t.equal(waited.size, 0);
});
