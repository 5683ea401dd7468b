import type { Cursor, Epoch, ResyncReason, Revision } from '../../protocol/index.js';
import type { History, LostPositions } from '../store/history.js';
import type { CurrentRecords } from '../store/current-records.js';
import type { StoreEvent } from '../store/store-event.js';
import type { FanOut } from './fan-out.js';

/** The stream: the records as they are, what led there, and who is told. Knows nothing of files and sockets. */
export class Hub {
  /** Subscriptions that began anew, by why. */
  readonly resyncs: Record<ResyncReason, number> = { compacted: 0, epoch: 0, future: 0, lagged: 0, restart: 0 };
  /** Events given to subscriptions that were not live: of snapshots, of replay, of what they had missed. */
  deliveredBehind = 0;
  /** Sessions that waited for a socket which had nothing left to take: a fault of ours, so that it must stay 0. */
  stalls = 0;

  constructor(
    readonly epoch: Epoch,
    readonly store: CurrentRecords,
    readonly history: History,
    readonly fanOut: FanOut,
    private readonly lost?: LostPositions,
  ) {}

  /** The revision up to which every live subscription has been told. */
  get revision(): Revision {
    return this.fanOut.published;
  }

  /** Keeps one turn's events and tells everyone; what can wait until they are told, waits. */
  publish(events: readonly StoreEvent[]): void {
    for (const event of events) this.history.append(event);
    this.fanOut.publish(events);
    this.store.settle();
  }

  /** @returns why the events after a cursor cannot be replayed; `undefined` where they can. */
  resyncReason(cursor: Cursor): Exclude<ResyncReason, 'lagged'> | undefined {
    if (cursor.epoch !== this.epoch) return 'epoch';
    if (cursor.revision > this.revision) return 'future';
    if (cursor.revision >= this.history.base) return undefined;
    return this.lost && cursor.revision >= this.lost.from && cursor.revision < this.lost.to ? 'restart' : 'compacted';
  }
}
