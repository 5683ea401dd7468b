import t from 'tap';
import {
  FollowedFields,
  MAX_FOLLOWERS,
  sameFollowed,
  type Followed,
  type FollowerMove,
  type Kind,
  type RecordData,
} from '../../../protocol/index.js';

const data = (fields: object): RecordData => fields as RecordData;
const followed = (runId: string | undefined, branch: string | undefined): Followed => ({ runId, branch });
const shortly = (moves: readonly FollowerMove[]): unknown[] =>
  moves.map(({ kind, id, before, followed: after }) => [`${kind}/${id}`, before?.runId, after?.runId]);

/** Records put in this order, each with what it says. */
function fieldsOf(records: Readonly<Record<string, object>>): FollowedFields {
  const fields = new FollowedFields();
  for (const [key, said] of Object.entries(records)) {
    const [kind, id] = key.split('/') as [Kind, string];
    fields.put(kind, id, data(said));
  }
  return fields;
}

t.test('a heartbeat or release follows the reservation that it names, if it lacks its run or its branch', async (t) => {
  const fields = fieldsOf({ 'reservation/r1': { reservation_id: 'lease', run_id: 'a', branch: 'main' } });
  for (const [kind, id, said, wanted] of [
    ['heartbeat', 'h', { reservation_id: 'lease' }, followed('a', 'main')],
    ['release', 'x', { reservation_id: 'lease' }, followed('a', 'main')],
    ['heartbeat', 'h', { reservation_id: 'lease', run_id: 'b' }, followed('a', 'main')],
    ['heartbeat', 'h', { reservation_id: 'lease', branch: 'dev' }, followed('a', 'main')],
    ['heartbeat', 'h', { reservation_id: 'lease', run_id: '', branch: ' ' }, followed('a', 'main')],
    ['heartbeat', 'h', { reservation_id: 'lease', run_id: 'b', branch: 'dev' }, undefined],
    ['heartbeat', 'lease', { last_beat_at: 'now' }, followed('a', 'main')],
    ['heartbeat', 'lease', {}, undefined],
    ['release', 'lease', {}, undefined],
    ['heartbeat', 'h', { reservation_id: 'r1' }, undefined],
    ['intent', 'i', { reservation_id: 'lease' }, undefined],
    ['reservation', 'r2', { reservation_id: 'lease' }, undefined],
  ] as const) {
    t.strictSame(fields.peek(kind, id, data(said)), wanted, `${kind}/${id} ${JSON.stringify(said)}`);
    if (kind === 'reservation') continue;
    t.strictSame(fields.put(kind, id, data(said)), [], 'it moves no other record');
    t.strictSame(fields.of(kind, id), wanted);
  }
});

t.test('what a reservation says is a text that is not blank, or a number', async (t) => {
  for (const [said, wanted] of [
    [{ run_id: 7, branch: 8 }, followed('7', '8')],
    [{ run_id: ' ', branch: '' }, followed(undefined, undefined)],
    [{ run_id: ['a'], branch: null }, followed(undefined, undefined)],
    [{ run_id: ' a ' }, followed(' a ', undefined)],
  ] as const) {
    const fields = fieldsOf({ 'reservation/r1': said, 'heartbeat/h': { reservation_id: 'r1' } });
    t.strictSame(fields.of('heartbeat', 'h'), wanted, JSON.stringify(said));
  }
});

t.test('a reservation that says something else moves its followers, and no other record', async (t) => {
  const fields = fieldsOf({
    'heartbeat/h': { reservation_id: 'r1' },
    'release/x': { reservation_id: 'r1' },
    'heartbeat/other': { reservation_id: 'r2' },
    'heartbeat/own': { reservation_id: 'r1', run_id: 'b', branch: 'dev' },
  });
  const put = (said: object) => shortly(fields.put('reservation', 'r1', data(said)));
  t.strictSame(put({ run_id: 'a' }), [
    ['heartbeat/h', undefined, 'a'],
    ['release/x', undefined, 'a'],
  ]);
  t.strictSame(put({ run_id: 'a', expires_at: 'later' }), [], 'nothing that they follow has changed');
  t.strictSame(put({ run_id: 'b' }), [
    ['heartbeat/h', 'a', 'b'],
    ['release/x', 'a', 'b'],
  ]);
  t.equal(fields.of('release', 'x')?.runId, 'b');
  t.equal(fields.of('heartbeat', 'other'), undefined);
  t.equal(fields.put('reservation', 'r1', data({ run_id: 'b', branch: 'dev' })).length, 2, 'the branch alone');
});

