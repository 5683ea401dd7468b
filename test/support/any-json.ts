import fc from 'fast-check';
import type { RecordData } from '../../protocol/index.js';

/** Keys that have a meaning for objects, libraries or the engine, but none in a record. */
export const TELLING_KEYS = [
  'constructor',
  'prototype',
  'toJSON',
  'then',
  'length',
  'size',
  'hasOwnProperty',
  'valueOf',
  'toString',
  '__defineGetter__',
  '__lookupSetter__',
  'isPrototypeOf',
  'buffer',
  'byteLength',
  'name',
  'next',
  'props',
  'nodeType',
  '',
  '0',
  '01',
  '4294967295',
  '9007199254740993',
  '-1',
  '\u0000',
  'a\u0000b',
  '\u{1f600}',
  'ключ',
] as const;

/** Fields that the bus reads; a record may have any value in them. */
const KNOWN_FIELDS = [
  'run_id',
  'branch',
  'addresses',
  'created_at',
  'reservation_id',
  'expires_at',
  'extended_expires_at',
  'last_beat_at',
  'released_at',
  'claimed_at',
  'operation',
  'detail',
  'title',
  'status',
  'task_id',
  'depends_on',
  'reason',
  'kind',
  'id',
] as const;

/** Numbers at the limits of integers and doubles: JSON has no limits. */
const numbers = fc.constantFrom(
  0,
  -0,
  -1,
  1.5,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  2 ** 64,
  1e308,
  5e-324,
);
const texts = fc.oneof(
  fc.constantFrom(
    '',
    'r1',
    'main',
    '2026-03-30T15:00:00Z',
    '9999-12-31T23:59:59-23:59',
    '0000-01-01T00:00:00+23:59',
    '\u0000',
    '\u2028',
    '\ufeff',
  ),
  fc.constantFrom(...TELLING_KEYS),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);
const leaf = fc.oneof(fc.constantFrom(null, true, false), numbers, texts);
const key = fc.oneof(
  fc.constantFrom(...TELLING_KEYS),
  fc.constantFrom(...KNOWN_FIELDS),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);
const isSafe = (name: string): boolean => name !== '__proto__';

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(key.filter(isSafe), tie('value')), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}));

/** Any legal JSON object, as the data of a record that was read from a file. */
export const anyRecord: fc.Arbitrary<RecordData> = fc
  .array(fc.tuple(key.filter(isSafe), value), { maxLength: 8 })
  .map((entries) => JSON.parse(JSON.stringify(Object.fromEntries(entries))) as RecordData);

/** Records that have crashed a process, or might: each with the text of its file. */
export const TELLING_RECORDS: readonly (readonly [id: string, text: string])[] = [
  ['to-json', '{"constructor":1,"toJSON":1}'],
  ['to-json-inside', '{"a":[{"constructor":null,"toJSON":{"constructor":1,"toJSON":"x"}}]}'],
  ['then', '{"then":1,"constructor":{"then":{}}}'],
  ['methods', '{"hasOwnProperty":1,"valueOf":2,"toString":3,"isPrototypeOf":4,"__defineGetter__":5}'],
  ['prototype', '{"prototype":{"constructor":{"prototype":{}}},"length":-1,"size":1e308}'],
  ['keys', '{"":1,"0":2,"01":3,"4294967295":4,"9007199254740993":5,"-1":6,"\\u0000":7}'],
  ['numbers', '{"a":-0,"b":1e308,"c":12345678901234567890,"d":-9223372036854775808,"e":5e-324,"f":4294967296}'],
  [
    'known-as-numbers',
    '{"run_id":1,"branch":2,"addresses":3,"expires_at":4,"reservation_id":5,"extended_expires_at":6}',
  ],
  ['known-as-maps', '{"run_id":{"toString":1},"branch":{"length":1},"addresses":{"0":"src/a.py"},"expires_at":{}}'],
  ['known-as-lists', '{"run_id":["r"],"branch":[[]],"addresses":[["src/a.py"],null,{"constructor":1},"src/a.py",7]}'],
  ['known-as-null', '{"run_id":null,"branch":null,"addresses":null,"expires_at":null,"reservation_id":null}'],
  [
    'known-as-methods',
    '{"run_id":"constructor","branch":"__proto__","addresses":["toString","__proto__"],"task_id":"then"}',
  ],
  ['far', '{"run_id":"r","expires_at":"9999-12-31T23:59:59-23:59","created_at":"0000-01-01T00:00:00+23:59"}'],
  ['deep', `${'{"constructor":'.repeat(31)}[]${'}'.repeat(31)}`],
  ['empty', '{}'],
];
