import { isoDate, type Lease, type Moment, type Swarm, type Wait } from '../../../protocol/index.js';

/** A run that waits for what another run has. */
export interface WaitRow {
  readonly run_id: string | null;
  readonly branch: string | null;
  /** The address, or the task, that it waits for. */
  readonly wanted: string;
  /** The run that it waits for. */
  readonly for: string | null;
  readonly by: Wait['by'];
  /** Id of the intent, or of the task that waits. */
  readonly record: string;
  /** Id of the reservation, or of the claim, that blocks it. */
  readonly blocked_by: string;
  readonly same_branch: boolean;
  /** `deadlock`: the runs wait for one another. `silent`: the holder has stopped sending heartbeats. */
  readonly state: 'deadlock' | 'silent' | 'waiting';
  /** Since when it waits: ISO 8601 UTC. Null if the records do not say so. */
  readonly waiting_since: string | null;
  /** When the lease ends: ISO 8601 UTC. Null for a task, and if it is unknown. */
  readonly ends_at: string | null;
  /** The last heartbeat of the holder: ISO 8601 UTC. */
  readonly last_beat_at: string | null;
}

const STATE_ORDER: Readonly<Record<WaitRow['state'], number>> = { deadlock: 0, silent: 1, waiting: 2 };

/**
 * Returns who waits for whom: deadlocks first, then silent holders, then the longest wait. In each, a wait for a run on another branch comes last: it
 * matters only at a merge.
 */
export function waitRows(swarm: Swarm, moment: Moment): WaitRow[] {
  const waits = swarm.waits(moment);
  if (waits.length === 0) return [];
  const announced = new Map(swarm.intents(moment).map(({ id, createdAt }) => [id, createdAt]));
  const inCycle = new Set(
    swarm.deadlocks(moment).flatMap((cycle) => cycle.map((run, i) => pair(run, cycle[(i + 1) % cycle.length]))),
  );
  const rowOf = (wait: Wait): WaitRow => {
    const lease = wait.by === 'intent' ? swarm.lease(wait.blockedBy, moment) : undefined;
    return {
      run_id: wait.run ?? null,
      branch: wait.branch ?? null,
      wanted: wait.wanted,
      for: wait.for ?? null,
      by: wait.by,
      record: wait.record,
      blocked_by: wait.blockedBy,
      same_branch: wait.isSameBranch,
      state: inCycle.has(pair(wait.run, wait.for)) ? 'deadlock' : lease?.state === 'suspect' ? 'silent' : 'waiting',
      waiting_since: waitingSince(announced.get(wait.record), lease),
      ends_at: isoDate(lease?.effectiveExpiry),
      last_beat_at: isoDate(lease?.lastBeatAt),
    };
  };
  return waits
    .map(rowOf)
    .sort(
      (a, b) =>
        STATE_ORDER[a.state] - STATE_ORDER[b.state] ||
        Number(b.same_branch) - Number(a.same_branch) ||
        compare(a.waiting_since ?? LAST, b.waiting_since ?? LAST) ||
        compare(a.wanted, b.wanted) ||
        compare(a.record, b.record),
    );
}

/** Nobody waits for a lease before it exists. */
function waitingSince(announcedAt: number | undefined, lease: Lease | undefined): string | null {
  return announcedAt === undefined ? null : isoDate(Math.max(announcedAt, lease?.createdAt ?? -Infinity));
}

const pair = (run: string | undefined, other: string | undefined): string => JSON.stringify([run, other]);

/** After every date. */
const LAST = '\uffff';
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
