import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { parseRecord } from '../../../server/watch/record-parser.js';

/** A JSON text that contains these bytes, without those that JSON forbids inside quotes. */
const quoted = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([
    Buffer.from('"'),
    bytes.filter((byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c),
    Buffer.from('"'),
  ]);

const parse = (text: string | Uint8Array) => parseRecord(Buffer.from(text), 32);

t.test('an object in JSON is a record, with all its fields', async (t) => {
  const cases: [string, object][] = [
    ['{}', {}],
    [' {"a":1,"b":[null,true,{"c":"ä"}]}\n', { a: 1, b: [null, true, { c: 'ä' }] }],
    ['\ufeff{"a":1}', { a: 1 }],
    ['{"a":1,"a":2}', { a: 2 }],
    ['{"constructor":{"prototype":1}}', { constructor: { prototype: 1 } }],
    ['{"a":"\\ud83d\\ude00"}', { a: '\u{1f600}' }],
  ];
  for (const [text, data] of cases)
    t.equal(JSON.stringify(parse(text)), JSON.stringify({ is: 'data', data, warnings: [] }), text);
});

t.test('each text that is no record has a problem', async (t) => {
  const cases: [string | Uint8Array, string][] = [
    ['', 'invalid-json'],
    ['{"a":', 'invalid-json'],
    ['{"a":1}\0\0\0', 'invalid-json'],
    ['{"a":nan}', 'invalid-json'],
    ['{"a":-}', 'invalid-json'],
    ['{"a":NaNs}', 'invalid-json'],
    ['{"a":NaN', 'invalid-json'],
    ['{"a":"NaN', 'invalid-json'],
    [`{"a":"NaN${'\\"'.repeat(100_000)}`, 'invalid-json'],
    ["{'a':1}", 'invalid-json'],
    [Buffer.from('{"a":1}', 'utf16le'), 'invalid-json'],
    [Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]), 'invalid-json'],
    ['[]', 'not-an-object'],
    ['null', 'not-an-object'],
    ['1', 'not-an-object'],
    ['"{}"', 'not-an-object'],
    ['{"__proto__":{"polluted":true}}', 'unsafe-key'],
    ['{"a":[{"__proto__":1}]}', 'unsafe-key'],
    [`{"a":${'['.repeat(32)}${']'.repeat(32)}}`, 'too-deep'],
    [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'too-deep'],
  ];
  for (const [text, problem] of cases)
    t.strictSame(parse(text), { is: 'problem', problem }, text.toString().slice(0, 40));
  t.equal(({} as Record<string, unknown>)['polluted'], undefined);
  t.equal(parse(`{"a":${'['.repeat(31)}${']'.repeat(31)}}`).is, 'data', '32 levels pass');
});

t.test(
  'bytes that are not UTF-8 are no record, all that are UTF-8 are accepted, and U+FFFD is a character',
  async (t) => {
    t.equal(parse('{"a":"\ufffd"}').is, 'data');
    const text = fc.uint8Array({ min: 0x80, max: 0xff, maxLength: 8 });
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.string({ unit: 'grapheme' }).map((letters) => Buffer.from(letters)),
        ),
        (inside) => {
          const bytes = Buffer.concat([Buffer.from('{"a":'), quoted(inside), Buffer.from('}')]);
          return (parse(bytes).is === 'data') === isUtf8(bytes);
        },
      ),
      { numRuns: 500 },
    );
  },
);

t.test(
  'what Muse reads and the wire cannot carry is replaced, with a warning, and the rest of the record counts',
  async (t) => {
    const cases: [string, object][] = [
      ['{"a":NaN,"b":[-Infinity,Infinity,1e999,-1e999]}', { a: null, b: [null, null, null, null] }],
      ['{"a":"NaN","b":"\\"NaN\\\\","c":NaN,"NaN":1}', { a: 'NaN', b: '"NaN\\', c: null, NaN: 1 }],
      ['{"a":{"b":"cut \\ud83d"},"\\udc00":1}', { a: { b: 'cut \ufffd' }, '\ufffd': 1 }],
    ];
    const warnings = ['what the wire cannot carry is replaced'];
    for (const [text, data] of cases)
      t.equal(JSON.stringify(parse(text)), JSON.stringify({ is: 'data', data, warnings }), text);
  },
);

t.test('a number that a double cannot hold exactly is accepted, with a warning', async (t) => {
  t.match(parse('{"a":9007199254740993}'), { is: 'data', warnings: ['number beyond 2^53'] });
  t.match(parse('{"a":[-1e300]}'), { is: 'data', warnings: ['number beyond 2^53'] });
  t.match(parse('{"a":9007199254740991,"b":0.1}'), { is: 'data', warnings: [] });
});
