import {
  type Encoding,
  type Revision,
  type SubscribeMode,
  type SubscribeOptions,
  type Cursor,
  type ResyncReason,
  type SubscriptionId,
} from '../../protocol/index.js';
import type { Hub } from './hub.js';
import { planDelivery } from './initial-delivery.js';
import { Port, type PortOwner, type Socket } from './port.js';
import { progressOf, type SubscriptionProgress } from './progress.js';
import { Subscription, type SubscriptionOwner } from './subscription.js';

/** Ended subscriptions that are remembered, so that it can be explained why an event was not delivered any more. */
const MAX_REMEMBERED = 16;

/** What a subscriber asks of the session that owns it. */
export interface SubscriberOwner extends PortOwner {
  fail(where: string, error: unknown): void;
}

/** What the client is told of a new subscription. */
export interface Subscribed {
  readonly group: number;
  readonly mode: SubscribeMode;
  readonly cursor: Cursor;
  readonly resync: ResyncReason | undefined;
}

/** One connection as delivery sees it: the port that leads to it, and its subscriptions. */
export class Subscriber implements SubscriptionOwner {
  readonly port: Port;
  readonly #subscriptions = new Map<SubscriptionId, Subscription>();
  /** How the last subscriptions to end stood; made when the first ends. */
  #ended: Map<SubscriptionId, SubscriptionProgress> | undefined;

  constructor(
    socket: Socket,
    readonly encoding: Encoding,
    private readonly hub: Hub,
    maxQueuedBytes: number,
    private readonly owner: SubscriberOwner,
  ) {
    this.port = new Port(socket, maxQueuedBytes, owner);
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#subscriptions.values();
  }

  get count(): number {
    return this.#subscriptions.size;
  }

  /** Steps that the globs of all filters take. */
  get filterCost(): number {
    let sum = 0;
    for (const { group } of this.#subscriptions.values()) sum += group.matcher.cost;
    return sum;
  }

  get isBehind(): boolean {
    for (const subscription of this.#subscriptions.values()) if (subscription.isBehind) return true;
    return false;
  }

  get(id: SubscriptionId): Subscription | undefined {
    return this.#subscriptions.get(id);
  }

  /** How a subscription stands, or stood when it ended; `undefined` where there was none lately. */
  progress(id: SubscriptionId): SubscriptionProgress | undefined {
    const subscription = this.#subscriptions.get(id);
    return subscription ? progressOf(subscription, this.hub.revision) : this.#ended?.get(id);
  }

  /** Begins a subscription, of which nothing has been sent yet. */
  add(id: SubscriptionId, options: SubscribeOptions): Subscribed {
    const taken = new Set([...this.#subscriptions.values()].map(({ group }) => group));
    const group = this.hub.fanOut.acquire(options.filter, this.encoding, (candidate) => taken.has(candidate));
    const { begins, mode, cursor, resync } = planDelivery(this.hub, group, options);
    const plan = {
      begins,
      resync,
      maxEvents: options.maxEvents ?? Infinity,
      wantsSnapshot: options.snapshot === 'full',
    };
    this.#subscriptions.set(id, new Subscription(id, this, group, plan));
    return { group: group.id, mode, cursor, resync };
  }

  /** Takes all that are live off the hot path, everything up to `after` having been sent. */
  fallBehind(after: Revision): void {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.state.at === 'live') subscription.fallBehind(after, subscription.group.index);
    }
  }

  ended(subscription: Subscription): void {
    if (subscription.state.at !== 'ended') return;
    if (subscription.state.reason !== 'disconnected') this.#remember(subscription);
    this.#subscriptions.delete(subscription.id);
    this.hub.fanOut.release(subscription.group);
  }

  fail(where: string, error: unknown): void {
    this.owner.fail(where, error);
  }

  #remember(subscription: Subscription): void {
    this.#ended ??= new Map();
    this.#ended.delete(subscription.id);
    this.#ended.set(subscription.id, progressOf(subscription, this.hub.revision));
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MAX_REMEMBERED) this.#ended.delete(oldest!);
  }
}
