/** How many heartbeats may name events that have not arrived, before the stream is read again. */
const MAX_HEARTBEATS = 5;

/** Notices that the origin is ahead and nothing arrives: a stream that has lost the next messages sends no error. */
export class ProgressCheck {
  #revision = 0;
  #heartbeats = 0;

  /** Called at each heartbeat. @returns whether the stream is to be read again. */
  isStuck(behind: number, revision: number): boolean {
    if (behind === 0 || revision !== this.#revision) {
      this.#revision = revision;
      this.#heartbeats = 0;
      return false;
    }
    if (++this.#heartbeats < MAX_HEARTBEATS) return false;
    this.#heartbeats = 0;
    return true;
  }
}
