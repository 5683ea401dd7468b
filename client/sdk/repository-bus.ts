import { resolve } from 'node:path';
import { findEndpoint, findRepositoryOf, type Endpoint } from '../../server/repository/index.js';
import { BusError } from './bus-error.js';

/** The bus of a repository, from an endpoint file of this user. The server at that url has not proved yet that it knows the token. */
export interface RepositoryBus {
  readonly root: string;
  readonly endpoint: Endpoint;
}

/**
 * Finds the bus of the repository around a directory.
 * @param from a directory in the repository.
 * @param isNamed whether the user named the directory. That is consent to use a repository of another user.
 * @throws BusError `no-endpoint` if there is no repository or no endpoint file; `untrusted-endpoint` if the file or the repository is
 *   not trusted.
 */
export function findRepositoryBus(from: string, isNamed: boolean): RepositoryBus {
  const root = repositoryAround(from, isNamed);
  const found = findEndpoint(root);
  switch (found.is) {
    case 'living':
      return { root, endpoint: found.endpoint };
    case 'none':
      throw new BusError(
        'no-endpoint',
        `cannot read ${found.path}: there is none`,
        'start the server with muse-bus serve',
      );
    case 'untrusted':
      throw new BusError(
        'untrusted-endpoint',
        `${found.path} ${found.why}`,
        'start the server with muse-bus serve, which writes it again, or name a bus with url and token',
      );
  }
}

/** Finds the root of a repository. @throws BusError `no-endpoint` if there is none; `untrusted-endpoint` if it is another user's. */
export function repositoryAround(from: string, isNamed: boolean): string {
  const search = findRepositoryOf(from, isNamed);
  switch (search.is) {
    case 'found':
      return search.root;
    case 'none':
      throw new BusError(
        'no-endpoint',
        `no .muse/ in ${resolve(from)} or any directory above it`,
        'run inside a repository, or name one with --root',
      );
    case 'refused':
      throw new BusError('untrusted-endpoint', search.why, search.hint);
  }
}
