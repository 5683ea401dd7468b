import { findRepositoryOf, otherRepository } from '../../../server/repository/index.js';
import type { Target } from './target.js';

/** A bus of another repository than the one around the working directory. */
export interface OtherRepository {
  /** What named the bus: a flag, or a variable that may have been set for another directory. */
  readonly by: string;
  readonly path: string;
  /** The repository around the working directory. */
  readonly around: string;
}

/** Returns what the endpoint file of a bus says of its repository, if that is certainly another one than around the working directory. */
export function otherRepositoryOf({ root, server }: Target): OtherRepository | undefined {
  if (server?.served === undefined || root !== undefined) return undefined;
  const around = rootHere();
  const path = around === undefined ? undefined : otherRepository(server.served, around);
  return path === undefined ? undefined : { by: server.served.by, path, around: around! };
}

/** Returns the same in words, if nobody named that bus in the call itself. */
export function otherRepositoryNote(target: Target): string | undefined {
  const other = otherRepositoryOf(target);
  if (other === undefined || other.by.startsWith('--')) return undefined;
  return `${other.by} names the bus of ${other.path}, and this directory is in ${other.around}: the answers are about the former`;
}

function rootHere(): string | undefined {
  try {
    const search = findRepositoryOf(process.cwd());
    return search.is === 'found' ? search.root : undefined;
  } catch {
    // The working directory was removed.
    return undefined;
  }
}
