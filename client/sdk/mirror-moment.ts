import { LEASE_KINDS, unixMillis, type Kind, type Moment } from '../../protocol/index.js';
import type { MirrorSource } from './mirror-options.js';
import type { MirrorState } from './mirror-state.js';
import type { RecordView } from './record-view.js';
import { unseenOf } from './unseen.js';

const ALL_LEASE_KINDS: ReadonlySet<Kind> = new Set(LEASE_KINDS);

/** The moment at which a mirror can be asked: up to when it has everything, and whether it sees all leases. */
export function mirrorMoment(bus: MirrorSource, state: MirrorState, views: readonly RecordView[]): Moment {
  const now = unixMillis(bus.serverNow());
  // This host's clock alone ends no lease: it ends when the server has sent everything up to its end.
  const completeUntil = unixMillis(Math.min(now, ...views.map(({ provenUntil }) => provenUntil)));
  const { status } = bus;
  const isSeen =
    state.at === 'live' &&
    status.state === 'live' &&
    (status.health === undefined || unseenOf(status.health) === undefined) &&
    views.every(({ isCurrent }) => isCurrent);
  return isSeen ? { now, completeUntil } : { now, completeUntil, unseen: ALL_LEASE_KINDS };
}
