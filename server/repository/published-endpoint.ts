import { ENDPOINT_FILE, endpointIn, endpointText, MAX_ENDPOINT_BYTES, ownEndpoint, type Endpoint } from './endpoint.js';
import type { PrivateDirectory } from './private-directory.js';
import type { ServedRepository } from './served-repository.js';

/** One server's endpoint, published as the same file in each directory that clients search. */
export class PublishedEndpoint {
  #endpoint: Endpoint | undefined;

  constructor(
    /** Returns the present directories, because a server makes lost ones again. */
    private readonly directories: () => readonly PrivateDirectory[],
    private readonly warn: (fields: object, message: string) => void,
  ) {}

  /** The published endpoint; `undefined` if none is published. */
  get current(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** Removes the files of a server that did not stop in order. Its locks must be free. @returns whether there were any. */
  removeStale(): boolean {
    let wasUnclean = false;
    for (const directory of this.directories()) {
      if (directory.stats(ENDPOINT_FILE) === undefined) continue;
      wasUnclean = true;
      directory.remove(ENDPOINT_FILE);
    }
    return wasUnclean;
  }

  publish(url: string, token: string, startedAt: Date, repository: ServedRepository | undefined): Endpoint {
    const endpoint = ownEndpoint(url, token, startedAt, repository);
    this.#endpoint = endpoint;
    const text = endpointText(endpoint);
    for (const error of this.directories().flatMap((directory) => failureOf(directory, text))) {
      this.warn({ err: error }, 'the endpoint cannot be written: clients may not find this server');
    }
    return endpoint;
  }

  /** Writes the file again in each directory where it is missing or differs. @returns whether any was written. */
  rewriteLost(): boolean {
    if (this.#endpoint === undefined) return false;
    const text = endpointText(this.#endpoint);
    let isRewritten = false;
    for (const directory of this.directories()) {
      const found = directory.read(ENDPOINT_FILE, MAX_ENDPOINT_BYTES);
      if (found.is === 'content' && found.text === text) continue;
      directory.replace(ENDPOINT_FILE, text);
      isRewritten = true;
    }
    return isRewritten;
  }

  /** Removes the file from each directory where it is still this server's. */
  unpublish(): void {
    const own = this.#endpoint;
    this.#endpoint = undefined;
    if (own === undefined) return;
    for (const directory of this.directories()) {
      attempt(() => {
        const found = endpointIn(directory);
        if (found?.pid === own.pid && found.started_at === own.started_at) directory.remove(ENDPOINT_FILE);
      });
    }
  }
}

function failureOf(directory: PrivateDirectory, text: string): Error[] {
  try {
    directory.replace(ENDPOINT_FILE, text);
    return [];
  } catch (error) {
    return [error as Error];
  }
}

/** Ignores an error: a file that cannot be removed is stale, and no client trusts it. */
function attempt(call: () => void): void {
  try {
    call();
  } catch {
    // The stale file is harmless.
  }
}
