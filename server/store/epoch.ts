import { epoch, type Epoch, type UnixMillis } from '../../protocol/index.js';

// Crockford's alphabet: no I, L, O, U.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** The number of random bytes in the name of an epoch. */
export const EPOCH_RANDOM_BYTES = 16;

/**
 * Returns the name of a new epoch: a ULID, so that epochs sort by the time at which they began.
 * @param random EPOCH_RANDOM_BYTES random bytes.
 */
export function newEpoch(now: UnixMillis, random: Uint8Array): Epoch {
  let time = '';
  for (let rest = now as number, i = 0; i < 10; i++, rest = Math.floor(rest / 32))
    time = ALPHABET.charAt(rest % 32) + time;
  return epoch(time + Array.from(random, (byte) => ALPHABET.charAt(byte % 32)).join(''));
}
