import type { Hub } from './delivery/hub.js';
import type { Journal } from './journal/journal.js';
import type { Traffic } from './metrics/traffic.js';
import type { Clock } from './runtime/clock.js';
import type { Supervision } from './runtime/supervisor.js';
import type { StoreEvent } from './store/store-event.js';

export interface CommitServices {
  readonly clock: Clock;
  readonly supervision: Supervision;
  readonly traffic: Traffic;
  readonly hub: () => Hub;
  /** `undefined` where nothing is kept on disk. */
  readonly journal: () => Journal | undefined;
  /** Wakes what publishes beyond this machine. */
  readonly relay: () => void;
}

/**
 * The one order in which a turn's events become true. Each step is contained: a fault in one does not stop the others.
 */
export class Commit {
  constructor(private readonly services: CommitServices) {}

  /** @param waitedMs since the first hint that led to the events; `undefined` where none did. */
  turn(events: readonly StoreEvent[], waitedMs: number | undefined): void {
    const { clock, supervision, traffic, hub, journal, relay } = this.services;
    const from = clock.elapsed();
    // 1. Mark: the disk must know how far revisions may have been sent before a client does, or a restart could give them out again.
    journal()?.advanceTo(events);
    // 2. Publish: clients come first, because they wait.
    supervision.contain('publishing', () => {
      hub().publish(events);
    });
    // 3. Append: what is kept for a restart is gathered now, and written behind the hot path.
    supervision.contain('the journal', () => journal()?.append(events));
    if (events.length === 0) return;
    // 4. Count: after the clients, so that counting delays nobody.
    traffic.published(events, waitedMs, clock.elapsed() - from);
    // 5. Relay: reads the history at its own pace, and only needs to know that there is more.
    supervision.contain('the relay', relay);
  }
}
