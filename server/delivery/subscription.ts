import type { CompleteReason, ResyncReason, Revision, SubscriptionId } from '../../protocol/index.js';
import type { RecordVersion } from '../store/record-version.js';
import type { Group } from './group.js';
import type { Session } from './session.js';

/** Where a subscription stands. Only `live` is on the hot path; all before it are served in pieces as the socket drains. */
export type Delivery =
  /** Being sent the records of one cut. `joinAt`: the group's index at the cut. */
  | {
      readonly at: 'snapshot';
      readonly versions: readonly RecordVersion[];
      readonly next: number;
      readonly cut: Revision;
      readonly joinAt: number;
    }
  /** Being sent what followed its cursor, up to the moment it subscribed. */
  | { readonly at: 'replay'; readonly after: Revision; readonly until: Revision; readonly joinAt: number }
  /** In step with the group's count, but behind it: `index` is that of the next event it has not been sent. */
  | { readonly at: 'lagging'; readonly after: Revision; readonly index: number }
  | { readonly at: 'live' }
  | { readonly at: 'ended'; readonly reason: CompleteReason | 'disconnected' };

/** How a subscription began, or last began anew: with the records at a revision, or with what followed it. */
export interface Beginning {
  readonly by: 'snapshot' | 'replay';
  readonly from: Revision;
  /** Why its cursor, or what it had missed, was of no use. */
  readonly resync?: ResyncReason;
}

/** One subscription of one connection: where it stands and how much it has been sent. */
export class Subscription {
  /** Its place in the group's list while it is live. */
  slot = -1;
  delivery: Delivery;
  /** Events sent since it last began anew; the `n` of the next batch is one more. */
  batched = 0;
  beginning: Beginning;
  /** Events sent outside the group's count: those of snapshots and replay, and of earlier stays in the count. */
  #sentApart = 0;
  /** The group's index at which it joined the count. */
  #joinedAt = 0;

  constructor(
    readonly id: SubscriptionId,
    readonly session: Session,
    readonly group: Group,
    /** Infinity where there is no cap. */
    readonly maxEvents: number,
    readonly wantsSnapshot: boolean,
    start: Delivery,
    resync?: ResyncReason,
  ) {
    this.delivery = start;
    this.beginning = beginningOf(start, resync);
  }

  /** All events sent so far. */
  get delivered(): number {
    switch (this.delivery.at) {
      case 'lagging':
        return this.#sentApart + this.delivery.index - this.#joinedAt;
      case 'live':
        return this.#sentApart + Math.min(this.group.index, this.endIndex) - this.#joinedAt;
      default:
        return this.#sentApart;
    }
  }

  /** How many more events its cap allows. */
  get remaining(): number {
    return this.maxEvents - this.delivered;
  }

  /** The group's index at which the cap is reached; nothing at or after it is for this subscription. */
  get endIndex(): number {
    return this.#joinedAt + this.maxEvents - this.#sentApart;
  }

  countBatch(events: number): void {
    this.#sentApart += events;
    this.batched += events;
  }

  /** Counts with the group from `index` on, which is the number of the first event after revision `after`. */
  joinCount(index: number, after: Revision): void {
    if (this.delivery.at === 'ended') return;
    this.#joinedAt = index;
    this.delivery = { at: 'lagging', after, index };
  }

  /** Begins anew, outside the count. */
  restart(start: Delivery, resync: ResyncReason): void {
    if (this.delivery.at === 'ended') return;
    this.#sentApart = this.delivered;
    this.batched = 0;
    this.delivery = start;
    this.beginning = beginningOf(start, resync);
  }
}

function beginningOf(start: Delivery, resync: ResyncReason | undefined): Beginning {
  const why = resync === undefined ? {} : { resync };
  switch (start.at) {
    case 'snapshot':
      return { by: 'snapshot', from: start.cut, ...why };
    case 'replay':
    case 'lagging':
      return { by: 'replay', from: start.after, ...why };
    case 'live':
    case 'ended':
      throw new Error(`a subscription does not begin ${start.at}`);
  }
}
