import type { Conflict } from '../../../protocol/index.js';
import type { Lease } from './lease.js';
import { momentAt, swarmOf } from './swarm-of.js';
import type { World } from './world.js';

/** An address that more than one run holds, or has announced work on that excludes the other's. */
export interface Contest {
  readonly address: string;
  readonly conflict: Conflict;
  /** The leases of it, the first one of each side; none where only intents are in conflict. */
  readonly leases: readonly Lease[];
}

export function contestsOf(world: World, leases: readonly Lease[], nowMs: number): Contest[] {
  const byId = new Map(leases.map((lease) => [lease.lease.reservation, lease]));
  return swarmOf(world)
    .conflicts(momentAt(nowMs))
    .map((conflict) => {
      const records = conflict.type === 'address_overlap' ? conflict.parties.map(({ record }) => record) : [];
      const own = records.map((id) => byId.get(id)).filter((lease) => lease !== undefined);
      return { address: conflict.address, conflict, leases: own };
    });
}
