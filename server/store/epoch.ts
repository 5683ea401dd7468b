import { randomBytes } from 'node:crypto';
import { epoch, type Epoch, type UnixMillis } from '../../protocol/index.js';

// Crockford's alphabet: no I, L, O, U.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A new epoch's name: a ULID, so that epochs sort by the time they began. */
export function newEpoch(now: UnixMillis): Epoch {
  let time = '';
  for (let rest = now as number, i = 0; i < 10; i++, rest = Math.floor(rest / 32))
    time = ALPHABET.charAt(rest % 32) + time;
  const random = [...randomBytes(16)].map((byte) => ALPHABET.charAt(byte % 32)).join('');
  return epoch(time + random);
}
