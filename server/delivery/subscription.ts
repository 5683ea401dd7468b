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
import { encodeMessage, frameOf } from './frames.js';
import type { Group, GroupMember } from './group.js';
import type { Port } from './port.js';

/** How a subscription began, or last began again: with the records at a revision, or with what followed it. */
export interface Beginning {
  readonly by: 'snapshot' | 'replay';
  readonly from: Revision;
  /** Why its cursor, or what it had missed, was of no use. */
  readonly resync?: ResyncReason;
}

/** The connection of a subscription, as the subscription sees it. */
export interface SubscriptionOwner {
  readonly port: Port;
  readonly encoding: Encoding;
  /** Takes all its live subscriptions off the hot path, everything up to `after` having been sent. */
  fallBehind(after: Revision): void;
  /** The subscription has just ended. */
  ended(subscription: Subscription): void;
  /** A fault of the server over this connection, which ends it. */
  fail(where: string, error: unknown): void;
}

export interface SubscriptionPlan {
  /** Infinity where there is no cap. */
  readonly maxEvents: number;
  readonly wantsSnapshot: boolean;
  readonly begins: InitialDelivery;
  readonly resync: ResyncReason | undefined;
}

/**
 * One subscription of one connection: how far it has been served. It alone changes its state, by {@link nextState}, and it says
 * itself on the wire what that means.
 */
export class Subscription implements GroupMember {
  slot = -1;
  readonly maxEvents: number;
  readonly wantsSnapshot: boolean;
  #state: DeliveryState;
  #beginning: Beginning;
  /** Events sent since it last began; the `n` of the next batch is one more. */
  #batched = 0;
  /** Events sent outside the group's count: those of snapshots and replay, and of earlier stays in the count. */
  #sentApart = 0;
  /** The group's index at which it joined the count. */
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

  /** All events sent so far. */
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

  /** How many more events its cap allows. */
  get remaining(): number {
    return this.maxEvents - this.delivered;
  }

  /** The group's index at which the cap is reached; nothing at or after it is for this subscription. */
  get endIndex(): number {
    return this.#joinedAt + this.maxEvents - this.#sentApart;
  }

  /** Whether catch-up has something to do for it. */
  get isBehind(): boolean {
    return this.#state.at !== 'live' && this.#state.at !== 'ended';
  }

  // ── catching up ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends some of a snapshot. `next` is the place of the first record that was not looked at. */
  sendSnapshot(events: readonly Uint8Array[], next: number): void {
    this.#become({ is: 'snapshot-sent', next });
    this.#sendBatch(events);
    if (this.#state.at === 'snapshot' && next === this.#state.versions.length) this.#sync(this.#state);
  }

  /** Sends some of a replay. Everything up to `after` was looked at. */
  sendReplay(events: readonly Uint8Array[], after: Revision): void {
    this.#become({ is: 'history-sent', after, events: events.length });
    this.#sendBatch(events);
    if (this.#state.at === 'replay' && after === this.#state.until) this.#sync(this.#state);
  }

  /**
   * Sends events that the group has counted in the meantime, in the frames of the group. Everything up to `after` was looked at.
   * @returns whether the port took them; where it did not, nothing has changed.
   */
  sendMissed(events: readonly Uint8Array[], after: Revision): boolean {
    if (this.#state.at !== 'lagging') return false;
    if (events.length > 0 && this.owner.port.offer(this.#groupFrame(events, this.#state.index)) === 'dropped')
      return false;
    this.#become({ is: 'history-sent', after, events: events.length });
    if (this.remaining === 0) this.complete('max_events');
    return true;
  }

  /** Nothing is left to send: from here on it is told with its group. */
  goLive(): void {
    if (this.#state.at !== 'lagging') return;
    const { index } = this.#state;
    if (index !== this.group.index)
      throw new Error(`replay counts ${String(index)}, the group ${String(this.group.index)}`);
    this.#become({ is: 'caught-up' });
  }

  // ── on the hot path ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The port is congested: `index` is the group's number of the event that follows `after`. */
  fallBehind(after: Revision, index: number): void {
    this.#become({ is: 'fell-behind', after, index });
  }

  /** Sends the last events that the cap allows, until revision `last`, in a frame of its own, and ends. */
  sendLast(events: readonly Uint8Array[], index: number, last: Revision): void {
    this.#become({ is: 'fell-behind', after: last, index: index + events.length });
    this.owner.port.send(this.#groupFrame(events, index));
    this.complete('max_events');
  }

  // ── beginning again, and ending ───────────────────────────────────────────────────────────────────────────────────

  /** Begins again, outside the group's count. */
  restart(by: InitialDelivery, resync: ResyncReason): void {
    this.#tell([MessageType.resync, this.id, resync]);
    if (this.#state.at === 'ended') return;
    this.#sentApart = this.delivered;
    this.#batched = 0;
    this.#become({ is: 'restarted', by });
    this.#beginning = beginningOf(by, resync);
  }

  /** Says the last word on it. */
  complete(reason: CompleteReason): void {
    if (this.#state.at === 'ended') return;
    this.#tell([MessageType.complete, this.id, reason, this.delivered]);
    this.end(reason);
  }

  /** Ends it without a word. */
  end(reason: EndReason): void {
    // A last word that cannot be sent closes the socket, which ends everything before it returns.
    if (this.#state.at === 'ended') return;
    this.#sentApart = this.delivered;
    this.#become({ is: 'ended', reason });
    this.owner.ended(this);
  }

  // ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The one place where the state changes. Who is live is in the group's list, and nobody else. */
  #become(event: DeliveryEvent): void {
    const wasLive = this.#state.at === 'live';
    this.#state = nextState(this.#state, event);
    const isLive = this.#state.at === 'live';
    if (wasLive && !isLive) this.group.leave(this);
    if (!wasLive && isLive) this.group.join(this);
  }

  #sendBatch(events: readonly Uint8Array[]): void {
    if (events.length > 0) {
      const head = { type: MessageType.batch, to: this.id, first: this.#batched + 1 };
      this.#sentApart += events.length;
      this.#batched += events.length;
      this.owner.port.sendOrClose(frameOf(head, events, this.owner.encoding));
    }
    if (this.remaining === 0) this.complete('max_events');
  }

  #sync(state: InitialDelivery): void {
    this.#tell([MessageType.synced, this.id, state.at === 'snapshot' ? state.cut : state.until, state.joinAt]);
    if (this.#state.at === 'ended') return;
    this.#joinedAt = state.joinAt;
    this.#become({ is: 'synced' });
  }

  #groupFrame(events: readonly Uint8Array[], first: number): Uint8Array {
    return frameOf({ type: MessageType.events, to: this.group.id, first }, events, this.owner.encoding);
  }

  #tell(message: ServerMessage): void {
    this.owner.port.sendOrClose(encodeMessage(message, this.owner.encoding));
  }
}

function beginningOf(begins: InitialDelivery, resync: ResyncReason | undefined): Beginning {
  const from = begins.at === 'snapshot' ? begins.cut : begins.after;
  return { by: begins.at, from, ...(resync === undefined ? {} : { resync }) };
}
