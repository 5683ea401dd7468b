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
  /** `undefined` if there is no journal. */
  readonly journal: () => Journal | undefined;
  /** Begins a new epoch with the current records. */
  readonly newEpoch: () => void;
  /** Wakes the relay. */
  readonly relay: () => void;
}

/** Publishes the events of a turn, in one fixed order of steps. Each step is contained: an error in one does not stop the others. */
export class Commit {
  constructor(private readonly services: CommitServices) {}

  /** @param waitedMs the time since the first hint that led to the events; `undefined` if no hint did. */
  turn(events: readonly StoreEvent[], waitedMs: number | undefined): void {
    const { clock, supervision, traffic, hub, journal, newEpoch, relay } = this.services;
    const from = clock.elapsed();
    // 1. Mark: a revision must be covered by the mark on disk before a client receives it. Otherwise a restart could use it twice.
    // If the disk takes nothing, not even that, the events are part of the first state of a new epoch.
    if (journal()?.advanceTo(events) === 'uncovered') {
      supervision.contain('a new epoch', newEpoch);
      return;
    }
    // 2. Publish: clients come before everything that they do not need.
    supervision.contain('publishing', () => {
      hub().publish(events);
    });
    // 3. Append: the journal queues the events now, and writes them to disk later.
    supervision.contain('the journal', () => journal()?.append(events));
    if (events.length === 0) return;
    // 4. Count: after the clients, so that counting delays no delivery.
    traffic.published(events, waitedMs, clock.elapsed() - from);
    // 5. Relay: it reads the history at its own pace, and only needs a signal that there is more.
    supervision.contain('the relay', relay);
  }
}
