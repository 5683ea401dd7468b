import { revision, type Cursor, type Epoch, type ResyncReason, type Revision } from '../../protocol/index.js';
import { UNSUPERVISED, type Supervision } from '../runtime/supervisor.js';
import type { CurrentRecords } from '../store/current-records.js';
import { History, type HistoryLimits, type LostPositions } from '../store/history.js';
import type { StoreEvent } from '../store/store-event.js';
import { FanOut } from './fan-out.js';

/** Where a stream begins. */
export interface HubStart {
  readonly epoch: Epoch;
  /** The records as they are now. */
  readonly store: CurrentRecords;
  /** The events that have led there, as far back as they are known, up to the store's revision. */
  readonly past?: readonly StoreEvent[];
  readonly lost?: LostPositions | undefined;
}

export interface HubLimits extends HistoryLimits {
  /** Bytes that may wait for a socket. */
  readonly maxQueuedBytes: number;
}

/** The stream: the records as they are, what led there, and who is told. Knows nothing of files and sockets. */
export class Hub {
  /** Subscriptions that began anew, by why. */
  readonly resyncs: Record<ResyncReason, number> = { compacted: 0, epoch: 0, future: 0, lagged: 0, restart: 0 };
  /** Events given to subscriptions that were not live: of snapshots, of replay, of what they had missed. */
  deliveredBehind = 0;
  /** Sessions that waited for a socket which had nothing left to take: a fault of ours, so that it must stay 0. */
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
    for (const event of past) this.history.append(event);
    this.fanOut = new FanOut(store.revision, limits.maxQueuedBytes, supervision);
    this.#lost = lost;
  }

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
    const lost = this.#lost;
    return lost && cursor.revision >= lost.from && cursor.revision < lost.to ? 'restart' : 'compacted';
  }
}
