import { revision, type Cursor, type Epoch, type ResyncReason, type Revision } from '../../protocol/index.js';
import { UNSUPERVISED, type Supervision } from '../runtime/supervisor.js';
import type { CurrentRecords } from '../store/current-records.js';
import { History, type HistoryLimits, type LostPositions } from '../store/history.js';
import type { StoreEvent } from '../store/store-event.js';
import { FanOut } from './fan-out.js';

/** The state from which a hub starts. */
export interface HubStart {
  readonly epoch: Epoch;
  /** The current records. */
  readonly store: CurrentRecords;
  /**
   * The known events that led to these records, up to the store's revision. Where a revision is missing among them or after them, nothing
   * is known of it: see {@link Gap}.
   */
  readonly past?: readonly StoreEvent[];
  readonly lost?: LostPositions | undefined;
}

export interface HubLimits extends HistoryLimits {
  /** The bytes that may wait in a socket's queue. */
  readonly maxQueuedBytes: number;
}

/** One stream: the current records, the history of events, and the fan-out to subscriptions. Uses no files and no sockets. */
export class Hub {
  /** The number of subscriptions that began again, by reason. */
  readonly resyncs: Record<ResyncReason, number> = { compacted: 0, epoch: 0, future: 0, lagged: 0, restart: 0 };
  /** The number of events sent to subscriptions that were not live: in snapshots, in replays, and of missed events. */
  deliveredBehind = 0;
  /** The number of ports that stayed congested though their socket's queue was empty. It is a fault of the server and must stay 0. */
  stalls = 0;

  readonly epoch: Epoch;
  readonly store: CurrentRecords;
  readonly history: History;
  readonly fanOut: FanOut;
  readonly #lost: LostPositions | undefined;

  constructor({ epoch, store, past = [], lost }: HubStart, limits: HubLimits, supervision: Supervision = UNSUPERVISED) {
    this.epoch = epoch;
    this.store = store;
    const [first] = past;
    this.history = new History(limits, first ? revision(first.revision - 1) : store.revision);
    for (const event of past) {
      if (event.revision > this.history.newest + 1) this.history.skip(revision(event.revision - 1));
      this.history.append(event);
    }
    if (store.revision > this.history.newest) this.history.skip(store.revision);
    this.fanOut = new FanOut(store.revision, limits.maxQueuedBytes, supervision);
    this.#lost = lost;
  }

  /** The revision up to which all events have been sent to every live subscription. */
  get revision(): Revision {
    return this.fanOut.published;
  }

  /** Appends one turn's events to the history and delivers them. Work that can wait comes after the delivery. */
  publish(events: readonly StoreEvent[]): void {
    for (const event of events) this.history.append(event);
    this.fanOut.publish(events);
    this.store.settle();
  }

  /** Passes over the revisions up to `to`, of which nothing is known: see {@link Gap}. The records have been set to that revision. */
  skip(to: Revision): void {
    this.history.skip(to);
    this.fanOut.skip(to);
  }

  /** @returns why the events after a cursor cannot be replayed; `undefined` if they can. */
  resyncReason(cursor: Cursor): Exclude<ResyncReason, 'lagged'> | undefined {
    if (cursor.epoch !== this.epoch) return 'epoch';
    if (cursor.revision > this.revision) return 'future';
    if (cursor.revision >= this.history.base) return this.history.isLost(cursor.revision) ? 'restart' : undefined;
    const lost = this.#lost;
    return lost && cursor.revision >= lost.from && cursor.revision < lost.to ? 'restart' : 'compacted';
  }
}
