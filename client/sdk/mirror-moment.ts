import { LEASE_KINDS, unixMillis, type Kind, type Moment, type WatchHealth } from '../../protocol/index.js';
import type { MirrorSource } from './mirror-options.js';
import type { MirrorState } from './mirror-state.js';
import type { RecordView } from './record-view.js';

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
    (status.health === undefined || isAllSeen(status.health)) &&
    views.every(({ isCurrent }) => isCurrent);
  return isSeen ? { now, completeUntil } : { now, completeUntil, unseen: ALL_LEASE_KINDS };
}

/**
 * Whether the server sees all files. An older server sends no `state`, only `healthy`. An edge sees the files through its origin, so it
 * sees nothing while the origin is away.
 */
function isAllSeen({ state, healthy, origin }: WatchHealth): boolean {
  return origin !== 'away' && (state === undefined ? healthy : state === 'watching');
}
