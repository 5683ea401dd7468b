import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EndpointFile } from '../endpoint-file.js';
import { OptionError } from '../option-error.js';
import { isPrivate, isToken, makeToken } from '../private-file.js';

/**
 * What an edge keeps on its host: the file that says where it is, and the token. Edges that share a file share a token,
 * and so may share a port.
 */
export class EdgeFiles {
  readonly endpoint: EndpointFile;
  readonly tokenFile: string;

  /** @param tokenFile where the token is, or is to be; beside the endpoint's file where none is named. */
  constructor(endpointFile: string, tokenFile?: string) {
    const path = resolve(endpointFile);
    this.endpoint = new EndpointFile(path);
    this.tokenFile = resolve(tokenFile ?? join(dirname(path), `${basename(path, '.json')}.token`));
  }

  /**
   * The token of all edges that use this file, made by the first of them, as are the directories.
   * @throws OptionError where the file holds none, or others can read it.
   */
  token(): string {
    for (const file of [this.endpoint.path, this.tokenFile]) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${this.tokenFile}.${String(process.pid)}.tmp`;
    writeFileSync(temporary, `${makeToken()}\n`, { mode: 0o600 });
    try {
      // Of several that start at once one makes it, and the others find it.
      linkSync(temporary, this.tokenFile);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    return readToken(this.tokenFile);
  }
}

function readToken(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (!isPrivate(fstatSync(file)))
      throw new OptionError(`${path} must be this user's and closed to others: chmod 600 ${path}`);
    const token = readFileSync(file, 'utf8').trim();
    if (isToken(token)) return token;
    throw new OptionError(`${path} holds no token, 43 characters of A-Z a-z 0-9 _ -: remove it, and one is made`);
  } finally {
    closeSync(file);
  }
}
