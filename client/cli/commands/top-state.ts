import {
  fieldText,
  leaseForm,
  type Agent,
  type AgentState,
  type Conflict,
  type Moment,
  type Swarm,
  type Task,
} from '../../../protocol/index.js';
import type { Holder } from '../../sdk/holders.js';

/** An agent's work. */
export interface AgentRow {
  readonly run: string;
  readonly branch: string;
  readonly state: Exclude<AgentState, 'history'>;
  readonly leases: number;
  readonly addresses: number;
  /** Effective expiry of the first of its leases to end, Unix milliseconds. */
  readonly endsAt: number | undefined;
  /** The latest time that any of its records says, Unix milliseconds. */
  readonly seenAt: number | undefined;
  readonly doing: string;
}

/** An address that several hold, or that one holds and others have announced work on, or whose announced work excludes itself. */
export interface ContentionRow {
  readonly address: string;
  readonly what: 'collision' | 'merge-risk' | 'operation-conflict' | 'wanted';
  readonly holders: readonly string[];
  readonly wanted: readonly string[];
}

/** A task that is not over, or that failed. */
export interface QueueRow {
  readonly task: string;
  readonly state: 'pending' | 'claimed' | 'failed' | 'unknown';
  readonly queue: string | undefined;
  readonly priority: number | undefined;
  readonly claimed_by: string | undefined;
  readonly title: string | undefined;
  readonly waits_for: readonly string[];
}

/** A record with fields that do not say what they should. */
export interface ProblemRow {
  readonly kind: string;
  readonly id: string;
  /** Each field, what stands there and what is right. */
  readonly problems: readonly string[];
}

export interface TopState {
  readonly agents: readonly AgentRow[];
  /** Agents whose work ended long ago: they are counted, not listed. */
  readonly past: number;
  /** The first to end first. */
  readonly leases: readonly Holder[];
  readonly contention: readonly ContentionRow[];
  /** Claimed first, then pending by priority, the highest first, then failed. */
  readonly queue: readonly QueueRow[];
  readonly problems: readonly ProblemRow[];
}

/** What stands for a run that no record names. */
const NOBODY = '?';
const STATE_ORDER: Readonly<Record<AgentRow['state'], number>> = { lapsed: 0, suspect: 1, holding: 2, idle: 3 };

/** What is so at a moment, as three lists. */
export function topState(swarm: Swarm, moment: Moment): TopState {
  const agents = swarm.agents(moment);
  const rows = agents.flatMap((agent) => (agent.state === 'history' ? [] : [agentRow(agent, agent.state)]));
  return {
    agents: rows.sort((a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state] || (a.run < b.run ? -1 : 1)),
    past: agents.length - rows.length,
    leases: swarm.held(moment).map(leaseForm),
    contention: contention(swarm, moment),
    queue: queue(swarm.tasks(moment)),
    problems: swarm.problems().map(({ kind, id, problems }) => ({ kind, id, problems: problems.map(fieldText) })),
  };
}

function agentRow({ run = NOBODY, branches, held, seenAt, doing = '' }: Agent, state: AgentRow['state']): AgentRow {
  return {
    run,
    branch: branches.join(', '),
    state,
    leases: held.length,
    addresses: new Set(held.flatMap(({ addresses }) => addresses.map(({ text }) => text))).size,
    endsAt: held[0]?.effectiveExpiry,
    seenAt,
    doing,
  };
}

const QUEUE_ORDER: Readonly<Record<QueueRow['state'], number>> = { claimed: 0, pending: 1, unknown: 2, failed: 3 };

/** What is over is history, but a task that failed waits for somebody to look at it. */
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

/** Collisions first, then merge risks, work that excludes other work, and what is only waited for. */
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
    for (const { run = NOBODY, operation } of conflict.parties) {
      if (conflict.type === 'address_overlap') row.holders.add(run);
      else row.wanted.add(`${run} (${operation ?? ''})`);
    }
  }
  for (const { run = NOBODY, for: holder = NOBODY, wanted, by } of swarm.waits(moment)) {
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
