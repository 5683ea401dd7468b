import type { Cursor, ResyncReason, SubscribeMode, SubscribeOptions } from '../../protocol/index.js';
import type { InitialDelivery } from './delivery-state.js';
import type { Group } from './group.js';
import type { Hub } from './hub.js';

/** How a new subscription begins, and what the answer to its client says. */
export interface DeliveryPlan {
  readonly begins: InitialDelivery;
  readonly mode: SubscribeMode;
  /** The client's cursor until it receives the first event. */
  readonly cursor: Cursor;
  /** Why the client's cursor could not be used; `undefined` if it could, or the client sent none. */
  readonly resync: ResyncReason | undefined;
}

/** Plans a new subscription: it continues after a usable cursor, or begins with a snapshot or with the next event. */
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

/** Returns the initial state without a usable cursor: the snapshot of the present cut, or an empty replay up to now. */
export function deliveryFromNow(hub: Hub, group: Group, withSnapshot: boolean): InitialDelivery {
  const joinAt = group.index;
  if (!withSnapshot) return { at: 'replay', after: hub.revision, until: hub.revision, joinAt };
  const { versions, revision } = hub.store.cut();
  return { at: 'snapshot', versions, next: 0, cut: revision, joinAt };
}
