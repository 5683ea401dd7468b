import { closeSync, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, isAbsolute } from 'node:path';
import { isOwn, isWritableByOthers } from './owner.js';
import { TrustError, type TrustFault } from './trust-error.js';
import { surroundings, userConfigFile } from './user-directories.js';

const EVERY = '*';
const MAX_CONFIG_BYTES = 65_536;
const ROOT = 0;

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
  const fault = (fault: TrustFault, why: string): TrustError =>
    new TrustError(
      fault,
      `${path} is not used: ${why}`,
      'correct or remove it: only you may be able to write it, and it must be JSON',
    );
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // A service that runs with another user's HOME goes on without that user's settings.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(code)) return [];
    throw fault('replaced', `it cannot be opened (${code})`);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > MAX_CONFIG_BYTES) throw fault('link', 'it is no file of settings');
    if (!isOwn(stats) && stats.uid !== ROOT) throw fault('owner', `it belongs to user ${String(stats.uid)}`);
    if (isWritableByOthers(stats)) throw fault('writable', 'others may write it');
    const { safe_directories: found } = (JSON.parse(readFileSync(file, 'utf8')) ?? {}) as Record<string, unknown>;
    return found === undefined ? [] : readSafeDirectories(found);
  } catch (error) {
    if (error instanceof TrustError) throw error;
    const field = error instanceof SafeDirectoriesError ? 'safe_directories ' : 'it is no JSON: ';
    throw fault('replaced', `${field}${(error as Error).message}`);
  } finally {
    closeSync(file);
  }
}
