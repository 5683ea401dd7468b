import type { Faults } from './faults.js';
import type { BusStatus } from './status.js';
import { Watchers } from './watchers.js';

/** The watchers of the client's status; each change also goes to the log. */
export class StatusWatchers {
  readonly #watchers = new Watchers<(status: BusStatus) => void>();

  constructor(private readonly faults: Faults) {}

  add(watcher: (status: BusStatus) => void): () => void {
    return this.#watchers.add(watcher);
  }

  /**
   * @param isSo whether the status is still current: a watcher may close the client, and the others have then received `closed` already.
   */
  tell(status: BusStatus, isSo: () => boolean): void {
    this.#log(status);
    for (const watcher of this.#watchers) if (isSo()) this.faults.guard('a watcher of the status', watcher, status);
  }

  #log(status: BusStatus): void {
    const { logger } = this.faults;
    switch (status.state) {
      case 'live':
        // The connection itself logs `connected`; the later changes, by heartbeats, are not worth a line.
        return;
      case 'connecting':
        logger.warn({ attempt: status.attempt, delayMs: status.delayMs, cause: status.cause }, 'not connected');
        return;
      case 'stale':
        logger.warn({ cause: status.cause }, 'the connection is given up');
        return;
      case 'closed':
        if (status.error) logger.error({ err: status.error }, 'closed');
        else logger.info({}, 'closed');
    }
  }
}
