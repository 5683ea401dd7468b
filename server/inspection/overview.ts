import {
  utf8Bytes,
  type ConnectionView,
  type GroupView,
  type Overview,
  type SubscriptionView,
} from '../../protocol/index.js';
import type { Group } from '../delivery/group.js';
import type { Hub } from '../delivery/hub.js';
import type { Session } from '../sessions/session.js';
import type { DeliveryState } from '../delivery/delivery-state.js';
import type { Subscription } from '../delivery/subscription.js';

type Listed = Pick<Overview, 'totals' | 'connections' | 'groups' | 'problems'>;

/** Lists the connections, the groups, and the files that cannot be read, with at most `limit` entries each, and the totals. */
export function listDelivery(hub: Hub, sessions: Iterable<Session>, limit: number): Listed {
  const connections: ConnectionView[] = [];
  const totals = { connections: 0, subscriptions: 0, behind: 0 };
  let subscriptionsLeft = limit;
  const room = new Room();
  for (const session of sessions) {
    totals.connections++;
    totals.subscriptions += session.subscriber.count;
    for (const { isBehind } of session.subscriber.subscriptions) if (isBehind) totals.behind++;
    if (connections.length === limit || !room.isLeft) continue;
    const view = connectionView(session, subscriptionsLeft, hub.revision, room);
    subscriptionsLeft -= view.subscriptions.length;
    connections.push(view);
  }
  const { store, fanOut } = hub;
  return {
    totals: {
      ...totals,
      records: store.size,
      groups: fanOut.groupCount,
      problems: store.problems.size,
      stalls: hub.stalls,
    },
    connections,
    groups: fitting(take(fanOut.groups(), limit).map(groupView)),
    problems: fitting(take(store.problems, limit).map(({ kind, id, problem }) => ({ kind, id, problem: problem! }))),
  };
}

/** The size of one list of an overview. All three together stay well below 1 MiB, a size that many clients refuse to receive. */
const LIST_BYTES = 262_144;

/** The rest of {@link LIST_BYTES}. The first entry that does not fit sets it to 0. */
class Room {
  #left = LIST_BYTES;

  get isLeft(): boolean {
    return this.#left > 0;
  }

  /** Subtracts the size of an entry. @returns whether any room is left. */
  take(entry: unknown): boolean {
    const bytes = utf8Bytes(JSON.stringify(entry));
    if (bytes > this.#left) this.#left = 0;
    else this.#left -= bytes;
    return this.isLeft;
  }
}

function fitting<T>(entries: readonly T[]): T[] {
  const room = new Room();
  const end = entries.findIndex((entry) => !room.take(entry));
  return entries.slice(0, end < 0 ? entries.length : end);
}

function connectionView(session: Session, limit: number, now: number, room: Room): ConnectionView {
  const { id, name = null, encoding, openedAt, subscriber } = session;
  const { socket, state } = subscriber.port;
  const listed: SubscriptionView[] = [];
  for (const subscription of take(subscriber.subscriptions, limit)) {
    const view = subscriptionView(subscription, now);
    if (view.some((entry) => !room.take(entry))) break;
    listed.push(...view);
  }
  const view = {
    id,
    name,
    encoding,
    remote: socket.remote ?? '',
    since_ms: openedAt,
    flow: state === 'open' ? ('open' as const) : ('congested' as const),
    queued_bytes: socket.queuedBytes,
    subscription_count: subscriber.count,
    subscriptions: listed,
  };
  room.take({ ...view, subscriptions: [] });
  return view;
}

function subscriptionView(subscription: Subscription, now: number): SubscriptionView[] {
  const { id, group, maxEvents, delivered, state } = subscription;
  if (state.at === 'ended') return [];
  return [
    {
      sub: id,
      group: group.id,
      filter: group.filter,
      max_events: maxEvents === Infinity ? null : maxEvents,
      delivered,
      state: state.at,
      behind: behind(state, now),
    },
  ];
}

function behind(state: DeliveryState, now: number): number {
  switch (state.at) {
    case 'snapshot':
      return state.versions.length - state.next;
    case 'replay':
    case 'lagging':
      return now - state.after;
    case 'live':
    case 'ended':
      return 0;
  }
}

function groupView({ id, filter, encoding, members, index }: Group): GroupView {
  return { id, filter, encoding, members: members.length, index };
}

function take<T>(items: Iterable<T>, limit: number): T[] {
  const taken: T[] = [];
  if (limit === 0) return taken;
  for (const item of items) {
    taken.push(item);
    if (taken.length === limit) break;
  }
  return taken;
}
