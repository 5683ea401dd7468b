import t from 'tap';
import type { BusEvent } from '../../../client/sdk/index.js';
import { RecordView, type RecordChange } from '../../../client/sdk/record-view.js';
import type { Subscription } from '../../../client/sdk/subscription.js';
import type { Update } from '../../../client/sdk/update.js';

const START = Date.UTC(2026, 2, 30, 15);

let revision = 0;
const event = (event_type: BusEvent['event_type'], id: string, n = 0, more: Partial<BusEvent> = {}): Update => ({
  type: 'event',
  event: {
    event_type,
    kind: 'task',
    id,
    data: { n },
    revision: ++revision,
    timestamp: new Date(START).toISOString(),
    ...more,
  } as BusEvent,
});
const SYNCED: Update = { type: 'synced', cursor: 'E:1' };
const RESYNC: Update = { type: 'resync', reason: 'lagged' };

/** A view of a subscription that receives these lists of updates; `told` has one line for each report. */
async function viewed(...lists: readonly (readonly Update[])[]) {
  const subscription = {
    generation: 1,
    isServed: true,
    provenUntil: START - 5_000,
    async *batches() {
      yield* lists;
    },
  };
  const told: string[] = [];
  const view: RecordView = new RecordView(subscription as unknown as Subscription, (changes) =>
    told.push([...changes.map(line), `of ${String([...view.all()].length)}`].join(', ')),
  );
  await view.run(() => told.push('synced'));
  return { view, told, subscription };
}

function line({ before, after }: RecordChange): string {
  const n = (record: RecordChange['after']): string => (record ? JSON.stringify(record.data['n']) : 'none');
  return `${(after ?? before)!.id} ${n(before)} to ${n(after)}`;
}

t.test('the first snapshot is reported as one change, when it is complete', async (t) => {
  const { view, told } = await viewed([event('snapshot', 'a', 1), event('snapshot', 'b')], [SYNCED]);
  t.same(told, ['a none to 1, b none to 0, of 2', 'synced']);
  t.match(view.get('task', 'a'), { kind: 'task', id: 'a', data: { n: 1 } });
  t.equal(view.get('claim', 'a'), undefined);
});

t.test('an empty snapshot changes nothing, and is complete', async (t) => {
  t.same((await viewed([SYNCED])).told, ['synced']);
});

t.test('the changes of one list are reported together, after all of them', async (t) => {
  const { view, told } = await viewed(
    [SYNCED],
    [event('added', 'new', 1), event('added', 'other')],
    [event('modified', 'new', 2)],
    [event('removed', 'new', 2)],
  );
  t.same(told, ['synced', 'new none to 1, other none to 0, of 2', 'new 1 to 2, of 2', 'new 2 to none, of 1']);
  t.equal(view.get('task', 'new'), undefined);
});

t.test(
  'while a new snapshot is received the old state is shown; then exactly the differences are reported',
  async (t) => {
    const problem = { problem: 'invalid-json' } as const;
    const before = ['same', 'gone', 'changed', 'broken'].map((id) => event('snapshot', id));
    const { view, told } = await viewed(
      [...before, SYNCED],
      [RESYNC],
      [event('snapshot', 'same'), event('snapshot', 'changed', 1), event('snapshot', 'broken', 0, problem)],
      [event('snapshot', 'new'), SYNCED],
    );
    t.same(told.slice(2), ['gone 0 to none, changed 0 to 1, broken 0 to 0, new none to 0, of 4', 'synced']);
    t.equal(view.get('task', 'broken')?.problem, 'invalid-json');
  },
);

t.test('a view is complete on the connection on which it was synced, while that serves it', async (t) => {
  const { view, subscription } = await viewed([SYNCED]);
  t.ok(view.isCurrent);
  subscription.isServed = false;
  t.notOk(view.isCurrent);
  Object.assign(subscription, { isServed: true, generation: 2 });
  t.notOk(view.isCurrent, 'the mark that was read is of an earlier connection');
});

t.test('what a view is known to have is up to its last change, or to what the subscription has proven', async (t) => {
  const at = (ms: number) => ({ timestamp: new Date(START + ms).toISOString() });
  const { view, subscription } = await viewed(
    [event('snapshot', 'a', 0, at(9_000)), SYNCED],
    [event('added', 'b', 0, at(100)), event('added', 'c', 0, at(50))],
  );
  t.equal(view.provenUntil, START + 100, 'the records of a snapshot prove nothing');
  subscription.provenUntil = START + 200;
  t.equal(view.provenUntil, START + 200);
});
