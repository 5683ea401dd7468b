import type { Agent } from '../model/agents.js';
import { isHeld, isListed, type Lease } from '../model/lease.js';
import type { Query } from '../model/query.js';
import { blockedBy, waitsOf } from '../model/waits.js';
import type { AgentGrouping, AgentSort, ViewState } from './messages.js';
import type { AgentRow, LeaseCell } from './paint.js';
import { isContested, matchesAgent, type DerivedState } from './derived-state.js';

const MAX_LEASES = 3;

/** Returns the matching agents, sorted, with a heading before each group. */
export function agentRows(
  derived: DerivedState,
  query: Query,
  { sort, grouping }: Pick<ViewState, 'sort' | 'grouping'>,
): AgentRow[] {
  const compare = COMPARISONS[sort.by];
  const direction = sort.descending ? -1 : 1;
  const agents = derived.agents
    .filter((agent) => matchesAgent(query, agent))
    .sort((a, b) => direction * compare(a, b, derived) || (a.run < b.run ? -1 : 1));
  const row = (agent: Agent): AgentRow => agentRow(agent, derived);
  if (grouping === 'none') return agents.map(row);
  const groups = new Map<string, Agent[]>();
  for (const agent of agents) {
    const label = GROUP_LABELS[grouping](agent);
    const group = groups.get(label);
    if (group) group.push(agent);
    else groups.set(label, [agent]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([label, group]) => [{ row: 'group', label, count: group.length } as const, ...group.map(row)]);
}

export function agentRow(agent: Agent, derived: DerivedState): Extract<AgentRow, { row: 'agent' }> {
  const { run, branch, presence, silentMs, sinceBeatMs, leases, intent, activity } = agent;
  const shown = leases.filter((lease) => lease.state !== 'released' && isListed(lease, derived.nowMs));
  return {
    row: 'agent',
    run,
    branch,
    presence,
    silentMs,
    sinceBeatMs,
    leases: shown.slice(0, MAX_LEASES).map((lease) => leaseCell(lease, derived)),
    moreLeases: Math.max(0, shown.length - MAX_LEASES),
    intent,
    wait: waitsOf(derived.waits, run)[0],
    blocks: new Set(blockedBy(derived.waits, run).flatMap(({ waiters }) => waiters.map((waiter) => waiter.run))).size,
    activity,
  };
}

function leaseCell(lease: Lease, derived: DerivedState): LeaseCell {
  const { key, state, addresses, endMs, renewedMs } = lease;
  const leftMs = endMs === undefined ? undefined : endMs - derived.nowMs;
  return {
    key,
    state,
    address: addresses[0] ?? '',
    more: Math.max(0, addresses.length - 1),
    leftMs,
    share: leftMs === undefined ? 1 : Math.max(0, Math.min(1, leftMs / Math.max(1, endMs! - renewedMs))),
    isContested: isContested(derived, lease),
  };
}

const GROUP_LABELS: Readonly<Record<Exclude<AgentGrouping, 'none'>, (agent: Agent) => string>> = {
  branch: ({ branch }) => branch || 'no branch',
  presence: ({ presence }) => presence,
};

type Compare = (a: Agent, b: Agent, derived: DerivedState) => number;

const COMPARISONS: Readonly<Record<AgentSort, Compare>> = {
  attention: (a, b, derived) => urgency(b, derived) - urgency(a, derived) || endOf(a) - endOf(b),
  run: () => 0,
  branch: (a, b) => (a.branch === b.branch ? 0 : a.branch < b.branch ? -1 : 1),
  leases: (a, b) => heldBy(a) - heldBy(b),
  ends: (a, b) => endOf(a) - endOf(b),
  beat: (a, b) => (a.sinceBeatMs ?? Infinity) - (b.sinceBeatMs ?? Infinity),
};

/** Ranks agents that hold others up or contend first, then those that wait, then silent holders, then other holders, then the rest. */
function urgency(agent: Agent, derived: DerivedState): number {
  if (blockedBy(derived.waits, agent.run).length > 0) return 5;
  if (agent.leases.some((lease) => isContested(derived, lease))) return 4;
  if (waitsOf(derived.waits, agent.run).length > 0) return 3;
  const holds = agent.leases.some(isHeld);
  if (holds && agent.presence !== 'live') return 2;
  return holds ? 1 : 0;
}

const heldBy = ({ leases }: Agent): number => leases.filter(isHeld).length;
const endOf = ({ leases }: Agent): number => leases.find(isHeld)?.endMs ?? Infinity;
