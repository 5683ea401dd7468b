import { LEASE_KINDS, Swarm, unixMillis, type Kind, type Moment, type SwarmRecord } from '../../../protocol/index.js';
import type { ReplayedState } from './replayed-state.js';

/**
 * One swarm serves all states. The states share their records, which never change, so for another state only the differences are read; and of
 * a state that has gone on, only its changes.
 */
const swarm = new Swarm();
let last: { readonly replayed: ReplayedState; readonly nextSeq: number } | undefined;

/** Returns the swarm of a state. It is valid until the next call. */
export function swarmOf(replayed: ReplayedState): Swarm {
  if (last?.replayed === replayed && last.nextSeq === replayed.nextSeq) return swarm;
  const changes = replayed.takeChanges();
  if (last?.replayed === replayed && changes) swarm.change(changes);
  else swarm.replace(recordsOf(replayed));
  last = { replayed, nextSeq: replayed.nextSeq };
  return swarm;
}

function* recordsOf({ byKind }: ReplayedState): Generator<SwarmRecord> {
  for (const records of Object.values(byKind)) yield* records.values();
}

const ALL_LEASE_KINDS: ReadonlySet<Kind> = new Set(LEASE_KINDS);

export const momentAt = ({ isUnseen }: ReplayedState, nowMs: number): Moment => ({
  now: unixMillis(nowMs),
  ...(isUnseen ? { unseen: ALL_LEASE_KINDS } : {}),
});
