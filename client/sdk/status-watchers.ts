import type { Faults } from './faults.js';
import type { BusStatus } from './status.js';

/** Who is told of each change of status: whoever wants to know, and the log. */
export class StatusWatchers {
  readonly #watchers = new Set<(status: BusStatus) => void>();

  constructor(private readonly faults: Faults) {}

  add(watcher: (status: BusStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** @param isSo whether it is still so: one of them may have closed the client, which the others have then been told already. */
  tell(status: BusStatus, isSo: () => boolean): void {
    this.#log(status);
    for (const watcher of this.#watchers)
      if (isSo())
        this.faults.guard('a watcher of the status', () => {
          watcher(status);
        });
  }

  #log(status: BusStatus): void {
    const { logger } = this.faults;
    switch (status.state) {
      case 'live':
        // That it is has been said with the greeting; a heartbeat says nothing new.
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