t.test('a follower that names another reservation, or none, or is gone, is moved no more', async (t) => {
  const fields = fieldsOf({ 'reservation/r1': { run_id: 'a' }, 'reservation/r2': { run_id: 'b' } });
  const name = (said: object): unknown => {
    fields.put('heartbeat', 'h', data(said));
    return fields.of('heartbeat', 'h')?.runId;
  };
  const moved = (): number =>
    ['c', 'a'].reduce((sum, run_id) => sum + fields.put('reservation', 'r1', data({ run_id })).length, 0);
  t.strictSame([name({ reservation_id: 'r1' }), moved()], ['a', 2]);
  t.strictSame([name({ reservation_id: 'r2' }), moved()], ['b', 0]);
  t.strictSame([name({ reservation_id: 'r3' }), moved()], [undefined, 0], 'nobody has that name: it follows nobody');
  t.strictSame([name({ reservation_id: 'r1' }), moved()], ['a', 2]);
  t.strictSame([name({}), moved()], [undefined, 0]);
  name({ reservation_id: 'r1' });
  fields.drop('heartbeat', 'h');
  fields.drop('heartbeat', 'h');
  t.strictSame([fields.of('heartbeat', 'h'), moved()], [undefined, 0]);
  for (const id of ['h1', 'h2']) fields.put('heartbeat', id, data({ reservation_id: 'r1' }));
  fields.drop('heartbeat', 'h1');
  t.equal(moved(), 2, 'the others are moved as before');
});

t.test('the removal of a reservation takes no follower out of a filter', async (t) => {
  const fields = fieldsOf({ 'reservation/r1': { run_id: 'a' }, 'heartbeat/h': { reservation_id: 'r1' } });
  fields.drop('reservation', 'r1');
  fields.drop('reservation', 'r1');
  t.equal(fields.of('heartbeat', 'h')?.runId, 'a');
  const beat = data({ reservation_id: 'r1', last_beat_at: 'now' });
  t.equal(fields.peek('heartbeat', 'h', beat)?.runId, 'a', 'nor does its next beat');
  t.equal(fields.peek('heartbeat', 'h2', beat), undefined, 'which a new heartbeat does not follow');
  t.equal(fields.peek('heartbeat', 'h', data({ reservation_id: 'r2' })), undefined, 'nor one that turns elsewhere');
});

t.test('of several reservations with one name the one with the smallest id counts', async (t) => {
  const fields = fieldsOf({
    'reservation/b': { reservation_id: 'lease', run_id: 'b' },
    'heartbeat/h': { reservation_id: 'lease' },
    'reservation/c': { reservation_id: 'lease', run_id: 'c' },
  });
  t.equal(fields.of('heartbeat', 'h')?.runId, 'b');
  t.strictSame(shortly(fields.put('reservation', 'a', data({ reservation_id: 'lease', run_id: 'a' }))), [
    ['heartbeat/h', 'b', 'a'],
  ]);
  fields.drop('reservation', 'a');
  const beat = data({ reservation_id: 'lease' });
  t.equal(fields.peek('heartbeat', 'h', beat)?.runId, 'b', 'the next one counts from its next beat on');
  fields.put('reservation', 'b', data({ reservation_id: 'renamed', run_id: 'b' }));
  t.equal(fields.peek('heartbeat', 'h', beat)?.runId, 'c');
});

t.test('one reservation moves so many followers and no more', async (t) => {
  const fields = new FollowedFields();
  for (let n = 0; n <= MAX_FOLLOWERS; n++) fields.put('heartbeat', String(n), data({ reservation_id: 'r1' }));
  t.equal(fields.put('reservation', 'r1', data({ run_id: 'a' })).length, MAX_FOLLOWERS);
  t.strictSame(shortly(fields.put('reservation', 'r1', data({ run_id: 'a' }))), [
    [`heartbeat/${String(MAX_FOLLOWERS)}`, undefined, 'a'],
  ]);
});

t.test('what is followed is the same if run and branch are', async (t) => {
  for (const [a, b, same] of [
    [undefined, undefined, true],
    [undefined, followed(undefined, undefined), true],
    [followed(undefined, undefined), undefined, true],
    [followed('a', 'x'), followed('a', 'x'), true],
    [followed('a', 'x'), followed('b', 'x'), false],
    [followed('a', 'x'), followed('a', 'y'), false],
    [followed('a', 'x'), undefined, false],
    [undefined, followed(undefined, 'x'), false],
  ] as const)
    t.equal(sameFollowed(a, b), same, JSON.stringify([a, b]));
});
