import t from 'tap';
import {
  readClientMessage,
  RECONNECT_AFTER,
  CloseCode,
  toBusEvent,
  epoch,
  closestMatch,
  revision,
} from '../../../protocol/index.js';

t.test('every message that a client may send is read', async (t) => {
  const cases: [unknown, object][] = [
    [[1, 7], { type: 'subscribe', sub: 7, options: { filter: {}, snapshot: 'full' } }],
    [[1, 7, null], { type: 'subscribe', sub: 7, options: { filter: {}, snapshot: 'full' } }],
    [
      [1, 0, { filter: { kinds: ['tasks'] }, max_events: 2 ** 31 - 1, since: 'e:5', snapshot: 'none' }],
      {
        type: 'subscribe',
        sub: 0,
        options: {
          filter: { kinds: ['task'] },
          maxEvents: 2 ** 31 - 1,
          since: { epoch: 'e', revision: 5 },
          snapshot: 'none',
        },
      },
    ],
    [
      [1, 7, { filter: null, max_events: null, since: null, snapshot: null }],
      { type: 'subscribe', sub: 7, options: { filter: {}, snapshot: 'full' } },
    ],
    [[2, 4_294_967_295], { type: 'unsubscribe', sub: 4_294_967_295 }],
    [[3, 1], { type: 'sync', nonce: 1 }],
    [[3, 1, null, null], { type: 'sync', nonce: 1 }],
    [[3, 1, 'tasks', 't1'], { type: 'sync', nonce: 1, record: { kind: 'task', id: 't1' } }],
    [[4, 9], { type: 'ping', nonce: 9 }],
    [[4, 9, 'an element of a later version'], { type: 'ping', nonce: 9 }],
  ];
  for (const [message, expected] of cases) t.strictSame(readClientMessage(message), expected, JSON.stringify(message));
});

t.test('every other message is refused with a code, and the refusal names the subscription if it can', async (t) => {
  const cases: [unknown, string, number | null][] = [
    [null, 'bad-message', null],
    [{ 0: 1 }, 'bad-message', null],
    [[], 'bad-message', null],
    [['1', 7], 'bad-message', null],
    [[0], 'bad-message', null],
    [[16, {}], 'bad-message', null],
    [[1], 'bad-message', null],
    [[1, -1], 'bad-message', null],
    [[1, 1.5], 'bad-message', null],
    [[1, 2 ** 32], 'bad-message', null],
    [[1, '7'], 'bad-message', null],
    [[2], 'bad-message', null],
    [[3], 'bad-message', null],
    [[4, NaN], 'bad-message', null],
    [[1, 7, []], 'bad-option', 7],
    [[1, 7, 'all'], 'bad-option', 7],
    [[1, 7, { filter: [] }], 'bad-option', 7],
    [[1, 7, { filters: {} }], 'bad-option', 7],
    [[1, 7, { snapshot: true }], 'bad-option', 7],
    [[1, 7, { since: 5 }], 'bad-option', 7],
    [[1, 7, { since: 'now' }], 'bad-option', 7],
    ...[NaN, -1, 0, 1.5, '3', true, 2 ** 31, 2 ** 64, Infinity].map((n): [unknown, string, number] => [
      [1, 7, { max_events: n }],
      'bad-option',
      7,
    ]),
    [[3, 1, 'task'], 'bad-option', null],
    [[3, 1, null, 't1'], 'bad-option', null],
    [[3, 1, 'thing', 't1'], 'bad-option', null],
    [[3, 1, 'task', ''], 'bad-option', null],
    [[3, 1, 'task', 'x'.repeat(257)], 'bad-option', null],
  ];
  for (const [message, code, sub] of cases) {
    t.match(readClientMessage(message), { type: 'refused', code, sub }, JSON.stringify(message));
  }
});

t.test('the refusal of a misspelt option names the right one', async (t) => {
  t.match(readClientMessage([1, 7, { max_event: 1 }]), { message: /did you mean max_events\?/ });
  t.match(readClientMessage([1, 7, { wholly_other: 1 }]), {
    message: /options are filter, max_events, since, snapshot/,
  });
});

t.test('the closest of several words is found, or none if none is close', async (t) => {
  const words = ['kinds', 'run_ids', 'branches'];
  t.equal(closestMatch('kind', words), 'kinds');
  t.equal(closestMatch('RUNIDS', words), 'run_ids');
  t.equal(closestMatch('brnches', words), 'branches');
  t.equal(closestMatch('something', words), undefined);
  t.equal(closestMatch('x'.repeat(1_000), words), undefined);
});

t.test('every close code says whether to connect again', async (t) => {
  t.same(Object.keys(RECONNECT_AFTER).map(Number), Object.values(CloseCode));
});

t.test('a wire event has one JSON view', async (t) => {
  const origin = { schemaVersion: '1.2.3', epoch: epoch('e') };
  const time = Date.UTC(2026, 2, 30, 15, 0, 0, 123);
  t.strictSame(toBusEvent([47, 3, 0, 'r1', time, { run_id: 'a' }, 'deleted'], origin), {
    schema_version: '1.2.3',
    event_type: 'removed',
    kind: 'reservation',
    id: 'r1',
    timestamp: '2026-03-30T15:00:00.123Z',
    data: { run_id: 'a' },
    revision: 47,
    cursor: 'e:47',
    reason: 'deleted',
  });
  t.match(toBusEvent([9, 1, 4, 't', time, {}, null, 'invalid-json', 'restart'], origin), {
    reason: undefined,
    problem: 'invalid-json',
    observed: 'restart',
    cursor: 'e:9',
  });
  t.equal(toBusEvent([9, 0, 4, 't', time, {}], origin).cursor, 'e:0', 'inside a snapshot there is no position');
  t.equal(toBusEvent([9, 0, 4, 't', time, {}], origin, revision(12)).cursor, 'e:12', 'but after the last one');
  t.throws(() => toBusEvent([9, 6, 4, 't', time, {}], origin), RangeError);
  t.throws(() => toBusEvent([9, 0, 7, 't', time, {}], origin), RangeError);
});
