import { closeSync, constants, fstatSync, lstatSync, readFileSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { fileSystemAt, mayRenumber, type FileSystem } from './file-system.js';
import { openOwn } from './open-unfollowed.js';

/**
 * Whether a repository's path still leads to the same repository. `unreadable`: the file system reports an error (EACCES, EIO,
 * ESTALE), which says nothing about the repository.
 */
export type IdentityState = 'same' | 'missing' | 'other' | 'unreadable';

/** A marker: 128 random bits, made once for a repository. */
const MARKER = /^[0-9a-f]{32}$/;
const MARKER_BYTES = 64;

/** The identity of a repository. It is written to `repository.json`, and a later server compares it. */
export interface IdentityRecord {
  /** The content of `.muse/bus/id`; `undefined` if there is none. */
  readonly marker: string | undefined;
  /** The device of the directory `.muse`. */
  readonly device: string;
  readonly inode: string;
  /** The time of birth, because a file system uses inodes again; `0` if the file system keeps none. */
  readonly bornNs: string;
}

/**
 * Identifies the repository at a path, by its directory `.muse`: a copy or a clone has another one, and a repository that is
 * moved within its file system keeps it. {@link check} reads the marker `.muse/bus/id` only if the device's number has changed,
 * which happens when a file system is mounted again.
 */
export class RepositoryIdentity {
  private constructor(
    private readonly root: string,
    readonly record: IdentityRecord,
  ) {}

  /** @returns `undefined` if `.muse` is missing or is not a directory. @throws Error if its status cannot be read. */
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

  /** Whether a record of another path identifies this repository, which was then moved, or its file system mounted again. */
  matches(other: IdentityRecord): boolean {
    const { marker, device, inode, bornNs } = this.record;
    if (inode !== other.inode || bornNs !== other.bornNs) return false;
    // `git clean` removes the marker and keeps the directory.
    if (marker === undefined || other.marker === undefined) return device === other.device;
    return marker === other.marker;
  }

  /**
   * Whether a record of this same path identifies this repository. Over some mounts a directory has another inode after each of them; there
   * the marker decides, because a copy that has taken the place of its original is a continuation of it.
   */
  matchesHere(other: IdentityRecord, fileSystem: FileSystem = fileSystemAt(join(this.root, '.muse'))): boolean {
    if (this.matches(other)) return true;
    const { marker } = this.record;
    return marker !== undefined && marker === other.marker && mayRenumber(fileSystem);
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

/** Reads the marker. It is not a secret, so that its file need not be private. */
function markerOf(root: string): string | undefined {
  let file: number | undefined;
  try {
    file = openOwn(join(root, '.muse', 'bus', 'id'), constants.O_RDONLY | constants.O_NONBLOCK);
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
