import { isHeld, type Lease } from './lease.js';
import { momentAt, swarmOf } from './swarm-of.js';
import type { ReplayedState } from './replayed-state.js';

/** An agent is `quiet` after this long without an event. */
const QUIET_AFTER_MS = 15_000;
/** An agent is `silent` after this long without an event. */
export const SILENT_AFTER_MS = 90_000;

export type Presence = 'live' | 'quiet' | 'silent';

export interface Agent {
  readonly run: string;
  readonly branch: string;
  readonly presence: Presence;
  /** The time since its last event; `undefined` if it has caused none. */
  readonly silentMs: number | undefined;
  readonly sinceBeatMs: number | undefined;
  /** Held leases first, the one that ends next at the top. */
  readonly leases: readonly Lease[];
  readonly intent: string | undefined;
  readonly activity: readonly number[];
}

export function agentsOf(replayed: ReplayedState, leases: readonly Lease[], nowMs: number): Agent[] {
  const byRun = new Map<string, Lease[]>();
  for (const lease of leases) {
    const own = byRun.get(lease.run);
    if (own) own.push(lease);
    else byRun.set(lease.run, [lease]);
  }
  const known = new Map(
    swarmOf(replayed)
      .agents(momentAt(replayed, nowMs))
      .map((agent) => [agent.run, agent]),
  );
  const agents: Agent[] = [];
  for (const run of replayed.runs.values()) {
    const silentMs = run.lastMs === 0 ? undefined : Math.max(0, nowMs - run.lastMs);
    const presence = presenceAfter(silentMs);
    const agent = known.get(run.id);
    // Work that ended long ago is history, as in every overview, also if its file has only now been written.
    if (agent?.state === 'history' || (presence === 'silent' && run.records === 0)) continue;
    agents.push({
      run: run.id,
      branch: run.branch ?? '',
      presence,
      silentMs,
      sinceBeatMs: run.lastBeatMs === undefined ? undefined : Math.max(0, nowMs - run.lastBeatMs),
      leases: (byRun.get(run.id) ?? []).sort(byUrgency),
      intent: agent?.doing,
      activity: run.activity.read(nowMs),
    });
  }
  return agents;
}

export function presenceAfter(silentMs: number | undefined): Presence {
  if (silentMs === undefined || silentMs > SILENT_AFTER_MS) return 'silent';
  return silentMs > QUIET_AFTER_MS ? 'quiet' : 'live';
}

const byUrgency = (a: Lease, b: Lease): number =>
  Number(isHeld(b)) - Number(isHeld(a)) || (a.endMs ?? Infinity) - (b.endMs ?? Infinity);
