import { mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { OptionError } from '../config/option-error.js';
import {
  endpointText,
  isToken,
  makePrivateFileOnce,
  makeToken,
  MAX_ENDPOINT_BYTES,
  MAX_TOKEN_FILE_BYTES,
  ownEndpoint,
  parseEndpoint,
  readPrivateFile,
  removePrivateFile,
  replacePrivateFile,
  type Endpoint,
  type PrivateReading,
} from '../repository/index.js';

const MAX_READS = 20;
const READ_AGAIN_MS = 5;
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/**
 * What an edge keeps on its host: the file that says where it is, and the token. Edges that share a file share a token,
 * and so may share a port.
 */
export class EdgeFiles {
  readonly endpointFile: string;
  readonly tokenFile: string;

  /** @param tokenFile where the token is, or is to be; beside the endpoint's file where none is named. */
  constructor(endpointFile: string, tokenFile?: string) {
    const path = resolve(endpointFile);
    this.endpointFile = path;
    this.tokenFile = resolve(tokenFile ?? join(dirname(path), `${basename(path, '.json')}.token`));
  }

  /**
   * The token of all edges that use this file, made by the first of them, as are the directories.
   * @throws OptionError where the file holds none, or others can read it.
   */
  token(): string {
    for (const file of [this.endpointFile, this.tokenFile]) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Of several that start at once one makes it, and the others find it.
    makePrivateFileOnce(this.tokenFile, `${makeToken()}\n`);
    const found = this.#readToken();
    if (found.is !== 'content') {
      const why = found.is === 'refused' ? found.why : 'is missing';
      throw new OptionError(
        `${this.tokenFile} must be this user's and closed to others, but ${why}: chmod 600 ${this.tokenFile}, or remove it`,
      );
    }
    const token = found.text.trim();
    if (isToken(token)) return token;
    throw new OptionError(
      `${this.tokenFile} holds no token, 43 characters of A-Z a-z 0-9 _ -: remove it, and one is made`,
    );
  }

  /** While another edge makes the file it has two names, for an instant. */
  #readToken(): PrivateReading {
    for (let attempt = 1; ; attempt++) {
      const found = readPrivateFile(this.tokenFile, MAX_TOKEN_FILE_BYTES);
      if (found.is !== 'refused' || attempt === MAX_READS) return found;
      Atomics.wait(NOTHING, 0, 0, READ_AGAIN_MS);
    }
  }

  publish(url: string, token: string, startedAt: Date): Endpoint {
    const endpoint = ownEndpoint(url, token, startedAt);
    replacePrivateFile(this.endpointFile, endpointText(endpoint));
    return endpoint;
  }

  /** Removes the endpoint, if it is still this process's. */
  unpublish(): void {
    const found = readPrivateFile(this.endpointFile, MAX_ENDPOINT_BYTES);
    if (found.is === 'content' && parseEndpoint(found.text)?.pid === process.pid) removePrivateFile(this.endpointFile);
  }
}
