import { closeSync, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter } from 'node:path';
import { isOwn, isWritableByOthers } from './owner.js';
import { surroundings, userConfigFile } from './user-directories.js';

/** Which repositories of other users this user has said may be looked at. */
export interface SafeDirectories {
  readonly paths: readonly string[];
  /** Why the user's file was not read, where it was not. */
  readonly ignored: string | undefined;
}

const EVERY = '*';
const MAX_CONFIG_BYTES = 1_048_576;
const ROOT = 0;

/** From `MUSE_BUS_SAFE_DIRECTORY`, and from `safe_directories` in the user's own config file; never from a repository. */
export function safeDirectories(env: NodeJS.ProcessEnv = process.env): SafeDirectories {
  const named = (env['MUSE_BUS_SAFE_DIRECTORY'] ?? '').split(delimiter).filter((path) => path !== '');
  const { paths, ignored } = fromFile(userConfigFile(surroundings(env)));
  return { paths: [...named, ...paths], ignored };
}

export function isSafeDirectory(root: string, { paths }: SafeDirectories): boolean {
  return paths.some((path) => path === EVERY || isSamePlace(path, root));
}

function isSamePlace(path: string, root: string): boolean {
  try {
    return realpathSync.native(path) === realpathSync.native(root);
  } catch {
    return false;
  }
}

/** A file that others could have written allows nothing. */
function fromFile(path: string): SafeDirectories {
  const none = (why?: string): SafeDirectories => ({
    paths: [],
    ignored: why === undefined ? undefined : `${path} ${why}`,
  });
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? none() : none((error as Error).message);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > MAX_CONFIG_BYTES) return none('is no file of settings');
    if (!isOwn(stats) && stats.uid !== ROOT) return none(`belongs to user ${String(stats.uid)}`);
    if (isWritableByOthers(stats)) return none('can be written to by others');
    const { safe_directories: found } = (JSON.parse(readFileSync(file, 'utf8')) ?? {}) as Record<string, unknown>;
    if (found === undefined) return none();
    if (Array.isArray(found) && found.every((one) => typeof one === 'string'))
      return { paths: found, ignored: undefined };
    return none('must name safe_directories as an array of paths');
  } catch (error) {
    return none((error as Error).message);
  } finally {
    closeSync(file);
  }
}
