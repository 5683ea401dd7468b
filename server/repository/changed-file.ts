import type { PrivateDirectory } from './private-directory.js';

/** A network file system may show an old status to who does not open the file, so it is read at least after so many looks. */
const READ_AFTER_LOOKS = 4;

/**
 * A file that another process may write, looked at once a second: it is read only if its status has changed, and a few more times. A status
 * that was seen once may hide a second change in the same tick, so it counts as known only when it is seen again.
 */
export class ChangedFile {
  #mark: string | undefined;
  #looks = 0;

  constructor(
    private readonly directory: PrivateDirectory,
    private readonly name: string,
  ) {}

  /** @returns whether the file has to be read now. */
  look(): boolean {
    const stats = this.directory.stats(this.name);
    const mark = stats === undefined ? '' : [stats.ino, stats.mtimeNs, stats.size].join(' ');
    this.#looks = mark === this.#mark ? this.#looks + 1 : 0;
    this.#mark = mark;
    return this.#looks < 2 || this.#looks % READ_AFTER_LOOKS === 0;
  }
}
