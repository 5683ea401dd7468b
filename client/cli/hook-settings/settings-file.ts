import { isUtf8 } from 'node:buffer';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { isRefusal, removePatiently, renamePatiently } from '../../../server/repository/index.js';
import { CliError } from '../cli-error.js';

const MAX_BYTES = 4 * 2 ** 20;
/** A process that writes a file takes milliseconds. After this time it counts as killed. */
const WRITER_TIMEOUT_MS = 10_000;

/** A file of settings; `text` is `undefined` if the file does not exist. */
export interface SettingsFile {
  readonly path: string;
  readonly text: string | undefined;
}

/**
 * Reads a file of a checkout. Refuses a link, also in the path below `within`: through a link the new text could be written anywhere.
 * @throws CliError
 */
export function readSettingsFile(within: string, path: string): SettingsFile {
  const real = realExisting(dirname(path));
  const inside = relative(realpathSync(within), real);
  if (inside.startsWith('..')) throw refused(path, `${dirname(path)} leads to ${real}`);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { path, text: undefined };
  if (!stats.isFile()) throw refused(path, 'it is a link, or no file');
  if (stats.size > MAX_BYTES) throw refused(path, 'it is too large');
  const bytes = readFileSync(path);
  // Written again, what is not UTF-8 would be lost.
  if (!isUtf8(bytes)) throw refused(path, 'it is not UTF-8');
  return { path, text: bytes.toString() };
}

/**
 * Writes the new text atomically. @param mode for a new file. @throws CliError if the file has changed since the difference was shown, or
 * another process writes it.
 */
export function writeSettingsFile(within: string, file: SettingsFile, text: string | undefined, mode: number): void {
  const { path } = file;
  refuseChanged(within, file);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // To rename something onto it, or to remove it, needs no right to write it.
  if (stats !== undefined && (stats.mode & 0o222) === 0) throw refused(path, 'it is read-only');
  mkdirSync(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.muse-bus`);
  writeAlone(temporary, text ?? '', path);
  try {
    refuseChanged(within, file);
    if (text === undefined) {
      removePatiently(path);
      removePatiently(temporary);
      return;
    }
    if (stats !== undefined) keepOwner(temporary, stats, path);
    setMode(temporary, stats === undefined ? mode : stats.mode | (mode & 0o111));
    renamePatiently(temporary, path);
  } catch (error) {
    removePatiently(temporary);
    throw error;
  }
}

/** @throws CliError */
function refuseChanged(within: string, { path, text }: SettingsFile): void {
  if (readSettingsFile(within, path).text !== text) throw refused(path, 'it has changed meanwhile', 'try again');
}

/** Makes a file that only one process has at a time, until it is renamed or removed. @throws CliError */
function writeAlone(temporary: string, text: string, path: string): void {
  const left = lstatSync(temporary, { throwIfNoEntry: false });
  if (left !== undefined && Date.now() - left.mtimeMs > WRITER_TIMEOUT_MS) removePatiently(temporary);
  try {
    writeFileSync(temporary, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw refused(path, `another process writes it, or was killed and has left ${temporary}`, 'try again in 10 s');
  }
}

/** A file that root changes in somebody's checkout stays theirs. @throws CliError if it would not */
function keepOwner(temporary: string, { uid, gid }: Stats, path: string): void {
  if (lstatSync(temporary).uid === uid) return;
  try {
    chownSync(temporary, uid, gid);
  } catch {
    throw refused(path, 'it belongs to another user');
  }
}

/** Where the file system has no file modes, every file is executable. */
function setMode(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    if (!isRefusal(error) || (lstatSync(path).mode & mode & 0o777) !== (mode & 0o777)) throw error;
  }
}

const refused = (path: string, why: string, hint = 'edit it yourself, or put a file in its place'): CliError =>
  new CliError(`${path} is left as it is: ${why}`, 'refused', hint);

/** Returns the real path of the nearest existing directory. */
function realExisting(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    if (lstatSync(at, { throwIfNoEntry: false }) !== undefined || at === dirname(at)) return realpathSync(at);
  }
}
