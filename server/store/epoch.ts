import { epoch, type Epoch, type UnixMillis } from '../../protocol/index.js';

// Crockford's alphabet: no I, L, O, U.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** How many random bytes a name takes. */
export const EPOCH_RANDOM_BYTES = 16;

/**
 * A new epoch's name: a ULID, so that epochs sort by the time they began.
 * @param random EPOCH_RANDOM_BYTES of them.
 */
export function newEpoch(now: UnixMillis, random: Uint8Array): Epoch {
  let time = '';
  for (let rest = now as number, i = 0; i < 10; i++, rest = Math.floor(rest / 32))
    time = ALPHABET.charAt(rest % 32) + time;
  return epoch(time + Array.from(random, (byte) => ALPHABET.charAt(byte % 32)).join(''));
}
