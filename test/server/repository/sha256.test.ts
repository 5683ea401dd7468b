import { createHash, createHmac } from 'node:crypto';
import t from 'tap';
import { hmacSha256, sha256 } from '../../../server/repository/sha256.js';

/** Bytes that differ from place to place. */
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 167 + length) & 0xff));

// Around the ends of one and of two blocks, where the padding needs a block of its own.
const LENGTHS = [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1_000, 100_003];

t.test('a digest and a keyed digest are those of the standard', (t) => {
  for (const length of LENGTHS) {
    const text = bytes(length);
    t.equal(sha256(text).toString('hex'), createHash('sha256').update(text).digest('hex'), `${String(length)} bytes`);
    for (const key of [bytes(0), bytes(43), bytes(64), bytes(65), bytes(200)]) {
      const expected = createHmac('sha256', key).update(text).digest('hex');
      t.equal(
        hmacSha256(key, text).toString('hex'),
        expected,
        `${String(length)} bytes, a key of ${String(key.length)}`,
      );
    }
  }
  t.end();
});
