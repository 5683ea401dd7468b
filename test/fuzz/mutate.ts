import type { Random } from './random.js';

/** Bytes on which decoders have failed before: lengths of 2^32 - 1, extension types, ends of UTF-8 sequences, characters of JSON. */
const SHARP: readonly (readonly number[])[] = [
  [0xdd, 0xff, 0xff, 0xff, 0xff],
  [0xdf, 0xff, 0xff, 0xff, 0xff],
  [0xdb, 0xff, 0xff, 0xff, 0xff],
  [0xc9, 0xff, 0xff, 0xff, 0xff],
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xd6, 0xff, 0, 0, 0, 0],
  [0xc1],
  [0xed, 0xa0, 0x80],
  [0xc0, 0xaf],
  [0xf4, 0x90, 0x80, 0x80],
  [0],
  [...Buffer.from('"__proto__":')],
  [...Buffer.from('\xa9__proto__', 'latin1')],
  [...Buffer.from('1e999')],
  [...Buffer.from('\\ud800')],
  [...Buffer.from('[[[[[[[[[[')],
];

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const splice = (bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(Math.min(bytes.length, at + remove))]);

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 1, random.bytes(1)),
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 0, random.bytes(1 + random.below(8))),
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 1 + random.below(8), Buffer.alloc(0)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), random.below(4), Buffer.from(random.pick(SHARP))),
  (bytes, random, other) => splice(bytes, random.below(bytes.length + 1), random.below(16), other),
  (bytes, random) => {
    const from = random.below(bytes.length + 1);
    const part = bytes.subarray(from, from + random.below(64));
    return Buffer.concat(Array.from({ length: 1 + random.below(50) }, () => part));
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length);
    if (copy.length > 0) copy[at] = copy[at]! ^ (1 << random.below(8));
    return copy;
  },
];

/** Makes one to four random changes. */
export function mutate(bytes: Buffer, random: Random, other: Buffer): Buffer {
  let mutated = bytes;
  for (let left = 1 + random.below(4); left > 0; left--) mutated = random.pick(MUTATIONS)(mutated, random, other);
  return mutated;
}
