import type { Conflict } from '../../../protocol/index.js';
import type { Lease } from './lease.js';
import { momentAt, swarmOf } from './swarm-of.js';
import type { ReplayedState } from './replayed-state.js';

/** An address that several runs hold, or on which they have announced work that excludes each other. */
export interface Contest {
  readonly address: string;
  readonly conflict: Conflict;
  /** The first lease of each side; empty if only intents conflict. */
  readonly leases: readonly Lease[];
}

export function contestsOf(replayed: ReplayedState, leases: readonly Lease[], nowMs: number): Contest[] {
  const conflicts = swarmOf(replayed).conflicts(momentAt(replayed, nowMs));
  if (conflicts.length === 0) return [];
  const byId = new Map(leases.map((lease) => [lease.lease.reservation, lease]));
  return conflicts.map((conflict) => {
    const records = conflict.type === 'address_overlap' ? conflict.parties.map(({ record }) => record) : [];
    const own = records.map((id) => byId.get(id)).filter((lease) => lease !== undefined);
    return { address: conflict.address, conflict, leases: own };
  });
}
