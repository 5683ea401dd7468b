import { packMessage } from '../../protocol/index.js';
import { handshake } from '../support/http-wire.js';
import { live, type BytesTarget } from './attack-http.js';
import { mutate } from './mutate.js';
import type { Random } from './random.js';

const MESSAGES: readonly unknown[] = [
  [1, 1, {}],
  [2, 1],
  [3, 1],
  [4, 1],
  [5, 1, 'overview'],
];
const LENGTHS = [0, 0, 1, 2, 124, 125, 126, 127, 200, 65_535, 65_536, 70_000];
/** Continuation, text, binary, close, ping and pong; the rest is reserved. */
const OPCODES = [0, 1, 2, 2, 2, 2, 8, 9, 9, 10, 3, 7, 11, 15];

/** One frame: correct, or with a wrong length, mask, opcode or reserved bit. */
function frame(random: Random): Buffer {
  const opcode = random.pick(OPCODES);
  const isMessage = (opcode === 1 || opcode === 2) && random.below(3) > 0;
  const payload = isMessage
    ? Buffer.from(packMessage(random.pick(MESSAGES)))
    : Buffer.alloc(random.pick(LENGTHS), opcode);
  const isOdd = random.below(4) === 0;
  const first = (random.below(5) > 0 ? 0x80 : 0) | (isOdd ? random.below(8) << 4 : 0) | opcode;
  const isMasked = !isOdd || random.below(3) > 0;
  const mask = isMasked ? random.bytes(4) : Buffer.alloc(0);
  const masked = isMasked ? payload.map((byte, i) => byte ^ mask[i % 4]!) : payload;
  return Buffer.concat([Buffer.from([first]), length(payload.length, isMasked, isOdd, random), mask, masked]);
}

function length(bytes: number, isMasked: boolean, isOdd: boolean, random: Random): Buffer {
  const bit = isMasked ? 0x80 : 0;
  if (isOdd && random.below(2) === 0) {
    // A length that is encoded in too many bytes, is greater than the payload, or is greater than any payload can be.
    const large = Buffer.alloc(9);
    large[0] = bit | 127;
    large.writeBigUInt64BE(random.pick([BigInt(bytes), 2n ** 31n, 2n ** 63n, 2n ** 64n - 1n]), 1);
    return large;
  }
  if (bytes < 126) return Buffer.from([bit | bytes]);
  if (bytes < 65_536) return Buffer.from([bit | 126, bytes >> 8, bytes & 0xff]);
  const large = Buffer.alloc(9);
  large[0] = bit | 127;
  large.writeBigUInt64BE(BigInt(bytes), 1);
  return large;
}

/** One connection: a handshake, then frames, some of them mutated. It ends at a random moment, in a random way. */
export function framesLife(target: BytesTarget, random: Random): Promise<void> {
  const frames = Array.from({ length: 1 + random.below(12) }, () => frame(random));
  let bytes: Buffer = Buffer.concat(frames);
  if (random.below(3) === 0) bytes = mutate(bytes, random, random.pick(frames));
  return live(target, Buffer.from(handshake(target)), random, bytes);
}
