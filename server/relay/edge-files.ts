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
  removePatiently,
  replacePrivateFile,
  type Endpoint,
  type PrivateReading,
} from '../repository/index.js';

const MAX_READS = 20;
const READ_AGAIN_MS = 5;
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/** The files of an edge on its host: the endpoint and the token. Edges that share these files share a token, so they can share a port. */
export class EdgeFiles {
  /** `undefined` if no other program of this host looks for the edge. */
  readonly endpointFile: string | undefined;
  readonly tokenFile: string;

  /**
   * @param tokenFile the file of the token, which may not exist yet. @default beside the endpoint file
   * @throws OptionError if neither is given.
   */
  constructor(endpointFile: string | undefined, tokenFile?: string) {
    const path = endpointFile === undefined ? undefined : resolve(endpointFile);
    this.endpointFile = path;
    const token = tokenFile ?? (path && join(dirname(path), `${basename(path, '.json')}.token`));
    if (token === undefined) throw new OptionError('an edge needs the file of its endpoint, or of its token');
    this.tokenFile = resolve(token);
  }

  /** The file that has the token for a reader: that of the endpoint, if there is one. */
  get shownFile(): string {
    return this.endpointFile ?? this.tokenFile;
  }

  /**
   * Returns the token of all edges that use this file. The first of them makes it, and the directories.
   * @throws OptionError if the file holds no token, or other users can read it.
   */
  token(): string {
    for (const file of [this.endpointFile, this.tokenFile]) {
      if (file !== undefined) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    }
    // If several edges start at once, one makes the file and the others read it.
    makePrivateFileOnce(this.tokenFile, `${makeToken()}\n`);
    const found = this.#readToken();
    if (found.is !== 'content') {
      const why = found.is === 'refused' ? found.why : 'is missing';
      throw new OptionError(
        `${this.tokenFile} must belong to this user and be closed to others, but ${why}: chmod 600 ${this.tokenFile}, or remove it`,
      );
    }
    const token = found.text.trim();
    if (isToken(token)) return token;
    throw new OptionError(
      `${this.tokenFile} holds no token, 43 characters of A-Z a-z 0-9 _ -: remove it, and the next start makes a new one`,
    );
  }

  /** Reads the token, several times if refused: while another edge makes the file, the file has two names for an instant. */
  #readToken(): PrivateReading {
    for (let attempt = 1; ; attempt++) {
      const found = readPrivateFile(this.tokenFile, MAX_TOKEN_FILE_BYTES);
      if (found.is !== 'refused' || attempt === MAX_READS) return found;
      Atomics.wait(NOTHING, 0, 0, READ_AGAIN_MS);
    }
  }

  publish(url: string, token: string, startedAt: Date): Endpoint {
    const endpoint = ownEndpoint(url, token, startedAt);
    if (this.endpointFile !== undefined) replacePrivateFile(this.endpointFile, endpointText(endpoint));
    return endpoint;
  }

  /** Removes the endpoint file if it still names this process. */
  unpublish(): void {
    if (this.endpointFile === undefined) return;
    const found = readPrivateFile(this.endpointFile, MAX_ENDPOINT_BYTES);
    if (found.is === 'content' && parseEndpoint(found.text)?.pid === process.pid) removePatiently(this.endpointFile);
  }
}
