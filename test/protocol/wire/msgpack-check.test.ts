import t from 'tap';
import { ProtocolError, packMessage, unpackMessage } from '../../../protocol/index.js';
import { checkMessagePack } from '../../../protocol/wire/msgpack-check.js';

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

t.test('every type of the protocol passes in every width', async (t) => {
  const values = [
    ...['c0', 'c2', 'c3', '00', '7f', 'e0', 'ff'],
    ...['cc ff', 'cd ffff', 'ce ffffffff', 'cf 001fffffffffffff'],
    ...['d0 80', 'd1 8000', 'd2 80000000', 'd3 ffe0000000000001'],
    // Numbers beyond 2^53 pass. No field accepts them, and a refusal that names the field is more helpful.
    ...['cf 0020000000000000', 'cf ffffffffffffffff', 'd3 8000000000000000'],
    ...['ca 3fc00000', 'cb 3ff8000000000000'],
    ...['a1 61', 'd9 01 61', 'da 0001 61', 'db 00000001 61'],
    ...['91 c0', 'dc 0001 c0', 'dd 00000001 c0'],
    ...['81 a1 61 c0', 'de 0001 a1 61 c0', 'df 00000001 a1 61 c0', '81 d9 01 61 c0', '80', '90', 'a0'],
  ];
  for (const value of values) {
    t.doesNotThrow(() => {
      checkMessagePack(hex(value), 8);
    }, value);
    t.doesNotThrow(() => unpackMessage(hex(value)), `${value} decodes`);
  }
});

t.test('a value outside the protocol is refused before anything is built', async (t) => {
  const cases: [string, RegExp][] = [
    ['', /empty/],
    ['c1', /0xc1/],
    ['c4 01 00', /binary and extension/],
    ['c7 01 00 00', /binary and extension/],
    ['d4 00 00', /binary and extension/],
    ['d6 ff 00000000', /binary and extension/],
    ['c0 c0', /1 bytes follow/],
    ['92 c0', /ends inside/],
    ['cd ff', /ends inside/],
    ['a2 61', /ends inside/],
    ['dd ffffffff', /ends inside/],
    ['df ffffffff', /ends inside/],
    ['db ffffffff', /ends inside/],
    ['c9 ffffffff 00', /binary and extension/],
    ['81 01 c0', /no string/],
    ['81 c0 c0', /no string/],
    [`81 a9 ${Buffer.from('__proto__').toString('hex')} c0`, /__proto__/],
    [`81 d9 09 ${Buffer.from('__proto__').toString('hex')} c0`, /__proto__/],
    ['a1 ff', /UTF-8/],
    ['a2 c0 80', /UTF-8/],
    ['a3 ed a0 80', /UTF-8/],
    [`${'91'.repeat(9)} c0`, /deeper than 8/],
    [`${'91'.repeat(16_000)} c0`, /deeper than 8/],
    ['90'.repeat(1_000), /999 bytes follow/],
  ];
  for (const [value, expected] of cases) {
    const error = t.throws(
      () => {
        checkMessagePack(hex(value), 8);
      },
      expected,
      value.slice(0, 40),
    ) as ProtocolError;
    t.equal(error.code, 'bad-message');
  }
});

t.test('eight levels of nesting pass', async (t) => {
  t.doesNotThrow(() => {
    checkMessagePack(hex(`${'91'.repeat(8)} c0`), 8);
  });
});

t.test('every prefix of a message is refused and not misread', async (t) => {
  const whole = packMessage([1, 7, { filter: { kinds: ['task'], ids: ['x'.repeat(40)] }, max_events: 70_000 }]);
  for (let length = 0; length < whole.length; length++) {
    t.throws(() => {
      checkMessagePack(whole.subarray(0, length), 8);
    }, ProtocolError);
  }
});
