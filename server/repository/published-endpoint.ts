import { ENDPOINT_FILE, endpointIn, endpointText, MAX_ENDPOINT_BYTES, ownEndpoint, type Endpoint } from './endpoint.js';
import type { PrivateDirectory } from './private-directory.js';

/** One server's endpoint, as clients find it: the same file in each directory in which they look. */
export class PublishedEndpoint {
  #endpoint: Endpoint | undefined;

  constructor(
    /** The directories as they are now: a server makes lost ones again. */
    private readonly directories: () => readonly PrivateDirectory[],
    private readonly warn: (fields: object, message: string) => void,
  ) {}

  /** `undefined` while nothing is published. */
  get current(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** Removes what a server has left that did not end in order, whose locks are free. @returns whether there was any. */
  removeStale(): boolean {
    let wasUnclean = false;
    for (const directory of this.directories()) {
      if (directory.stats(ENDPOINT_FILE) === undefined) continue;
      wasUnclean = true;
      directory.remove(ENDPOINT_FILE);
    }
    return wasUnclean;
  }

  publish(url: string, token: string, startedAt: Date): Endpoint {
    const endpoint = ownEndpoint(url, token, startedAt);
    this.#endpoint = endpoint;
    const text = endpointText(endpoint);
    for (const error of this.directories().flatMap((directory) => failureOf(directory, text))) {
      this.warn({ err: error }, 'the endpoint cannot be written: clients may not find this server');
    }
    return endpoint;
  }

  /** Writes it again where it is missing or is another. @returns whether it was. */
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

  /** Takes it back wherever it is still this server's. */
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

/** A file that cannot be removed at the end is stale, and no client believes it. */
function attempt(call: () => void): void {
  try {
    call();
  } catch {
    // Nothing can be done about it.
  }
}
