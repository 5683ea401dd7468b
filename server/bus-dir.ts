import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EndpointFile } from './endpoint-file.js';
import { isPrivate, isToken, makeToken, replaceFile } from './private-file.js';

/** The server's own directory in a repository, private to its owner. */
export class BusDir {
  readonly endpoint: EndpointFile;

  constructor(readonly path: string) {
    this.endpoint = new EndpointFile(join(path, 'endpoint.json'));
  }

  /** @throws Error where the directory is a link: what is private to the server must not lie where a link says. */
  ensure(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (!lstatSync(this.path).isDirectory()) {
      throw new Error(`${this.path} is not a directory: move it out of the way`);
    }
    chmodSync(this.path, 0o700);
    // Nothing of ours belongs into anybody's history.
    const ignore = join(this.path, '.gitignore');
    if (!existsSync(ignore)) replaceFile(ignore, '*\n');
  }

  /** The token of this repository: 256 random bits in base64url, made at first use and kept. */
  token(): string {
    return readPrivately(this.#tokenFile) ?? this.newToken();
  }

  /** Makes another token and keeps it in place of the one before. */
  newToken(): string {
    const made = makeToken();
    replaceFile(this.#tokenFile, `${made}\n`);
    return made;
  }

  get #tokenFile(): string {
    return join(this.path, 'token');
  }
}

/**
 * A token that nobody else can have read or written: a file of our own, no link, closed to others. One that came with a
 * checkout, and so is known to whoever made that, never has these permissions.
 */
function readPrivately(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EMLINK' || code === 'EACCES') return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > 256 || !isPrivate(stats)) return undefined;
    const kept = readFileSync(file, 'utf8').trim();
    return isToken(kept) ? kept : undefined;
  } finally {
    closeSync(file);
  }
}
