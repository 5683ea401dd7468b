import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';

const WARN_EVERY_MS = 60_000;

/** Logs that connections were closed because too many of one address were unauthenticated; at most once a minute. */
export class OverflowWarning {
  #warnedAt = -WARN_EVERY_MS;

  constructor(
    private readonly maxPendingConnections: number,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  happened(address: string): void {
    const now = this.clock.elapsed();
    if (now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    const fields = { address, max_pending_connections: this.maxPendingConnections };
    this.log.warn(fields, 'connections closed: too many that are not authenticated');
  }
}
