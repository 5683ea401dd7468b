import t, { type Test } from 'tap';
import { type Encoding, MessageType, packMessage } from '../../../../protocol/index.js';
import { serve, TRANSPORTS, type Running } from '../../../support/running-server.js';
import { RawClient } from '../../../support/raw-client.js';

const bytes = (...parts: readonly (number | readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));
const text = (value: string): Uint8Array => packMessage(value);
/** `[1, 1, {max_events: …}]` with the number's own bytes. */
const maxEvents = (...number: number[]): Uint8Array => bytes(0x93, 1, 1, 0x81, text('max_events'), number);

interface Case {
  readonly what: string;
  readonly payload: Uint8Array | string;
  readonly code: string;
  readonly says?: RegExp;
}

const MSGPACK: readonly Case[] = [
  { what: 'a text frame on msgpack', payload: '[4,1]', code: 'binary-only', says: /muse-bus\.v1\.json/ },
  { what: 'an empty message', payload: bytes(), code: 'bad-message', says: /empty/ },
  { what: 'trailing bytes', payload: bytes(packMessage([4, 1]), 0), code: 'bad-message', says: /1 bytes follow/ },
  { what: '0xC1', payload: bytes(0xc1), code: 'bad-message' },
  { what: '0xC1 inside', payload: bytes(0x92, 4, 0xc1), code: 'bad-message' },
  {
    what: 'an array32 of 2^32 - 1',
    payload: bytes(0xdd, 0xff, 0xff, 0xff, 0xff),
    code: 'bad-message',
    says: /ends inside/,
  },
  {
    what: 'a map32 of 2^32 - 1',
    payload: bytes(0xdf, 0xff, 0xff, 0xff, 0xff),
    code: 'bad-message',
    says: /ends inside/,
  },
  {
    what: 'a str32 of 2^32 - 1',
    payload: bytes(0xdb, 0xff, 0xff, 0xff, 0xff),
    code: 'bad-message',
    says: /ends inside/,
  },
  {
    what: 'an ext32 of 2^32 - 1',
    payload: bytes(0xc9, 0xff, 0xff, 0xff, 0xff, 1),
    code: 'bad-message',
    says: /extension/,
  },
  { what: 'a bin32 of 2^32 - 1', payload: bytes(0xc6, 0xff, 0xff, 0xff, 0xff), code: 'bad-message', says: /binary/ },
  {
    what: '16,000 nested arrays',
    payload: new Uint8Array(16_000).fill(0x91),
    code: 'bad-message',
    says: /deeper than 8/,
  },
  { what: '16,000 nested maps', payload: new Uint8Array(16_000).fill(0x81), code: 'bad-message' },
  {
    what: '60,000 empty arrays',
    payload: new Uint8Array(60_000).fill(0x90),
    code: 'bad-message',
    says: /bytes follow/,
  },
  { what: 'a fixext: any extension type', payload: bytes(0xd4, 0x01, 0x00), code: 'bad-message', says: /extension/ },
  {
    what: 'a timestamp extension',
    payload: bytes(0x92, 4, 0xd6, 0xff, [0, 0, 0, 0]),
    code: 'bad-message',
    says: /extension/,
  },
  { what: 'an extension with no length', payload: bytes(0xc7, 0x00, 0x01), code: 'bad-message', says: /extension/ },
  {
    what: 'bytes where text belongs',
    payload: bytes(0x93, 1, 1, 0xc4, 0x01, 0x00),
    code: 'bad-message',
    says: /binary/,
  },
  {
    what: 'a map key that is no string',
    payload: bytes(0x93, 1, 1, 0x81, 0x01, 0x01),
    code: 'bad-message',
    says: /no string/,
  },
  {
    what: 'a map key that is a map',
    payload: bytes(0x93, 1, 1, 0x81, 0x80, 0x01),
    code: 'bad-message',
    says: /no string/,
  },
  {
    what: '__proto__',
    payload: bytes(0x93, 1, 1, 0x81, text('__proto__'), 0x80),
    code: 'bad-message',
    says: /__proto__/,
  },
  {
    what: '__proto__ deep inside',
    payload: bytes(0x93, 1, 1, 0x81, text('filter'), 0x81, text('__proto__'), 0x80),
    code: 'bad-message',
    says: /__proto__/,
  },
  { what: 'invalid UTF-8', payload: bytes(0x92, 4, 0xa2, 0xc3, 0x28), code: 'bad-message', says: /UTF-8/ },
  {
    what: 'half of a surrogate pair in UTF-8',
    payload: bytes(0x92, 4, 0xa3, 0xed, 0xa0, 0x80),
    code: 'bad-message',
    says: /UTF-8/,
  },
  { what: 'an overlong encoding', payload: bytes(0x92, 4, 0xa2, 0xc0, 0xaf), code: 'bad-message', says: /UTF-8/ },
  {
    what: 'NaN as max_events',
    payload: maxEvents(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0),
    code: 'bad-option',
    says: /max_events/,
  },
  {
    what: 'Infinity as max_events',
    payload: maxEvents(0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0),
    code: 'bad-option',
    says: /max_events/,
  },
  {
    what: '2^64 as max_events',
    payload: maxEvents(0xcb, 0x43, 0xf0, 0, 0, 0, 0, 0, 0),
    code: 'bad-option',
    says: /max_events/,
  },
  {
    what: '2^64 - 1 as max_events',
    payload: maxEvents(0xcf, 255, 255, 255, 255, 255, 255, 255, 255),
    code: 'bad-option',
    says: /max_events/,
  },
  {
    what: '-2^63 as max_events',
    payload: maxEvents(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0),
    code: 'bad-option',
    says: /max_events/,
  },
];

