import { realpathSync } from 'node:fs';
import { delimiter, isAbsolute } from 'node:path';
import { readSettingsFile, writableFault } from './settings-file.js';
import { TrustError } from './trust-error.js';
import { surroundings, userConfigFile } from './user-directories.js';

const EVERY = '*';

/**
 * Returns the repositories of other users that this user trusts: from `MUSE_BUS_SAFE_DIRECTORY`, and from `safe_directories` in
 * the user's own config file; never from a repository.
 * @throws TrustError for a config file that other users could have written, or that is not valid: the user's permissions must
 *   not be ignored without an error.
 */
export function safeDirectories(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const named = (env['MUSE_BUS_SAFE_DIRECTORY'] ?? '').split(delimiter).filter((path) => path !== '');
  const file = userConfigFile(surroundings(env));
  return file === undefined ? named : [...named, ...fromFile(file)];
}

/** Checks the value of `safe_directories` in a settings file. @throws SafeDirectoriesError */
export function readSafeDirectories(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new SafeDirectoriesError('must be a list of absolute paths, or ["*"]', value);
  return value.map((one: unknown) => {
    if (typeof one === 'string' && !one.includes('\0') && (one === EVERY || isAbsolute(one))) return one;
    throw new SafeDirectoriesError('must hold absolute paths, or "*" for all', one);
  });
}

/** `safe_directories` is not valid. The message says what is right; `found` is the value in the file. */
export class SafeDirectoriesError extends Error {
  override readonly name = 'SafeDirectoriesError';

  constructor(
    message: string,
    readonly found: unknown,
  ) {
    super(message);
  }
}

export function isSafeDirectory(root: string, paths: readonly string[]): boolean {
  return paths.some((path) => path === EVERY || isSamePlace(path, root));
}

function isSamePlace(path: string, root: string): boolean {
  try {
    return realpathSync.native(path) === realpathSync.native(root);
  } catch {
    return false;
  }
}

function fromFile(path: string): readonly string[] {
  const content = readSettingsFile(path, 'followed', writableFault);
  // A service that runs with another user's HOME goes on without that user's settings.
  if (content.state === 'absent' || (content.state === 'unreadable' && content.code === 'EACCES')) return [];
  if (content.state === 'unreadable') throw notUsed(path, content.why);
  const found = content.entries.find(([key]) => key === 'safe_directories');
  try {
    return found === undefined ? [] : readSafeDirectories(found[1]);
  } catch (error) {
    throw notUsed(path, `safe_directories ${(error as Error).message}`);
  }
}

function notUsed(path: string, why: string): TrustError {
  return new TrustError(
    'replaced',
    `${path} is not used: ${why}`,
    'correct or remove it: only you may be able to write it, and it must be JSON',
  );
}
