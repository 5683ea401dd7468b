import {
  fieldText,
  isoDate,
  leaseForm,
  type Agent,
  type AgentState,
  type Conflict,
  type Moment,
  type Swarm,
  type Task,
} from '../../../protocol/index.js';
import type { Holder } from '../../sdk/holders.js';
import { UNKNOWN_RUN } from './holders.js';
import { waitRows, type WaitRow } from './top-waits.js';

/** The current work of an agent. */
export interface AgentRow {
  readonly run_id: string;
  readonly branch: string;
  readonly state: Exclude<AgentState, 'history'>;
  readonly leases: number;
  readonly addresses: number;
  /** Effective expiry of the first of its leases to end: ISO 8601 UTC. Null if it holds none, or that is unknown. */
  readonly ends_at: string | null;
  /** The latest time in any of its records: ISO 8601 UTC. */
  readonly seen_at: string | null;
  readonly doing: string;
}

/**
 * An address that agents contend for: several runs hold it, one holds it and others have announced work on it, or runs have announced work
 * on it that conflicts.
 */
export interface ContentionRow {
  readonly address: string;
  readonly what: 'collision' | 'merge-risk' | 'operation-conflict' | 'wanted';
  readonly holders: readonly string[];
  readonly wanted: readonly string[];
}

/** A task that is pending, claimed or failed. */
export interface QueueRow {
  readonly task: string;
  readonly state: 'pending' | 'claimed' | 'failed' | 'unknown';
  readonly queue: string | undefined;
  readonly priority: number | undefined;
  readonly claimed_by: string | undefined;
  readonly title: string | undefined;
  readonly waits_for: readonly string[];
}

/** A record with invalid fields. */
export interface ProblemRow {
  readonly kind: string;
  readonly id: string;
  /** Each invalid field, its value and what it should be. */
  readonly problems: readonly string[];
}

export interface TopState {
  /** Deadlocks first, then silent holders, then the longest wait; in each, those for another branch last. */
  readonly waits: readonly WaitRow[];
  readonly agents: readonly AgentRow[];
  /** The number of agents whose work ended long ago. They are counted, not listed. */
  readonly past: number;
  /** The lease that ends first comes first. */
  readonly leases: readonly Holder[];
  readonly contention: readonly ContentionRow[];
  /** Claimed first, then pending by priority, the highest first, then failed. */
  readonly queue: readonly QueueRow[];
  readonly problems: readonly ProblemRow[];
}

const STATE_ORDER: Readonly<Record<AgentRow['state'], number>> = { lapsed: 0, suspect: 1, holding: 2, idle: 3 };

/** The state of the swarm at a moment. */
export function topState(swarm: Swarm, moment: Moment): TopState {
  const agents = swarm.agents(moment);
  const rows = agents.flatMap((agent) => (agent.state === 'history' ? [] : [agentRow(agent, agent.state)]));
  return {
    waits: waitRows(swarm, moment),
    agents: rows.sort((a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state] || (a.run_id < b.run_id ? -1 : 1)),
    past: agents.length - rows.length,
    leases: swarm.held(moment).map(leaseForm),
    contention: contention(swarm, moment),
    queue: queue(swarm.tasks(moment)),
    problems: swarm.problems().map(({ kind, id, problems }) => ({ kind, id, problems: problems.map(fieldText) })),
  };
}

function agentRow(
  { run = UNKNOWN_RUN, branches, held, seenAt, doing = '' }: Agent,
  state: AgentRow['state'],
): AgentRow {
  return {
    run_id: run,
    branch: branches.join(', '),
    state,
    leases: held.length,
    addresses: new Set(held.flatMap(({ addresses }) => addresses.map(({ text }) => text))).size,
    ends_at: isoDate(held[0]?.effectiveExpiry),
    seen_at: isoDate(seenAt),
    doing,
  };
}

const QUEUE_ORDER: Readonly<Record<QueueRow['state'], number>> = { claimed: 0, pending: 1, unknown: 2, failed: 3 };

/** Done and cancelled tasks are history; a failed task needs attention. */
function queue(tasks: readonly Task[]): QueueRow[] {
  return tasks
    .flatMap(({ name, state, queue, priority, claimedBy, title, waitsFor }) =>
      state === 'done' || state === 'cancelled'
        ? []
        : [{ task: name, state, queue, priority, claimed_by: claimedBy, title, waits_for: waitsFor }],
    )
    .sort(
      (a, b) =>
        QUEUE_ORDER[a.state] - QUEUE_ORDER[b.state] ||
        (b.priority ?? 0) - (a.priority ?? 0) ||
        (a.task < b.task ? -1 : 1),
    );
}

/** Collisions first, then conflicting work, merge risks, and addresses that are only wanted. */
const WHAT_ORDER: Readonly<Record<ContentionRow['what'], number>> = {
  collision: 0,
  'operation-conflict': 1,
  'merge-risk': 2,
  wanted: 3,
};

function contention(swarm: Swarm, moment: Moment): ContentionRow[] {
  const rows = new Map<
    string,
    { what: ContentionRow['what']; readonly holders: Set<string>; readonly wanted: Set<string> }
  >();
  const rowOf = (address: string, what: ContentionRow['what']) => {
    const row = rows.get(address) ?? { what, holders: new Set<string>(), wanted: new Set<string>() };
    if (WHAT_ORDER[what] < WHAT_ORDER[row.what]) row.what = what;
    rows.set(address, row);
    return row;
  };
  for (const conflict of swarm.conflicts(moment)) {
    const row = rowOf(conflict.address, whatOf(conflict));
    for (const { run = UNKNOWN_RUN, operation } of conflict.parties) {
      if (conflict.type === 'address_overlap') row.holders.add(run);
      else row.wanted.add(`${run} (${operation ?? ''})`);
    }
  }
  for (const { run = UNKNOWN_RUN, for: holder = UNKNOWN_RUN, wanted, by } of swarm.waits(moment)) {
    if (by !== 'intent') continue;
    const row = rowOf(wanted, 'wanted');
    row.holders.add(holder);
    row.wanted.add(run);
  }
  return [...rows]
    .map(([address, { what, holders, wanted }]) => ({
      address,
      what,
      holders: [...holders].sort(),
      wanted: [...wanted].sort(),
    }))
    .sort(
      (a, b) =>
        WHAT_ORDER[a.what] - WHAT_ORDER[b.what] ||
        b.holders.length + b.wanted.length - a.holders.length - a.wanted.length ||
        (a.address < b.address ? -1 : 1),
    );
}

function whatOf({ type, severity }: Conflict): ContentionRow['what'] {
  return type === 'operation_conflict' ? 'operation-conflict' : severity;
}
