import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { isJsonObject, systemErrorWords } from '../../protocol/index.js';
import { openOwn } from './open-unfollowed.js';
import { isOwn, isWritableByOthers } from './owner.js';

/** Many times the size that all settings need. */
const MAX_SETTINGS_BYTES = 65_536;
/** The engine's message quotes the file. */
const MAX_MESSAGE_CHARACTERS = 160;
const ROOT = 0;

/** The content of a settings file. Only checked to be an object. `code`: that of the system, if the file cannot be opened. */
type SettingsContent =
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly why: string; readonly code?: string }
  | { readonly state: 'read'; readonly entries: readonly (readonly [key: string, value: unknown])[] };

/** Checks owner and permissions of a file. @returns why it may not be read; `undefined` if it may. */
type FileRule = (stats: Stats) => string | undefined;

/**
 * Reads a settings file without blocking and without trusting its size.
 * @param links whether the path may be a symbolic link; the file that it leads to is checked in any case.
 * @param fault called before a byte is read.
 */
export function readSettingsFile(path: string, links: 'followed' | 'refused', fault: FileRule): SettingsContent {
  let file: number;
  try {
    // Windows has neither this flag nor FIFOs.
    const flags = constants.O_RDONLY | (constants.O_NONBLOCK || 0);
    file = links === 'refused' ? openOwn(path, flags) : openSync(path, flags);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'absent' };
    if (code === 'ELOOP' || code === 'EMLINK') return unreadable('it is a symbolic link');
    // A socket, or a device without a driver.
    if (code === 'ENXIO') return unreadable('it is not a regular file');
    return { state: 'unreadable', why: systemErrorWords(error), code };
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return unreadable('it is not a regular file');
    const why = fault(stats);
    if (why !== undefined) return unreadable(why);
    const bytes = readBounded(file);
    if (bytes === undefined) return unreadable(`it is larger than ${String(MAX_SETTINGS_BYTES)} bytes`);
    return parse(bytes);
  } catch (error) {
    return unreadable(systemErrorWords(error));
  } finally {
    closeSync(file);
  }
}

/** Returns a fault if a file belongs to a user other than this one or root; `undefined` also if the platform has no owners. */
export function ownerFault(stats: Pick<Stats, 'uid'>): string | undefined {
  return isOwn(stats) || stats.uid === ROOT ? undefined : `it belongs to user ${String(stats.uid)}`;
}

/** Returns a fault if a user other than this one or root may have written a file or directory. Windows protects the user's profile. */
export function writableFault(stats: Pick<Stats, 'uid' | 'mode'>): string | undefined {
  const others = isWritableByOthers(stats);
  return (
    ownerFault(stats) ?? (others ? `it has mode ${(stats.mode & 0o777).toString(8)}: others can write it` : undefined)
  );
}

const unreadable = (why: string): SettingsContent => ({ state: 'unreadable', why });

/** @returns `undefined` if the file is too large, whatever `fstat` said. */
function readBounded(file: number): Buffer | undefined {
  const buffer = Buffer.alloc(MAX_SETTINGS_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(file, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
  }
  return undefined;
}

function parse(bytes: Buffer): SettingsContent {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const { message } = error as Error;
    return unreadable(`it is not JSON${lineOf(bytes, message)}: ${message.slice(0, MAX_MESSAGE_CHARACTERS)}`);
  }
  if (!isJsonObject(value)) {
    return unreadable('it must be an object of settings');
  }
  return { state: 'read', entries: Object.entries(value) };
}

/** The line at which the parser stopped; empty if it does not say. */
function lineOf(bytes: Buffer, message: string): string {
  const said = /position (\d+)/.exec(message)?.[1];
  if (said === undefined && !message.includes('end of JSON')) return '';
  const text = bytes.toString('utf8');
  const before = said === undefined ? text.trimEnd() : text.slice(0, Number(said));
  return ` (line ${String(before.split('\n').length)})`;
}