const JSON_ONLY: readonly Case[] = [
  { what: 'a binary frame on JSON', payload: packMessage([4, 1]), code: 'text-only', says: /muse-bus\.v1\.msgpack/ },
  { what: 'an empty text', payload: '', code: 'bad-message' },
  { what: 'trailing text', payload: '[4,1]]', code: 'bad-message' },
  { what: 'NaN', payload: '[1,1,{"max_events":NaN}]', code: 'bad-message' },
  { what: '1e999 as max_events', payload: '[1,1,{"max_events":1e999}]', code: 'bad-option', says: /max_events/ },
  { what: '2^64 in digits as max_events', payload: '[1,1,{"max_events":18446744073709551616}]', code: 'bad-option' },
  {
    what: '16,000 nested arrays',
    payload: '['.repeat(16_000) + ']'.repeat(16_000),
    code: 'bad-message',
    says: /deeper than 8/,
  },
  { what: '60,000 open brackets', payload: '['.repeat(60_000), code: 'bad-message' },
  { what: '__proto__', payload: '[1,1,{"__proto__":{"filter":{}}}]', code: 'bad-message', says: /__proto__/ },
  {
    what: 'half of a surrogate pair',
    payload: '[1,1,{"filter":{"run_ids":["\\ud800"]}}]',
    code: 'bad-message',
    says: /surrogate/,
  },
  { what: 'half of a surrogate pair in a key', payload: '[1,1,{"\\ud800":1}]', code: 'bad-message', says: /surrogate/ },
];

