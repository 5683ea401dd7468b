import { isJsonObject } from '../../protocol/index.js';
import { bootId } from './boot.js';
import { isMarker, RepositoryIdentity, type IdentityRecord } from './identity.js';

/**
 * The repository that a server watches, as its endpoint file names it. A caller can name the file of a server in its environment and work
 * in another repository; then no answer is about its files. An edge watches none, and its file names none.
 */
export interface ServedRepository {
  /** Where the server sees it: in a container, or on another machine, that may be another path than the caller's. */
  readonly path: string;
  /** The content of `.muse/bus/id`. */
  readonly marker?: string;
  /** Device and inode of the directory `.muse`. */
  readonly device: string;
  readonly inode: string;
}

/** A longer path would make the file longer than clients read. */
const MAX_PATH_CHARACTERS = 1_024;
const MAX_NUMBER_CHARACTERS = 32;

/** @returns `undefined` if its path is too long for an endpoint file. */
export function servedRepository(
  path: string,
  { marker, device, inode }: IdentityRecord,
): ServedRepository | undefined {
  if (path.length > MAX_PATH_CHARACTERS) return undefined;
  return { path, ...(marker === undefined ? {} : { marker }), device, inode };
}

/** Parses the field of an endpoint file. @returns `undefined` if there is none that is valid. */
export function parseServedRepository(value: unknown): ServedRepository | undefined {
  if (!isJsonObject(value)) return undefined;
  const { path, marker, device, inode } = value;
  if (typeof path !== 'string' || path === '' || path.length > MAX_PATH_CHARACTERS) return undefined;
  if (!isNumberText(device) || !isNumberText(inode)) return undefined;
  return { path, ...(typeof marker === 'string' && isMarker(marker) ? { marker } : {}), device, inode };
}

const isNumberText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_NUMBER_CHARACTERS && /^\d+$/.test(value);

/** What an endpoint file says of the repository. */
export interface ServedEndpoint {
  readonly repository?: ServedRepository | undefined;
  /** The boot of the machine on which the server runs. */
  readonly boot_id?: string | undefined;
}

/**
 * Returns the path of the repository that a server watches, if it is certainly another one than that at `root`. It may be the same under
 * another path, in a container or on another machine: there only the markers can tell.
 */
export function otherRepository({ repository, boot_id }: ServedEndpoint, root: string): string | undefined {
  return repository !== undefined && isOther(repository, boot_id, root) ? repository.path : undefined;
}

function isOther(served: ServedRepository, servedBoot: string | undefined, root: string): boolean {
  const own = identityOf(root);
  if (own === undefined) return false;
  const isMarked = own.marker !== undefined && served.marker !== undefined;
  if (isMarked && own.marker !== served.marker) return true;
  if (servedBoot === undefined || servedBoot !== bootId()) return false;
  const isSameDevice = own.device === served.device;
  // A copy has the marker of its original. Over a bind mount inode and device stay, over other mounts the device differs.
  if (isMarked) return isSameDevice && own.inode !== served.inode;
  return !isSameDevice || own.inode !== served.inode;
}

function identityOf(root: string): IdentityRecord | undefined {
  try {
    return RepositoryIdentity.of(root)?.record;
  } catch {
    // What cannot be looked at is not known to be another.
    return undefined;
  }
}
