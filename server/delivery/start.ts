import type { Cursor, ResyncReason, SubscribeMode, SubscribeOptions } from '../../protocol/index.js';
import type { Group } from './group.js';
import type { Hub } from './hub.js';
import type { Delivery } from './subscription.js';

/** How a new subscription is served, and what it is told of that. */
export interface Start {
  readonly delivery: Delivery;
  readonly mode: SubscribeMode;
  /** What has been seen by whoever has seen nothing yet. */
  readonly cursor: Cursor;
  /** Why a cursor was of no use. */
  readonly why: ResyncReason | undefined;
}

/** Goes on after a cursor that is still good, and otherwise begins with the records or with what comes next. */
export function startOf(hub: Hub, group: Group, { since, snapshot }: SubscribeOptions): Start {
  const withSnapshot = snapshot === 'full';
  const cursor: Cursor = { epoch: hub.epoch, revision: hub.revision };
  if (since === undefined) {
    const mode = withSnapshot ? 'snapshot' : 'replay';
    return { delivery: anew(hub, group, withSnapshot), mode, cursor, why: undefined };
  }
  const why = hub.whyNot(since);
  if (why !== undefined) {
    hub.resyncs[why]++;
    return { delivery: anew(hub, group, withSnapshot), mode: 'resync', cursor, why };
  }
  const delivery = { at: 'replay', after: since.revision, until: hub.revision, joinAt: group.index } as const;
  return { delivery, mode: 'replay', cursor: since, why: undefined };
}

/** Where a subscription without a usable cursor starts: at the cut of this moment, or with what comes next. */
export function anew(hub: Hub, group: Group, withSnapshot: boolean): Delivery {
  const joinAt = group.index;
  if (!withSnapshot) return { at: 'replay', after: hub.revision, until: hub.revision, joinAt };
  const { versions, revision } = hub.store.cut();
  return { at: 'snapshot', versions, next: 0, cut: revision, joinAt };
}
