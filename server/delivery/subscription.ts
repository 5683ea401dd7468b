import {
  MessageType,
  type CompleteReason,
  type Encoding,
  type ResyncReason,
  type Revision,
  type ServerMessage,
  type SubscriptionId,
} from '../../protocol/index.js';
import {
  nextState,
  type DeliveryEvent,
  type DeliveryState,
  type EndReason,
  type InitialDelivery,
} from './delivery-state.js';
import { encodeMessage, frameOf, type EventsHead } from './frames.js';
import type { Group, GroupMember } from './group.js';
import type { Port } from './port.js';

/** How a subscription began, or last began again: with the records at the revision `from`, or with the events after it. */
export interface Beginning {
  readonly by: 'snapshot' | 'replay';
  readonly from: Revision;
  /** Why it could not continue after its cursor, or after the last event it was sent. */
  readonly resync?: ResyncReason;
}

/** The connection of a subscription, as the subscription uses it. */
export interface SubscriptionOwner {
  readonly port: Port;
  readonly encoding: Encoding;
  /** Takes all its live subscriptions off the hot path. All their events up to `after` have been sent. */
  fallBehind(after: Revision): void;
  /** Called when a subscription has just ended. */
  ended(subscription: Subscription): void;
  /** Called for a fault of the server that concerns this connection, and ends the connection. */
  fail(where: string, error: unknown): void;
}

/** Events that are sent in one frame. */
export interface Batch {
  readonly count: number;
  frame(head: EventsHead): Uint8Array;
}

export interface SubscriptionPlan {
  /** The cap of the subscription; Infinity if it has none. */
  readonly maxEvents: number;
  readonly wantsSnapshot: boolean;
  readonly begins: InitialDelivery;
  readonly resync: ResyncReason | undefined;
}

/**
 * One subscription of one connection, and how far it has been served. Only the subscription changes its state, by
 * {@link nextState}, and only it sends the messages that report the change.
 */
export class Subscription implements GroupMember {
  slot = -1;
  readonly maxEvents: number;
  readonly wantsSnapshot: boolean;
  #state: DeliveryState;
  #beginning: Beginning;
  /** The number of events sent in batches since it last began; the `n` of the next batch is one more. */
  #batched = 0;
  /** The number of events sent outside the group's present count: in snapshots, in replays, and in the count before a restart. */
  #sentApart = 0;
  /** The group's index at which it began to count with the group. */
  #joinedAt = 0;

  constructor(
    readonly id: SubscriptionId,
    readonly owner: SubscriptionOwner,
    readonly group: Group<Subscription>,
    { maxEvents, wantsSnapshot, begins, resync }: SubscriptionPlan,
  ) {
    this.maxEvents = maxEvents;
    this.wantsSnapshot = wantsSnapshot;
    this.#state = begins;
    this.#beginning = beginningOf(begins, resync);
  }

  get state(): DeliveryState {
    return this.#state;
  }

  get beginning(): Beginning {
    return this.#beginning;
  }

  /** The number of all events sent so far. */
  get delivered(): number {
    switch (this.#state.at) {
      case 'lagging':
        return this.#sentApart + this.#state.index - this.#joinedAt;
      case 'live':
        return this.#sentApart + Math.min(this.group.index, this.endIndex) - this.#joinedAt;
      case 'snapshot':
      case 'replay':
      case 'ended':
        return this.#sentApart;
    }
  }

  /** The number of events that its cap still allows. */
  get remaining(): number {
    return this.maxEvents - this.delivered;
  }

  /** The group's index at which the cap is reached. Events at or after it are not sent to this subscription. */
  get endIndex(): number {
    return this.#joinedAt + this.maxEvents - this.#sentApart;
  }

  /** Whether catch-up has to send something to it. */
  get isBehind(): boolean {
    return this.#state.at !== 'live' && this.#state.at !== 'ended';
  }

