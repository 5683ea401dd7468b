import type { Cursor, ResyncReason, SubscribeMode, SubscribeOptions } from '../../protocol/index.js';
import type { InitialDelivery } from './delivery-state.js';
import type { Group } from './group.js';
import type { Hub } from './hub.js';

/** How a new subscription is served, and what its client is told of that. */
export interface DeliveryPlan {
  readonly begins: InitialDelivery;
  readonly mode: SubscribeMode;
  /** What has been seen by a client that has seen nothing yet. */
  readonly cursor: Cursor;
  /** Why a cursor was of no use. */
  readonly resync: ResyncReason | undefined;
}

/** Continues after a cursor that is still good, and otherwise begins with the records or with what comes next. */
export function planDelivery(hub: Hub, group: Group, { since, snapshot }: SubscribeOptions): DeliveryPlan {
  const withSnapshot = snapshot === 'full';
  const cursor: Cursor = { epoch: hub.epoch, revision: hub.revision };
  if (since === undefined) {
    const mode = withSnapshot ? 'snapshot' : 'replay';
    return { begins: deliveryFromNow(hub, group, withSnapshot), mode, cursor, resync: undefined };
  }
  const resync = hub.resyncReason(since);
  if (resync !== undefined) {
    hub.resyncs[resync]++;
    return { begins: deliveryFromNow(hub, group, withSnapshot), mode: 'resync', cursor, resync };
  }
  const begins = { at: 'replay', after: since.revision, until: hub.revision, joinAt: group.index } as const;
  return { begins, mode: 'replay', cursor: since, resync: undefined };
}

/** Where a subscription without a usable cursor begins: at the cut of this moment, or with what comes next. */
export function deliveryFromNow(hub: Hub, group: Group, withSnapshot: boolean): InitialDelivery {
  const joinAt = group.index;
  if (!withSnapshot) return { at: 'replay', after: hub.revision, until: hub.revision, joinAt };
  const { versions, revision } = hub.store.cut();
  return { at: 'snapshot', versions, next: 0, cut: revision, joinAt };
}
