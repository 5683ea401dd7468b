import t from 'tap';
import type { ProtocolError } from '../../../protocol/index.js';
import { decodeStrictly, packMessage, unpackMessage } from '../../../protocol/index.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

t.test('a message is read back as it was written, in both encodings', async (t) => {
  const messages = [
    [1, 7, { filter: { kinds: ['task'] }, max_events: 4 }],
    [4, 0xffffffff],
    [1, 2, { since: 'e:4711', snapshot: 'none' }],
    [3, 1, 'task', 'ä\u{1f600}'],
    [null, true, false, -1, 1.5, 2 ** 53 - 1, ''],
  ];
  for (const message of messages) {
    t.same(decodeStrictly('msgpack', packMessage(message)), message);
    t.same(decodeStrictly('json', bytes(JSON.stringify(message))), message);
  }
});

t.test('packed messages have no extension types', async (t) => {
  const packed = packMessage([{ a: 1, b: { a: 2 } }, { a: 3, b: { a: 4 } }, undefined]);
  t.doesNotThrow(() => decodeStrictly('msgpack', packMessage([{ a: 1 }, { a: 2 }])));
  t.ok(packed.length > 0);
  t.same(unpackMessage(packMessage({ big: 1_774_882_800_000 })), { big: 1_774_882_800_000 });
});

t.test('invalid JSON, and JSON that the protocol does not allow, is refused', async (t) => {
  const cases: [string | Uint8Array, RegExp][] = [
    ['', /not JSON/],
    ['[1', /not JSON/],
    ['[NaN]', /not JSON/],
    [new Uint8Array([0x22, 0xff, 0x22]), /not JSON/],
    ['["\\ud800"]', /surrogate/],
    [`${'['.repeat(9)}${']'.repeat(9)}`, /deeper than 8/],
    [`${'['.repeat(16_000)}${']'.repeat(16_000)}`, /deeper|not JSON/],
    ['[{"__proto__":1}]', /__proto__/],
  ];
  for (const [payload, expected] of cases) {
    const error = t.throws(
      () => decodeStrictly('json', typeof payload === 'string' ? bytes(payload) : payload),
      expected,
      String(payload).slice(0, 30),
    ) as ProtocolError;
    t.equal(error.code, 'bad-message');
  }
});
