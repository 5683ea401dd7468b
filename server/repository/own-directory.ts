import type { BigIntStats } from 'node:fs';
import { currentUser, isOwn } from './owner.js';
import { namedBy } from './private-file.js';
import { TrustError } from './trust-error.js';

/** Proves that a directory belongs to this user. @throws TrustError */
export function proveOwn(path: string, { uid }: Pick<BigIntStats, 'uid'>): void {
  if (isOwn({ uid: Number(uid) })) return;
  const what = `${path} belongs to user ${String(uid)}, not to user ${String(currentUser())}`;
  throw new TrustError('owner', what, `give it to this user (chown), or remove it`);
}

/** @returns what to throw if a path leads to no directory of its own: the given error, if that says something else. */
export function notADirectory(path: string, error?: unknown): unknown {
  const { code } = (error ?? { code: 'ENOTDIR' }) as NodeJS.ErrnoException;
  if (code !== 'ELOOP' && code !== 'ENOTDIR' && code !== 'EMLINK') return namedBy(path, error);
  return new TrustError(
    'link',
    `${path} is not a directory, but a symbolic link or a file`,
    'move it out of the way: private files must not be where a link leads',
    { cause: error },
  );
}
