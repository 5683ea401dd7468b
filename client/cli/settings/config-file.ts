import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { isJsonObject, systemErrorWords } from '../../../protocol/index.js';
import { openOwn } from '../../../server/repository/index.js';
import { excerpt } from '../terminal/excerpt.js';

/** Many times the size that all settings need. */
const MAX_CONFIG_BYTES = 65_536;

/** The content of a configuration file. Only checked to be an object. */
export type ConfigContent =
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly why: string }
  | { readonly state: 'read'; readonly entries: readonly (readonly [key: string, value: unknown])[] };

/** Checks owner and permissions of a file. @returns why it may not be read; `undefined` if it may. */
export type FileRule = (stats: Stats) => string | undefined;

/**
 * Reads a configuration file without blocking and without trusting its size.
 * @param links whether the path may be a symbolic link; the file that it leads to is checked in any case.
 * @param fault called before a byte is read.
 */
export function readConfig(path: string, links: 'followed' | 'refused', fault: FileRule): ConfigContent {
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
    return unreadable(systemErrorWords(error));
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return unreadable('it is not a regular file');
    const why = fault(stats);
    if (why !== undefined) return unreadable(why);
    const bytes = readBounded(file);
    if (bytes === undefined) return unreadable(`it is larger than ${String(MAX_CONFIG_BYTES)} bytes`);
    return parse(bytes);
  } catch (error) {
    return unreadable(systemErrorWords(error));
  } finally {
    closeSync(file);
  }
}

/** Returns a fault if a file belongs to a user other than this one or root; `undefined` also if the platform has no owners. */
export function ownerFault({ uid }: Pick<Stats, 'uid'>): string | undefined {
  const own = process.getuid?.();
  return own === undefined || uid === own || uid === 0 ? undefined : `it belongs to user ${String(uid)}`;
}

const unreadable = (why: string): ConfigContent => ({ state: 'unreadable', why });

/** @returns `undefined` if the file is too large, whatever `fstat` said. */
function readBounded(file: number): Buffer | undefined {
  const buffer = Buffer.alloc(MAX_CONFIG_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(file, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
  }
  return undefined;
}

function parse(bytes: Buffer): ConfigContent {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return unreadable(
      `it is not JSON${lineOf(bytes, (error as Error).message)}: ${excerpt((error as Error).message, 160)}`,
    );
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
