import { resolve } from 'node:path';
import { PrivateDirectory } from './private-directory.js';
import { makeStateHome, realPath } from './state-location.js';
import { stateHome, surroundings } from './user-directories.js';
import { sha256 } from './sha256.js';

const DIRECTORY = 'muse-bus-sessions';
const MAX_BYTES = 2 ** 20;
/** A session whose file was not written for this long counts as over. */
const KEEP_MS = 7 * 86_400_000;

/**
 * What a hook keeps about one agent's session from call to call. It is kept apart from the state of servers, because a
 * repository that was never served has none.
 */
export class SessionMemory {
  readonly #directory: PrivateDirectory;
  readonly #name: string;

  /** @throws TrustError if other users could replace the directory, Error if it cannot be made. */
  constructor(root: string, session: string, env: NodeJS.ProcessEnv = process.env) {
    const home = makeStateHome(resolve(stateHome(undefined, surroundings(env))));
    this.#directory = PrivateDirectory.within(home, DIRECTORY);
    const key = sha256(Buffer.from(`${realPath(root)}\0${session}`))
      .toString('hex')
      .slice(0, 32);
    this.#name = `${key}.json`;
  }

  /** @returns the text last written; `undefined` if there is none that can be trusted. */
  read(): string | undefined {
    const reading = this.#directory.read(this.#name, MAX_BYTES);
    return reading.is === 'content' ? reading.text : undefined;
  }

  /** Keeps a text. The first call of a session also removes the files of old ones. @param now Unix milliseconds. */
  write(text: string, now: number): void {
    if (Buffer.byteLength(text) > MAX_BYTES) return;
    if (this.#directory.stats(this.#name) === undefined) this.#forgetOld(now);
    this.#directory.replace(this.#name, text);
  }

  close(): void {
    this.#directory.close();
  }

  #forgetOld(now: number): void {
    for (const name of this.#directory.names()) {
      const stats = this.#directory.stats(name);
      if (stats !== undefined && Number(stats.mtimeMs) < now - KEEP_MS) this.#directory.remove(name);
    }
  }
}
