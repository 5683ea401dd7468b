import { resolve } from 'node:path';
import { findEndpoint, findRepository, followWorktree, type Endpoint } from '../../server/repository/index.js';
import { BusError } from './bus-error.js';

/** The bus that serves a repository, as a file of this user's names it. Whoever answers there has still to prove itself. */
export interface RepositoryBus {
  readonly root: string;
  readonly endpoint: Endpoint;
}

/**
 * @param from a directory in the repository.
 * @param isNamed whether somebody has named it, which is consent to a repository of another user in it.
 * @throws BusError `no-endpoint` where no server has said where it is, `untrusted-endpoint` where what says so is not believed.
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
        `${found.path} is not believed: it ${found.why}`,
        'start the server with muse-bus serve, which writes it anew, or name a bus with url and token',
      );
  }
}

/** @throws BusError `no-endpoint` where there is no repository, `untrusted-endpoint` where it is another user's. */
export function repositoryAround(from: string, isNamed: boolean): string {
  const around = findRepository(from, isNamed);
  const search = around.is === 'found' ? followWorktree(around.root) : around;
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
