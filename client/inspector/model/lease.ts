import {
  endOf,
  isHeld as isHeldLease,
  isHistory,
  recordKey,
  unixMillis,
  type Address,
  type Lease as SwarmLease,
  type LeaseState,
} from '../../../protocol/index.js';
import type { RecordKey } from './entry.js';
import { momentAt, swarmOf } from './swarm-of.js';
import type { ReplayedRecord, ReplayedState } from './replayed-state.js';

export type { LeaseState };

/** A lease of the swarm, with what the page shows about it. */
export interface Lease {
  readonly key: RecordKey;
  readonly reservation: ReplayedRecord;
  readonly lease: SwarmLease;
  readonly run: string;
  readonly branch: string;
  readonly addresses: readonly string[];
  readonly startMs: number;
  /** The effective expiry; `undefined` if it has none. */
  readonly endMs: number | undefined;
  /** When it was made or last extended. From here to `endMs` is the time that its holder asked for. */
  readonly renewedMs: number;
  readonly state: LeaseState;
}

/** Returns the lease of every reservation, at a time. */
export function leasesOf(replayed: ReplayedState, nowMs: number): Lease[] {
  return swarmOf(replayed)
    .leases(momentAt(replayed, nowMs))
    .map((lease) => shownLease(lease, replayed.byKind.reservation.get(lease.reservation)!));
}

const shown = new WeakMap<SwarmLease, Lease>();

/** A lease that only goes on is the same object as before, and so is what is shown about it. */
function shownLease(lease: SwarmLease, reservation: ReplayedRecord): Lease {
  let known = shown.get(lease);
  if (known?.reservation !== reservation) shown.set(lease, (known = toLease(lease, reservation)));
  return known;
}

/** Whether the lease keeps others out. */
export const isHeld = ({ lease }: Lease): boolean => isHeldLease(lease);

/** Whether overviews list it: it is held, or ended not long ago. */
export const isListed = ({ lease }: Lease, nowMs: number): boolean =>
  !isHistory(endOf(lease), { now: unixMillis(nowMs) });

function toLease(lease: SwarmLease, reservation: ReplayedRecord): Lease {
  const startMs = lease.createdAt ?? reservation.firstMs;
  return {
    key: recordKey('reservation', lease.reservation),
    reservation,
    lease,
    run: lease.run ?? '',
    branch: lease.branch ?? '',
    addresses: textsOf(lease.addresses),
    startMs,
    endMs: lease.effectiveExpiry,
    renewedMs: Math.max(startMs, lease.extendedBy === undefined ? 0 : (lease.lastBeatAt ?? 0)),
    state: lease.state,
  };
}

const texts = new WeakMap<readonly Address[], readonly string[]>();

/** Computed once for each record, because twenty thousand records are read many times a second. */
function textsOf(addresses: readonly Address[]): readonly string[] {
  let known = texts.get(addresses);
  if (known === undefined) texts.set(addresses, (known = addresses.map(({ text }) => text)));
  return known;
}
