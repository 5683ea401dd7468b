import type { ConnectionView, GroupView, Overview, SubscriptionView } from '../../protocol/index.js';
import type { Group } from '../delivery/group.js';
import type { Hub } from '../delivery/hub.js';
import type { Session } from '../sessions/session.js';
import type { DeliveryState } from '../delivery/delivery-state.js';
import type { Subscription } from '../delivery/subscription.js';

type Listed = Pick<Overview, 'totals' | 'connections' | 'groups' | 'problems'>;

/** Who is connected, who is in which group, and which files cannot be read; lists of at most `limit` entries, and totals. */
export function listDelivery(hub: Hub, sessions: Iterable<Session>, limit: number): Listed {
  const connections: ConnectionView[] = [];
  const totals = { connections: 0, subscriptions: 0, behind: 0 };
  let subscriptionsLeft = limit;
  for (const session of sessions) {
    totals.connections++;
    totals.subscriptions += session.subscriber.count;
    for (const { isBehind } of session.subscriber.subscriptions) if (isBehind) totals.behind++;
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
  const { id, name = null, encoding, openedAt, subscriber } = session;
  const { socket, state } = subscriber.port;
  return {
    id,
    name,
    encoding,
    remote: socket.remote ?? '',
    since_ms: openedAt,
    flow: state === 'open' ? 'open' : 'congested',
    queued_bytes: socket.queuedBytes,
    subscription_count: subscriber.count,
    subscriptions: take(subscriber.subscriptions, limit).flatMap((subscription) => subscriptionView(subscription, now)),
  };
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