  // ── catching up ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends a piece of a snapshot. `next` is the index of the first record that was not matched yet. */
  sendSnapshot(piece: Batch, next: number): void {
    this.#become({ is: 'snapshot-sent', next });
    this.#sendBatch(piece);
    if (this.#state.at === 'snapshot' && next === this.#state.versions.length) this.#sync(this.#state);
  }

  /** Sends a piece of a replay. All events up to `after` have been matched. */
  sendReplay(piece: Batch, after: Revision): void {
    this.#become({ is: 'history-sent', after, events: piece.count });
    this.#sendBatch(piece);
    if (this.#state.at === 'replay' && after === this.#state.until) this.#sync(this.#state);
  }

  /**
   * Sends missed events, which the group has counted meanwhile, as frames of the group. All events up to `after` have been
   * matched.
   * @returns whether the port took them; if not, nothing has changed.
   */
  sendMissed(piece: Batch, after: Revision): boolean {
    if (this.#state.at !== 'lagging') return false;
    const { count } = piece;
    if (count > 0 && this.owner.port.offer(piece.frame(this.#groupHead(this.#state.index))) === 'dropped') return false;
    this.#become({ is: 'history-sent', after, events: count });
    if (this.remaining === 0) this.complete('max_events');
    return true;
  }

  /** Ends catch-up: from now on it receives the frames of its group. */
  goLive(): void {
    if (this.#state.at !== 'lagging') return;
    const { index } = this.#state;
    if (index !== this.group.index)
      throw new Error(`the subscription is at index ${String(index)}, its group at ${String(this.group.index)}`);
    this.#become({ is: 'caught-up' });
  }

  // ── on the hot path ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Leaves the hot path because the port is congested. `index` is the group's index of the first event after `after`. */
  fallBehind(after: Revision, index: number): void {
    this.#become({ is: 'fell-behind', after, index });
  }

  /**
   * Sends the last events that the cap allows, up to the revision `last`, in a frame for it alone, and ends it.
   * @returns whether the port took them; if not, nothing has changed.
   */
  sendLast(events: readonly Uint8Array[], index: number, last: Revision): boolean {
    const frame = frameOf(this.#groupHead(index), events, this.owner.encoding);
    if (this.owner.port.offer(frame) === 'dropped') return false;
    this.#become({ is: 'fell-behind', after: last, index: index + events.length });
    this.complete('max_events');
    return true;
  }

  // ── beginning again, and ending ───────────────────────────────────────────────────────────────────────────────────

  /** Sends `resync` and begins again, outside the group's count. */
  restart(by: InitialDelivery, resync: ResyncReason): void {
    this.#send([MessageType.resync, this.id, resync]);
    if (this.#state.at === 'ended') return;
    this.#sentApart = this.delivered;
    this.#batched = 0;
    this.#become({ is: 'restarted', by });
    this.#beginning = beginningOf(by, resync);
  }

  /** Sends `complete` and ends the subscription. */
  complete(reason: CompleteReason): void {
    if (this.#state.at === 'ended') return;
    this.#send([MessageType.complete, this.id, reason, this.delivered]);
    this.end(reason);
  }

  /** Ends the subscription without a message. */
  end(reason: EndReason): void {
    // If `complete` cannot be sent, the socket is closed, which has ended all its subscriptions already.
    if (this.#state.at === 'ended') return;
    this.#sentApart = this.delivered;
    this.#become({ is: 'ended', reason });
    this.owner.ended(this);
  }

  // ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The only place that changes the state. The group's list has exactly the live subscriptions. */
  #become(event: DeliveryEvent): void {
    const wasLive = this.#state.at === 'live';
    this.#state = nextState(this.#state, event);
    const isLive = this.#state.at === 'live';
    if (wasLive && !isLive) this.group.leave(this);
    if (!wasLive && isLive) this.group.join(this);
  }

  #sendBatch(batch: Batch): void {
    const { count } = batch;
    if (count > 0) {
      const head = { type: MessageType.batch, to: this.id, first: this.#batched + 1 };
      this.#sentApart += count;
      this.#batched += count;
      this.owner.port.sendOrClose(batch.frame(head));
    }
    if (this.remaining === 0) this.complete('max_events');
  }

  #sync(state: InitialDelivery): void {
    this.#send([MessageType.synced, this.id, state.at === 'snapshot' ? state.cut : state.until, state.joinAt]);
    if (this.#state.at === 'ended') return;
    this.#joinedAt = state.joinAt;
    this.#become({ is: 'synced' });
  }

  #groupHead(first: number): EventsHead {
    return { type: MessageType.events, to: this.group.id, first };
  }

  #send(message: ServerMessage): void {
    this.owner.port.sendOrClose(encodeMessage(message, this.owner.encoding));
  }
}

function beginningOf(begins: InitialDelivery, resync: ResyncReason | undefined): Beginning {
  const from = begins.at === 'snapshot' ? begins.cut : begins.after;
  return { by: begins.at, from, ...(resync === undefined ? {} : { resync }) };
}