/** The same in both encodings. */
const BOTH: readonly (readonly [what: string, message: unknown, code: string, says: RegExp])[] = [
  ['no array', { type: 1 }, 'bad-message', /begins with 1, 2, 3, 4, 5 or 6/],
  ['an empty array', [], 'bad-message', /begins with/],
  ['an unknown type', [99], 'bad-message', /begins with/],
  ['a server’s message', [20, 1, 0, []], 'bad-message', /begins with/],
  ['a type that is text', ['1', 1], 'bad-message', /begins with/],
  ['no subscription', [1], 'bad-message', /subscription/],
  ['a negative subscription', [1, -1, {}], 'bad-message', /2\^32/],
  ['a subscription beyond a uint32', [1, 2 ** 32, {}], 'bad-message', /2\^32/],
  ['a broken subscription', [1, 1.5, {}], 'bad-message', /2\^32/],
  ['options that are no map', [1, 1, [1]], 'bad-option', /must be a map/],
  ['an unknown option', [1, 1, { filtr: {} }], 'bad-option', /did you mean filter/],
  ['an unknown option like none', [1, 1, { xyzzyx: {} }], 'bad-option', /options are filter/],
  ['constructor as an option', [1, 1, { constructor: 1 }], 'bad-option', /no option "constructor"/],
  ['a filter that is no map', [1, 1, { filter: 'all' }], 'bad-option', /map of fields/],
  ['an unknown filter field', [1, 1, { filter: { run_id: ['a'] } }], 'bad-option', /did you mean "run_ids"/],
  ['toString as a filter field', [1, 1, { filter: { toString: ['a'] } }], 'bad-option', /no field "toString"/],
  ['a kind that is none', [1, 1, { filter: { kinds: ['reservaton'] } }], 'bad-option', /did you mean "reservation"/],
  ['an event type that is none', [1, 1, { filter: { event_types: ['add'] } }], 'bad-option', /did you mean "added"/],
  ['a field that is no array', [1, 1, { filter: { ids: 'a' } }], 'bad-option', /array of strings/],
  ['an empty field', [1, 1, { filter: { ids: [] } }], 'bad-option', /empty/],
  ['a value that is no string', [1, 1, { filter: { ids: [1] } }], 'bad-option', /array of strings/],
  ['-1 as max_events', [1, 1, { max_events: -1 }], 'bad-option', /max_events/],
  ['0 as max_events', [1, 1, { max_events: 0 }], 'bad-option', /max_events/],
  ['1.5 as max_events', [1, 1, { max_events: 1.5 }], 'bad-option', /max_events/],
  ['2^31 as max_events', [1, 1, { max_events: 2 ** 31 }], 'bad-option', /max_events/],
  ['text as max_events', [1, 1, { max_events: '5' }], 'bad-option', /max_events/],
  ['a cursor that is none', [1, 1, { since: 'yesterday' }], 'bad-option', /cursor/],
  ['a cursor with a huge revision', [1, 1, { since: 'a:9999999999999999' }], 'bad-option', /cursor/],
  ['a snapshot that is neither', [1, 1, { snapshot: 'some' }], 'bad-option', /"full" or "none"/],
  [
    'a glob of 10,000 characters',
    [1, 1, { filter: { addresses: ['a'.repeat(9_999) + '*'] } }],
    'bad-option',
    /max_glob_length/,
  ],
  [
    'a glob of many wildcards',
    [1, 1, { filter: { addresses: ['*a'.repeat(9)] } }],
    'bad-option',
    /at most 8 \(max_glob_wildcards\)/,
  ],
  ['a glob that repeats a group', [1, 1, { filter: { addresses: ['+(ab|c)'] } }], 'bad-option', /repeated group/],
  [
    '101 globs',
    [1, 1, { filter: { addresses: Array.from({ length: 101 }, (_, i) => `${String(i)}*`) } }],
    'bad-option',
    /at most 100 \(max_globs\)/,
  ],
  [
    'a run_id over 256',
    [1, 1, { filter: { run_ids: ['r'.repeat(257)] } }],
    'bad-option',
    /at most 256 \(max_value_length\)/,
  ],
  [
    'a branch over 256',
    [1, 1, { filter: { branches: ['b'.repeat(257)] } }],
    'bad-option',
    /at most 256 \(max_value_length\)/,
  ],
  [
    'an id over 256',
    [1, 1, { filter: { ids: ['i'.repeat(257)] } }],
    'bad-option',
    /1 to 256 bytes in UTF-8 \(max_id_bytes\)/,
  ],
  [
    '1,001 values',
    [1, 1, { filter: { ids: Array.from({ length: 1_001 }, (_, i) => String(i)) } }],
    'bad-option',
    /at most 1000 \(max_filter_terms\)/,
  ],
  ['unsubscribe of an unknown id', [2, 77], 'unknown-subscription', /no subscription 77/],
  ['a sync of no kind', [3, 1, 'nothing', 'a'], 'bad-option', /kind must be one of/],
  ['a sync with a huge id', [3, 1, 'tasks', 'i'.repeat(50_000)], 'bad-option', /max_id_bytes/],
  ['a sync of a path', [3, 1, 'tasks', 'tasks/../../etc/passwd'], 'bad-option', /is a path/],
  ['a sync of a Windows path', [3, 1, 'tasks', 'x\\y'], 'bad-option', /is a path/],
  ['a sync of a hidden name', [3, 1, 'tasks', '.x'], 'bad-option', /begins with a dot/],
  ['a sync of a path', [3, 1, 'tasks', '../x'], 'bad-option', /is a path/],
  ['a sync with a NUL', [3, 1, 'tasks', 'a\0b'], 'bad-option', /has characters that no id has/],
  ['a filter with the id of no record', [1, 1, { filter: { ids: ['t1', 'a/b'] } }], 'bad-option', /"a\/b" is a path/],
  ['a sync whose nonce is none', [3, 'x'], 'bad-message', /nonce/],
  ['a ping whose nonce is none', [4, {}], 'bad-message', /nonce/],
];

