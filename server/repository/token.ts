import { randomBytes } from 'node:crypto';
import { RepositoryIdentity } from './identity.js';
import type { PrivateDirectory } from './private-directory.js';
import { StateDirectory } from './state-directory.js';
import { realPath, stateLocation } from './state-location.js';
import { TrustError } from './trust-error.js';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
export const MAX_TOKEN_FILE_BYTES = 256;
/** The name of the file with a repository's token, in its private state. */
export const TOKEN_FILE = 'token';

/** Returns a new token: 256 random bits in base64url. */
export const makeToken = (): string => randomBytes(32).toString('base64url');

export const isToken = (text: string): boolean => TOKEN.test(text);

/** Reads the token. @returns `undefined` if there is none that is valid and private. */
export function readToken(directory: PrivateDirectory): string | undefined {
  const found = directory.read(TOKEN_FILE, MAX_TOKEN_FILE_BYTES);
  const text = found.is === 'content' ? found.text.trim() : '';
  return isToken(text) ? text : undefined;
}

/** Writes a token, by default a new one, in place of the one before. @returns the token. */
export function writeToken(directory: PrivateDirectory, token = makeToken()): string {
  directory.replace(TOKEN_FILE, `${token}\n`);
  return token;
}

/** Makes a new token for a repository, from a process that is not its server. @returns the token. */
export async function renewToken(root: string, stateDir?: string): Promise<string> {
  const real = realPath(root);
  const identity = RepositoryIdentity.of(real);
  if (identity === undefined) {
    throw new TrustError('link', `there is no directory ${real}/.muse`, 'start a server there once: muse-bus serve');
  }
  const location = stateLocation(real, stateDir);
  const served = StateDirectory.ofServer(location);
  const state = served ?? (await StateDirectory.open(location, real, identity));
  try {
    if (!served) state.sign(real, identity, identity.record.marker ?? state.marker);
    return writeToken(state.directory);
  } finally {
    state.directory.close();
  }
}
