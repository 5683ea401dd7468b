import type { ConnectionView, GroupView, Overview, SubscriptionView } from '../../protocol/index.js';
import type { Group } from './group.js';
import type { Hub } from './hub.js';
import type { Session } from './session.js';
import type { Delivery, Subscription } from './subscription.js';

type Listed = Pick<Overview, 'totals' | 'connections' | 'groups' | 'problems'>;

/** Who is connected, who is in which group, and which files cannot be read; lists of at most `limit` entries, and totals. */
export function listDelivery(hub: Hub, sessions: Iterable<Session>, limit: number): Listed {
  const connections: ConnectionView[] = [];
  const totals = { connections: 0, subscriptions: 0, behind: 0 };
  let subscriptionsLeft = limit;
  for (const session of sessions) {
    totals.connections++;
    totals.subscriptions += session.subscriptionCount;
    for (const { delivery } of session.subscriptions) if (delivery.at !== 'live') totals.behind++;
    if (connections.length === limit) continue;
    const view = connectionView(session, subscriptionsLeft, hub.revision);
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
    groups: take(fanOut.groups(), limit).map(groupView),
    problems: take(store.problems, limit).map(({ kind, id, problem }) => ({ kind, id, problem: problem! })),
  };
}

function connectionView(session: Session, limit: number, now: number): ConnectionView {
  const { id, name = null, encoding, socket, openedAt, subscriptionCount, subscriptions } = session;
  return {
    id,
    name,
    encoding,
    remote: socket.remote ?? '',
    since_ms: openedAt,
    flow: session.isCongested() ? 'congested' : 'open',
    queued_bytes: socket.queuedBytes,
    subscription_count: subscriptionCount,
    subscriptions: take(subscriptions, limit).flatMap((subscription) => subscriptionView(subscription, now)),
  };
}

function subscriptionView(subscription: Subscription, now: number): SubscriptionView[] {
  const { id, group, maxEvents, delivered, delivery } = subscription;
  if (delivery.at === 'ended') return [];
  return [
    {
      sub: id,
      group: group.id,
      filter: group.filter,
      max_events: maxEvents === Infinity ? null : maxEvents,
      delivered,
      state: delivery.at,
      behind: behind(delivery, now),
    },
  ];
}

function behind(delivery: Delivery, now: number): number {
  switch (delivery.at) {
    case 'snapshot':
      return delivery.versions.length - delivery.next;
    case 'replay':
    case 'lagging':
      return now - delivery.after;
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