const encode = (encoding: Encoding, message: unknown): Uint8Array | string =>
  encoding === 'json' ? JSON.stringify(message) : packMessage(message);

for (const transport of TRANSPORTS) {
  for (const encoding of ['msgpack', 'json'] as const) {
    t.test(`${transport}, ${encoding}`, async (t) => {
      const server = await serve(t, { transport });
      const client = await RawClient.welcomed(server.endpoint, { encoding });
      t.teardown(() => {
        client.terminate();
      });
      const both = BOTH.map(([what, message, code, says]) => ({
        what,
        payload: encode(encoding, message),
        code,
        says,
      }));
      for (const { what, payload, code, says } of [...(encoding === 'json' ? JSON_ONLY : MSGPACK), ...both]) {
        t.test(`${what}: ${code}, and the connection stays`, async (t) => {
          const [, , answered, message] = await client.refusal(payload);
          t.equal(answered, code);
          if (says) t.match(message, says);
          t.notMatch(message, server.repository.root);
          t.ok(await client.isAlive());
        });
      }

      t.test('a duplicate subscription id: duplicate-subscription, and the first subscription continues', async (t) => {
        client.send([MessageType.subscribe, 5, { filter: { kinds: ['claim'] } }]);
        await client.received(MessageType.synced, ([, sub]) => sub === 5);
        const [, sub, code] = await client.refusal(encode(encoding, [1, 5, {}]));
        t.same([sub, code], [5, 'duplicate-subscription']);
        client.send([MessageType.unsubscribe, 5]);
        await client.received(MessageType.complete, ([, ended]) => ended === 5);
      });

      await cursors(t, server, client);
      t.equal(({} as Record<string, unknown>)['filter'], undefined, 'nothing is polluted');
    });
  }
}

async function cursors(t: Test, server: Running, client: RawClient): Promise<void> {
  const { epoch, revision } = server.server.bus.hub;
  const cases: readonly (readonly [what: string, since: string, why: string])[] = [
    ['a cursor from the future', `${epoch}:${String(revision + 1_000)}`, 'future'],
    ['a cursor from another epoch', '01ARZ3NDEKTSV4RRFFQ69G5FAV:1', 'epoch'],
  ];
  let sub = 1_000;
  for (const [what, since, why] of cases) {
    const id = sub++;
    t.test(`${what}: resync, because of ${why}`, async (t) => {
      client.send([MessageType.subscribe, id, { since }]);
      const [, , , mode, , reason] = await client.received(MessageType.subscribed, ([, other]) => other === id);
      t.same([mode, reason], ['resync', why]);
      await client.received(MessageType.synced, ([, other]) => other === id);
    });
  }
}
