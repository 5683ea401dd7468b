import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BusError } from './bus-error.js';
import type { Address } from './node-channel.js';

/** The nearest directory at or above `from` that holds `.muse/`; `undefined` where none does. */
export function findRepository(from: string): string | undefined {
  for (let dir = resolve(from); ; dir = dirname(dir)) {
    if (existsSync(join(dir, '.muse'))) return dir;
    if (dir === dirname(dir)) return undefined;
  }
}

/**
 * What the server of a repository has written about itself.
 * @param from a directory in the repository.
 * @throws BusError `no-endpoint`, saying what was looked for.
 */
export function readEndpoint(from: string): Address & { readonly root: string } {
  const root = findRepository(from);
  if (root === undefined) {
    const text = `no .muse/ in ${resolve(from)} or any directory above it`;
    throw new BusError('no-endpoint', text, 'run inside a repository, or name one with --root');
  }
  const file = join(root, '.muse', 'bus', 'endpoint.json');
  try {
    const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as { url?: unknown; token?: unknown };
    if (typeof url === 'string' && typeof token === 'string') return { url, token, root };
    throw new Error('it has no url or no token');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is none' : (error as Error).message;
    throw new BusError('no-endpoint', `cannot read ${file}: ${why}`, 'start the server with muse-bus serve', {
      cause: error,
    });
  }
}
