import { randomBytes } from 'node:crypto';
import type { PrivateDirectory } from './private-directory.js';

/** The file of the secret that an origin signs its messages with, in the private state. */
const RELAY_KEY_FILE = 'relay.key';
const MAX_FILE_BYTES = 256;
/** 32 bytes in base64url. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/**
 * Returns the secret of a repository's origin. It is made at first use and kept, because edges are given its public half.
 * @param replaced called with the reason if a file that exists cannot be trusted, and another key is made: edges then need that one.
 */
export function relayKey(directory: PrivateDirectory, replaced: (why: string) => void): string {
  const found = directory.read(RELAY_KEY_FILE, MAX_FILE_BYTES);
  const kept = found.is === 'content' ? found.text.trim() : '';
  if (SECRET.test(kept)) return kept;
  if (found.is !== 'absent') replaced(found.is === 'refused' ? found.why : 'holds no key');
  const made = randomBytes(32).toString('base64url');
  directory.replace(RELAY_KEY_FILE, `${made}\n`);
  return made;
}
