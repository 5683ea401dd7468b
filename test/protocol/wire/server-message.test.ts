import t from 'tap';
import { FEATURES, isServerMessage } from '../../../protocol/index.js';

const event = [1, 1, 0, 'r1', 1_700_000_000_000, {}];
const welcome = {
  protocol: 1,
  server: '0.1.0',
  epoch: 'E',
  revision: 0,
  now: 1,
  backend: 'inotify',
  heartbeat_ms: 5_000,
  limits: {},
};

t.test('valid messages of a server are told apart from invalid ones', async (t) => {
  const said: unknown[] = [
    [16, welcome],
    [16, { ...welcome, features: [...FEATURES], connection: 1 }],
    [17, 1, 2, 'snapshot', 'E:0'],
    [17, 1, 2, 'a mode of later', 'E:0', 'because'],
    [18, 1, 1, [event]],
    [19, 1, 0, 0],
    [20, 2, 0, [[...event, null, 'link', 'restart', 'of later']]],
    [21, 1, 'max_events', 3],
    [22, 1, 'lagged'],
    [23, null, 'bad-option', 'no'],
    [23, null, 'bad-option', 'no', 7],
    [24, 7, 'E:3'],
    [25, 7, 1],
    [26, 3, 1, { backend: 'inotify', healthy: true, last_scan_ms: 1 }],
    [27, 7, { verdict: 'unknown' }],
    [28, 'a message of later'],
  ];
  for (const message of said) t.ok(isServerMessage(message), JSON.stringify(message));
  const garbage: unknown[] = [
    null,
    'text',
    {},
    [],
    ['16', welcome],
    [16],
    [16, null],
    [16, { ...welcome, now: '1' }],
    [16, { ...welcome, limits: [] }],
    [17, 1],
    [18, 1, 1, null],
    [18, 1, 1, 'events'],
    [19, 1, 'x', 0],
    [20, 2, 0, [[]]],
    [20, 2, 0, [[1, 1, 0, 7, 1, {}]]],
    [20, 2, 0, [[1, 1, 0, 'r1', 1, null]]],
    [20, 2, NaN, [event]],
    [21, 1, null, 3],
    [23, 'x', 'limit', 'no'],
    [24, 7],
    [26, 3, 1, null],
    [27, 7, null],
  ];
  for (const message of garbage) t.notOk(isServerMessage(message), JSON.stringify(message));
});
