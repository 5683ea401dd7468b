import t from 'tap';
import { writeArrayHead, writeNil, writeText, writeTime, writeUint } from '../../../server/store/msgpack-writer.js';

/** What is written after a byte that was there before, as hexadecimal digits. */
function written(write: (bytes: Buffer, at: number) => number): string {
  const bytes = Buffer.alloc(70_000, 0xee);
  const end = write(bytes, 1);
  if (bytes[0] !== 0xee) throw new Error('it writes before its position');
  return bytes.toString('hex', 1, end);
}

// The forms are those of the specification of MessagePack.
t.test('an integer takes the shortest form that holds it', async (t) => {
  for (const [value, form] of [
    [0, '00'],
    [0x7f, '7f'],
    [0x80, 'cc80'],
    [0xff, 'ccff'],
    [0x100, 'cd0100'],
    [0xffff, 'cdffff'],
    [0x1_0000, 'ce00010000'],
    [0xffff_ffff, 'ceffffffff'],
    [0x1_0000_0000, 'cf0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
  ] as const)
    t.equal(
      written((bytes, at) => writeUint(bytes, at, value)),
      form,
    );
});

t.test('an array begins with its length in the shortest form', async (t) => {
  for (const [count, form] of [
    [0, '90'],
    [15, '9f'],
    [16, 'dc0010'],
    [0xffff, 'dcffff'],
    [0x1_0000, 'dd00010000'],
  ] as const)
    t.equal(
      written((bytes, at) => writeArrayHead(bytes, at, count)),
      form,
    );
});

t.test('a time before 1970 is a negative double, any other an integer', async (t) => {
  t.equal(
    written((bytes, at) => writeTime(bytes, at, 0)),
    '00',
  );
  t.equal(
    written((bytes, at) => writeTime(bytes, at, -1)),
    'cbbff0000000000000',
  );
  t.equal(written(writeNil), 'c0');
});

t.test('a text begins with the number of its bytes, which is not that of its letters', async (t) => {
  for (const [text, head] of [
    ['', 'a0'],
    ['x'.repeat(31), 'bf'],
    ['é'.repeat(15), 'be'],
    ['é'.repeat(16), 'da0020'],
    ['x'.repeat(65_535), 'daffff'],
  ] as const)
    t.equal(
      written((bytes, at) => writeText(bytes, at, text)),
      head + Buffer.from(text).toString('hex'),
    );
});
