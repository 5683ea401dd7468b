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

/** The number of ended subscriptions that are kept, so that an explanation can say why an event was not delivered. */
const MAX_REMEMBERED = 16;

const NO_SUBSCRIPTIONS: readonly Subscription[] = [];

/** The calls of a subscriber to its session. */
export interface SubscriberOwner extends PortOwner {
  fail(where: string, error: unknown): void;
}

/** What the answer to the client says about a new subscription. */
export interface Subscribed {
  readonly group: number;
  readonly mode: SubscribeMode;
  readonly cursor: Cursor;
  readonly resync: ResyncReason | undefined;
}

/** One connection as delivery sees it: its port and its subscriptions. */
export class Subscriber implements SubscriptionOwner {
  readonly port: Port;
  /** In the order in which they began. Replaced at each change: most connections have one, and an array of one is a third of a map of one. */
  #subscriptions: readonly Subscription[] = NO_SUBSCRIPTIONS;
  /** The final progress of the last subscriptions that ended; made when the first ends. */
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

  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions;
  }

  get count(): number {
    return this.#subscriptions.length;
  }

  /** The cost of the globs of all filters, in steps. */
  get filterCost(): number {
    let sum = 0;
    for (const { group } of this.#subscriptions) sum += group.matcher.cost;
    return sum;
  }

  get isBehind(): boolean {
    return this.#subscriptions.some(({ isBehind }) => isBehind);
  }

  get(id: SubscriptionId): Subscription | undefined {
    return this.#subscriptions.find((subscription) => subscription.id === id);
  }

  /** Returns the progress of a subscription, or its final progress if it has ended; `undefined` if none is known. */
  progress(id: SubscriptionId): SubscriptionProgress | undefined {
    const subscription = this.get(id);
    return subscription ? progressOf(subscription, this.hub.revision) : this.#ended?.get(id);
  }

  /** Begins a subscription. Sends nothing yet. */
  add(id: SubscriptionId, options: SubscribeOptions): Subscribed {
    const taken = new Set(this.#subscriptions.map(({ group }) => group));
    const group = this.hub.fanOut.acquire(options.filter, this.encoding, (candidate) => taken.has(candidate));
    const { begins, mode, cursor, resync } = planDelivery(this.hub, group, options);
    const plan = {
      begins,
      resync,
      maxEvents: options.maxEvents ?? Infinity,
      wantsSnapshot: options.snapshot === 'full',
    };
    // Not a spread, which makes room for seventeen.
    this.#subscriptions = this.#subscriptions.concat(new Subscription(id, this, group, plan));
    return { group: group.id, mode, cursor, resync };
  }

  /** Takes all live subscriptions off the hot path. All their events up to `after` have been sent. */
  fallBehind(after: Revision): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.state.at === 'live') subscription.fallBehind(after, subscription.group.index);
    }
  }

  ended(subscription: Subscription): void {
    if (subscription.state.at !== 'ended') return;
    if (subscription.state.reason !== 'disconnected') this.#remember(subscription);
    this.#subscriptions = this.#subscriptions.filter((other) => other !== subscription);
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
