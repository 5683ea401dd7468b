import { agentsOf, type Agent } from '../model/agents.js';
import { attentionOf, isRecentlyLapsed } from '../model/attention.js';
import { contestsOf, type Contest } from '../model/contention.js';
import { isHeld, leasesOf, type Lease } from '../model/lease.js';
import { LAPSING_WITHIN_MS, type Attention } from '../model/matter.js';
import type { Overview } from '../model/overview.js';
import type { Query } from '../model/query.js';
import type { ReplayedState } from '../model/replayed-state.js';
import { waitLinesOf, type WaitLine } from '../model/waits.js';
import type { Summary } from './paint.js';

/** The values derived from a replayed state at a moment, computed once for everything that a paint shows. */
export interface DerivedState {
  readonly replayed: ReplayedState;
  readonly nowMs: number;
  readonly leases: readonly Lease[];
  readonly agents: readonly Agent[];
  readonly contests: readonly Contest[];
  /** Keys of the leases that are contested. */
  readonly contested: ReadonlySet<string>;
  readonly waits: readonly WaitLine[];
  readonly attention: readonly Attention[];
}

export function deriveState(replayed: ReplayedState, nowMs: number, overview: Overview | undefined): DerivedState {
  const leases = leasesOf(replayed, nowMs);
  const agents = agentsOf(replayed, leases, nowMs);
  const contests = contestsOf(replayed, leases, nowMs);
  const waits = waitLinesOf(replayed, leases, agents, nowMs);
  return {
    replayed,
    nowMs,
    leases,
    agents,
    contests,
    contested: new Set(contests.flatMap(({ leases: own }) => own.map(({ key }) => key))),
    waits,
    attention: attentionOf({ replayed, leases, agents, contests, waits, overview, nowMs }),
  };
}

export const isContested = ({ contested }: DerivedState, { key }: Lease): boolean => contested.has(key);

export function summarize(
  derived: DerivedState,
  recent: { readonly eventsPerSecond: number; readonly lagMs: number | undefined },
): Summary {
  const { replayed, leases, agents, contests, waits, attention, nowMs } = derived;
  const active = leases.filter(isHeld);
  return {
    revision: replayed.revision,
    records: replayed.size,
    agents: countBy(agents, ({ presence }) => presence, { live: 0, quiet: 0, silent: 0 }),
    leases: {
      active: active.length,
      lapsing: active.filter(({ endMs }) => endMs !== undefined && endMs - nowMs <= LAPSING_WITHIN_MS).length,
      lapsed: leases.filter((lease) => isRecentlyLapsed(lease, nowMs)).length,
    },
    contested: contests.length,
    attention: countBy([...waits, ...attention], ({ severity }) => severity, { critical: 0, warning: 0, info: 0 }),
    waiting: new Set(waits.flatMap(({ waiters }) => waiters.map(({ run }) => run))).size,
    ...recent,
  };
}

function countBy<T, K extends string>(
  items: readonly T[],
  keyOf: (item: T) => K,
  zero: Record<K, number>,
): Record<K, number> {
  for (const item of items) zero[keyOf(item)]++;
  return zero;
}

export const matchesLease = (query: Query, lease: Lease): boolean => query.matchesRecord(lease.reservation);

/** An agent matches by itself or by any of its leases. */
export function matchesAgent(query: Query, agent: Agent): boolean {
  if (query.isEmpty) return true;
  const data = { run_id: agent.run, branch: agent.branch, detail: agent.intent };
  return query.matchesRecord({ data }) || agent.leases.some((lease) => matchesLease(query, lease));
}
