import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

/**
 * What a repository's path leads to now, compared with what it led to before. `unreadable`: the file system does not
 * answer (EACCES, EIO, ESTALE), which says nothing about the repository.
 */
export type IdentityState = 'same' | 'missing' | 'other' | 'unreadable';

/** Made once for a repository, 128 random bits. */
const MARKER = /^[0-9a-f]{32}$/;
const MARKER_BYTES = 64;

/** What can be compared of a repository: written to `repository.json`, and read back by a later server. */
export interface IdentityRecord {
  /** The content of `.muse/bus/id`; `undefined` where none could be written. */
  readonly marker: string | undefined;
  /** Of the directory `.muse`. */
  readonly device: string;
  readonly inode: string;
  /** Inodes are given away again; a time of birth is not. `0` where the file system keeps none. */
  readonly bornNs: string;
}

/**
 * Which repository a path leads to. The directory `.muse` identifies it: a copy or a clone has another one, and a repository
 * that is moved within its file system takes it along. The marker `.muse/bus/id` is asked only where the device's number
 * has changed, as it does when a file system is mounted again.
 */
export class RepositoryIdentity {
  private constructor(
    private readonly root: string,
    readonly record: IdentityRecord,
  ) {}

  /** @returns `undefined` where there is no `.muse`, or something that is no directory. @throws Error where it cannot be seen. */
  static of(root: string): RepositoryIdentity | undefined {
    const found = recordOf(root);
    return found && new RepositoryIdentity(root, found);
  }

  /** Whether the path still leads to this repository. One system call, as long as nothing has changed. */
  check(): IdentityState {
    let found: BigIntStats | undefined;
    try {
      found = lstatSync(join(this.root, '.muse'), { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOTDIR' || code === 'ELOOP' ? 'missing' : 'unreadable';
    }
    if (found === undefined) return 'missing';
    if (!found.isDirectory()) return 'other';
    const { device, inode, bornNs } = directoryOf(found);
    if (inode !== this.record.inode || bornNs !== this.record.bornNs) return 'other';
    if (device === this.record.device) return 'same';
    const marker = markerOf(this.root);
    return marker !== undefined && marker === this.record.marker ? 'same' : 'other';
  }

  /** Whether another path's record is of this repository: it was moved, or its file system was mounted again. */
  matches(other: IdentityRecord): boolean {
    const { marker, device, inode, bornNs } = this.record;
    if (inode !== other.inode || bornNs !== other.bornNs) return false;
    // `git clean` takes the marker away and leaves the directory.
    if (marker === undefined || other.marker === undefined) return device === other.device;
    return marker === other.marker;
  }
}

function recordOf(root: string): IdentityRecord | undefined {
  const found = lstatSync(join(root, '.muse'), { bigint: true, throwIfNoEntry: false });
  return found?.isDirectory() ? { marker: markerOf(root), ...directoryOf(found) } : undefined;
}

function directoryOf({ dev, ino, birthtimeNs }: BigIntStats): Omit<IdentityRecord, 'marker'> {
  return { device: String(dev), inode: String(ino), bornNs: String(birthtimeNs) };
}

export const isMarker = (text: string): boolean => MARKER.test(text);

/** Not a secret: compared only with what was read before. */
function markerOf(root: string): string | undefined {
  let file: number | undefined;
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    file = openSync(join(root, '.muse', 'bus', 'id'), flags);
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > MARKER_BYTES) return undefined;
    const text = readFileSync(file, 'utf8').trim();
    return isMarker(text) ? text : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
